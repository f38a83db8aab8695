#!/usr/bin/env bash
# Static checks of the C sources and the scripts: formatting, clang-tidy, cppcheck, shellcheck.
# usage: scripts/lint.sh [--no-install]
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

case ${1:-} in
    --no-install) ;;
    '') install_packages build test lint ;;
    *) die "usage: scripts/lint.sh [--no-install]" ;;
esac

mapfile -t sources < <(find src tests -name '*.c' | sort)
mapfile -t headers < <(find src tests -name '*.h' | sort)
libraries='libuv hiredis libcjson libjwt libsodium libcrypto zlib sqlite3 libpq libexif libcurl'

say "layers"
scripts/check-layers.sh

say "clang-format"
clang-format --dry-run -Werror "${sources[@]}" "${headers[@]}"

say "clang-tidy"
# shellcheck disable=SC2046,SC2086 # both are lists of words
printf '%s\0' "${sources[@]}" | xargs -0 -n 8 -P "$(nproc)" sh -c '
    clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -DLECTERN_VERSION=\"lint\" -Isrc -Itests '"$(pkg-config --cflags-only-I $libraries)"'
' sh

say "cppcheck"
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c -D_GNU_SOURCE -DLECTERN_VERSION='""' -Isrc \
    --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem -j "$(nproc)" src

say "shellcheck"
shellcheck -x scripts/*.sh .ci/run
