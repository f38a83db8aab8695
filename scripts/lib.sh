# shellcheck shell=bash
# What run.sh and test.sh share: messages, Debian packages, npm packages, building. Sourced, from a script with
# `set -euo pipefail`; works with and without a terminal. Everything here is quick when there is nothing to do.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
script=scripts/$(basename "$0")

say() { printf '%s\n' "== $*"; }
warn() { printf '%s\n' "$script: $*" >&2; }
die() {
    warn "$@"
    exit 1
}

# --- Debian packages --------------------------------------------------------------------------------------------------

# packages GROUP...: the entries of these groups in packages.txt.
packages() {
    local group
    for group; do
        awk -v group="$group" '$1 == group { print $2 }' "$root/scripts/packages.txt"
    done
}

# missing_packages GROUP...: what has to be installed. Node and npm count as present wherever they come from, if Node is
# new enough for the pinned npm packages.
missing_packages() {
    local entry name installed found
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
    while read -r entry; do
        case $entry in
            nodejs) if node_is_usable; then continue; fi ;;
            npm) if command -v npm >/dev/null; then continue; fi ;;
            redis-server) if command -v redis-server >/dev/null; then continue; fi ;;
        esac
        found=
        for name in ${entry//|/ }; do
            if grep -qxF -- "$name" <<<"$installed"; then found=$name; fi
        done
        if [ -z "$found" ]; then printf '%s\n' "${entry%%|*}"; fi
    done < <(packages "$@")
}

node_is_usable() {
    command -v node >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "packages are missing and this needs root or sudo: $*"
    fi
}

# install_packages GROUP...: installs what is missing of these groups.
install_packages() {
    local missing=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        warn "this is not a Debian system; needed are the equivalents of: $(packages "$@" | tr '\n' ' ')"
        return 0
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${missing[*]}"
    # A foreign source that can't be reached must not be in the way: what counts is whether the packages come.
    as_root apt-get -q update -o Acquire::Retries=3 </dev/null ||
        warn "apt-get update failed; trying with the package lists that are here"
    without_services apt_install "${missing[@]}"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# without_services COMMAND PACKAGE...: runs a command that installs packages some of which would start and enable a service
# for the whole machine. Lectern runs a Redis (and its tests an HAProxy and a PostgreSQL) of its own and leaves no other
# behind: the start is forbidden while dpkg works (to these services only, and not where the machine has a policy of its own),
# and they are disabled afterwards.
without_services() {
    local policy=/usr/sbin/policy-rc.d own='' status=0 name services=()
    for name in redis-server haproxy postgresql; do
        if [[ " $* " == *" $name "* ]]; then services+=("$name"); fi
    done
    if [ "${#services[@]}" -gt 0 ] && [ ! -e "$policy" ]; then
        own=yes
        # shellcheck disable=SC2016 # $1 is the policy's own
        printf '%s\n' '#!/bin/sh' 'case $1 in redis-server* | haproxy* | postgresql*) exit 101 ;; esac' 'exit 0' |
            as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    "$@" || status=$?
    if [ -n "$own" ]; then as_root rm -f "$policy"; fi
    for name in "${services[@]}"; do disable_service "$name" || warn "could not disable the service $name"; done
    return "$status"
}

disable_service() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl --quiet disable --now "$1.service" </dev/null
    elif [ -e "/etc/init.d/$1" ]; then
        as_root update-rc.d "$1" disable </dev/null
    fi
}

# --- npm packages and building ----------------------------------------------------------------------------------------

# npm ci, if package-lock.json or Node's version changed since the last time.
install_npm_packages() {
    local stamp=node_modules/.lectern-stamp now
    if [ ! -f "$root/package.json" ] || [ ! -f "$root/package-lock.json" ]; then
        die "package.json or package-lock.json is missing: this is not a complete copy of Lectern"
    fi
    node_is_usable || die "Node 18 or newer is needed, this is $(node --version 2>&1 || true)"
    now="$(sha256sum <"$root/package-lock.json") $(node --version)"
    if [ -f "$root/$stamp" ] && [ "$(cat "$root/$stamp")" = "$now" ]; then return 0; fi
    say "installing npm packages"
    (cd "$root" && npm ci --include=dev --no-audit --no-fund </dev/null)
    mkdir -p "$root/node_modules"
    printf '%s\n' "$now" >"$root/$stamp"
}

build_server() {
    if make -C "$root" --no-print-directory -q all 2>/dev/null; then return 0; fi
    say "building the server"
    make -C "$root" --no-print-directory -j "$(nproc)" all </dev/null
}

# npm run build, if a source of the pages is newer than what was built last.
build_pages() {
    local stamp=$root/build/.pages-stamp sources=() source
    for source in web teacher student scripts/build-pages.mjs package.json package-lock.json tsconfig.json; do
        if [ -e "$root/$source" ]; then sources+=("$root/$source"); fi
    done
    if [ -f "$stamp" ] && [ -d "$root/build/web" ] &&
        [ -z "$(find "${sources[@]}" -newer "$stamp" -print -quit)" ]; then
        return 0
    fi
    say "building the pages"
    mkdir -p "$root/build"
    touch "$stamp.new"
    (cd "$root" && npm run --silent build </dev/null)
    mv "$stamp.new" "$stamp"
}
