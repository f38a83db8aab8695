#!/usr/bin/env bash
# Installs what the tests need and runs all of them, stage by stage; the first stage that fails ends it, and is named.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'END'
usage: scripts/test.sh [--quick | --long] [--no-install] [--help]

Stages: build, layers, unit tests, npm packages, types, client library, parts of the pages, pages, integration, faults,
browser, fuzzing, then unit and integration tests under AddressSanitizer with UBSan, and under ThreadSanitizer.

  --quick        without faults, browser, fuzzing and sanitizers
  --long         fuzzes each target for FUZZ_SECONDS=300 instead of 10, and runs tests/faults/long as well
  --no-install   install no Debian packages; what is missing fails where it is needed

Environment: FUZZ_SECONDS, and TEST_PATIENCE, a factor for all time limits of integration tests on a slow machine.
END
}

extent=all
install=yes
while [ $# -gt 0 ]; do
    case $1 in
        --quick) extent=quick ;;
        --long) extent=long ;;
        --no-install) install= ;;
        --help | -h) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done

cd "$root"
fuzz_seconds=${FUZZ_SECONDS:-10}
if [ "$extent" = long ]; then fuzz_seconds=${FUZZ_SECONDS:-300}; fi
patience=${TEST_PATIENCE:-1}
jobs=$(nproc)
# Test files at a time: they mostly wait, less so where ThreadSanitizer makes them work twice as much.
files=$((jobs < 4 ? 2 * jobs : 8))
busy_files=$((jobs < 8 ? jobs + 1 : 8))

# --- stages -----------------------------------------------------------------------------------------------------------

current=
on_exit() {
    local status=$?
    if [ "$status" -ne 0 ] && [ -n "$current" ]; then warn "stage '$current' failed (exit code $status)"; fi
    exit "$status"
}
trap on_exit EXIT

# stage NAME COMMAND...
stage() {
    current=$1
    shift
    say "$current  ($(date +%H:%M:%S))"
    "$@" </dev/null
    current=
}

# node_tests LIMIT AT_A_TIME FILE...: the time limit ends a run that hangs.
node_tests() {
    local limit=$1 at_a_time=$2
    shift 2
    timeout --foreground --kill-after=10 "$limit" "${fixed_addresses[@]}" \
        node --test --test-concurrency="$at_a_time" --test-reporter=spec "$@"
}

integration() { # BINARY PATIENCE AT_A_TIME
    LECTERN_BIN=$1 TEST_PATIENCE=$((patience * $2)) node_tests "$((20 * $2))m" "$3" tests/integration/*.test.mjs
}

faults() { # LIMIT FILE...: two at a time, for they measure how long joins take meanwhile
    local limit=$1
    shift
    LECTERN_BIN=build/lectern TEST_PATIENCE=$patience node_tests "$limit" 2 "$@"
}

# sanitized KIND DIRECTORY PATIENCE AT_A_TIME: unit and integration tests in a build of their own.
sanitized() {
    "${fixed_addresses[@]}" make --no-print-directory -j "$jobs" "SANITIZER=$1" "BUILD=$2" all test
    integration "$2/lectern" "$3" "$4"
}

# gcc 12's ThreadSanitizer can't live with the address randomisation of newer kernels.
fixed_addresses=()
without_randomization() {
    if setarch -R true 2>/dev/null; then fixed_addresses=(setarch -R); fi
    "$@"
}

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:second_deadlock_stack=1}

if [ -n "$install" ]; then stage "Debian packages" install_packages build run test; fi
stage "build" make --no-print-directory -j "$jobs" all
stage "layers" scripts/check-layers.sh
stage "unit tests" make --no-print-directory -j "$jobs" test
stage "npm packages" install_npm_packages
stage "types" npm run --silent typecheck
stage "client library" timeout --foreground --kill-after=10 5m npm run --silent test:client
stage "parts of the pages" timeout --foreground --kill-after=10 5m npm run --silent test:pages
stage "pages" build_pages
stage "integration" integration build/lectern 1 "$files"
[ "$extent" != quick ] || exit 0

stage "faults" faults 20m tests/faults/*.test.mjs
stage "browser" timeout --foreground --kill-after=10 20m npm run --silent test:browser
stage "fuzzing" make --no-print-directory -j "$jobs" fuzz "FUZZ_SECONDS=$fuzz_seconds"
if [ "$extent" = long ]; then stage "long faults" faults 120m tests/faults/long/*.test.mjs; fi
stage "AddressSanitizer and UBSan" sanitized address build/asan 2 "$files"
stage "ThreadSanitizer" without_randomization sanitized thread build/tsan 4 "$busy_files"
