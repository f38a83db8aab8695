#!/usr/bin/env bash
# Starts Lectern from a copy of its source: installs what is missing, builds, starts a Redis of its own, starts the server
# and says where the pages are. Runs in the foreground until Ctrl-C.
# shellcheck disable=SC2317 # shellcheck 0.9 takes the functions that only traps call for unreachable
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'END'
usage: scripts/run.sh [--no-install] [--help]

Installs what is missing (Debian and npm packages), builds, starts a Redis of its own unless LECTERN_REDIS_URL is set,
starts the server, and prints the addresses of the teacher's page, the students' and the chat. Where there is no
teacher's account, it makes one and prints its password, once. Ctrl-C stops all that it started.

  --no-install   install no Debian packages; what is missing fails where it is needed
  --help         this text

Settings of the server (build/lectern --help lists them) are taken from the environment; those that matter here:
  LECTERN_LISTEN      address and port, default 0.0.0.0:8080
  LECTERN_DATA_DIR    where the server and the Redis started here keep their data, default ./data
  LECTERN_REDIS_URL   use this Redis instead of starting one
END
}

install=yes
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage && exit 0 ;;
        --no-install) install= ;;
        *) usage >&2 && exit 2 ;;
    esac
    shift
done

# --- processes --------------------------------------------------------------------------------------------------------

redis_pid=
server_pid=
running=
signals=0
own_url_file=

# What runs in the background gets a session of its own, so that Ctrl-C reaches this script only, which then stops things in
# order; if this script is killed outright, the kernel passes that on. Both only exec, so $! is the program's own id.
detached=(setsid setpriv --pdeathsig TERM --)

alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null; }

# reap PID: waits for its end and returns its exit code. A signal to this script interrupts wait, so wait again.
reap() {
    local status
    while :; do
        status=0
        wait "$1" 2>/dev/null || status=$?
        alive "$1" || return "$status"
    done
}

stop() {
    if alive "$1"; then kill -TERM "$1" 2>/dev/null || true; fi
    reap "$1"
}

# Ctrl-C, TERM or HUP: while starting, end with code $1; once running, ask the server to end, for which the wait at the end
# of this file waits, to stop the rest then; asked again, the server ends at once; asked once more, it is killed.
on_signal() {
    signals=$((signals + 1))
    if [ -z "$running" ]; then exit "$1"; fi
    if alive "$server_pid"; then
        if [ "$signals" -le 2 ]; then kill -TERM "$server_pid"; else kill -KILL "$server_pid"; fi
    fi
}

# However this script ends, nothing that it started stays: the server goes first, then Redis.
on_exit() {
    trap '' INT TERM HUP
    if [ -n "$server_pid" ]; then stop "$server_pid" || true; fi
    if [ -n "$redis_pid" ]; then stop "$redis_pid" || true; fi
    if [ -n "$own_url_file" ]; then rm -f "$own_url_file"; fi
}

trap 'on_signal 130' INT
trap 'on_signal 143' TERM
trap 'on_signal 129' HUP
trap on_exit EXIT

# --- Redis ------------------------------------------------------------------------------------------------------------

free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}

# Starts Redis on a free loopback port, with a password of its own (this machine may have other users) that travels by
# standard input and environment, not by command lines. Its address stays in the data directory for redis-monitor.sh.
start_redis() {
    local dir=$data/redis password port attempt
    mkdir -p "$dir"
    password=$(od -An -tx1 -N24 /dev/urandom | tr -d ' \n')
    for attempt in 1 2 3 4 5; do
        port=$(free_port)
        "${detached[@]}" redis-server - --dir "$dir" >"$dir/redis.log" 2>&1 <<END &
port $port
bind 127.0.0.1
requirepass $password
appendonly yes
save ""
daemonize no
END
        redis_pid=$!
        if redis_ready "$port" "$password"; then
            export LECTERN_REDIS_URL=redis://default:$password@127.0.0.1:$port
            own_url_file=$data/redis-url
            (umask 077 && printf '%s\n' "$LECTERN_REDIS_URL" >"$own_url_file")
            return
        fi
        wait "$redis_pid" || true
        redis_pid=
        grep -q 'already in use' "$dir/redis.log" || break # else another program was quicker: try another port
    done
    tail -n 5 "$dir/redis.log" >&2
    die "Redis did not start (attempt $attempt); its log is $dir/redis.log"
}

# Waits until Redis answers, as long as its data may take to load, or has ended.
redis_ready() {
    local answer
    while alive "$redis_pid"; do
        answer=$(REDISCLI_AUTH=$2 redis-cli -h 127.0.0.1 -p "$1" PING 2>/dev/null || true)
        if [ "$answer" = PONG ]; then return 0; fi
        sleep 0.05
    done
    return 1
}

# --- the server -------------------------------------------------------------------------------------------------------

# listens PID PORT: whether that process holds a listening socket on that port. Another program's answer there is not ours.
listens() {
    local inode sockets
    [[ $2 =~ ^[0-9]+$ ]] || return 1 # the server itself says what is wrong with LECTERN_LISTEN
    sockets=$(awk -v port="$(printf ':%04X' "$2")" '$4 == "0A" && $2 ~ port "$" { print $10 }' /proc/net/tcp)
    for inode in $sockets; do
        if [ -n "$(find "/proc/$1/fd" -lname "socket:\[$inode\]" -print -quit 2>/dev/null)" ]; then return 0; fi
    done
    return 1
}

start_server() {
    local status=0 tries=0
    "${detached[@]}" "$root/build/lectern" &
    server_pid=$!
    until listens "$server_pid" "$port" && "$root/scripts/healthcheck.sh" "$listen" /readyz; do
        tries=$((tries + 1))
        if [ "$tries" -eq 200 ]; then warn "still waiting: the server is not ready yet (can it reach its Redis?)"; fi
        if ! alive "$server_pid"; then
            wait "$server_pid" || status=$?
            server_pid=
            warn "the server ended with code $status before it was ready; what it said is above"
            exit $((status == 0 ? 1 : status))
        fi
        sleep 0.05
    done
}

# The IPv4 addresses under which others reach this machine, without those of container and VM bridges where `ip` can tell.
lan_addresses() {
    if command -v ip >/dev/null; then
        ip -4 -o addr show scope global 2>/dev/null |
            awk '$2 !~ /^(docker|br-|veth|virbr|lxc|lxd|cni|podman)/ { sub("/.*", "", $4); print $4 }'
    elif command -v hostname >/dev/null; then
        hostname -I 2>/dev/null | tr ' ' '\n' | awk '/^[0-9.]+$/ && !/^169\.254\./'
    fi
}

# Makes a teacher's account where there is none, and shows its password, this once. Before the server runs: nobody needs Redis
# for it, and pages find the account as soon as they are there. What hinders it does not keep the server from starting.
make_first_teacher() {
    local accounts password
    # Where the school's login service signs the tokens it keeps the accounts too.
    if [ "${LECTERN_JWT_ALGORITHM:-HS256}" != HS256 ]; then return 0; fi
    if ! accounts=$("$root/build/lectern" user list); then
        warn "whether there is a teacher's account cannot be seen; build/lectern user add --type teacher ID makes one"
        return 0
    fi
    if awk -F '\t' '$2 == "teacher" { found = 1 } END { exit !found }' <<<"$accounts"; then return 0; fi
    if ! password=$("$root/build/lectern" user add --type teacher --name Teacher teacher); then
        warn "there is no teacher's account yet; build/lectern user add --type teacher ID makes one"
        return 0
    fi
    printf '\n'
    say "The first teacher's account was made. Its password is shown this once:"
    printf '  id        teacher\n  password  %s\n' "$password"
    printf 'build/lectern user passwd teacher sets another one, build/lectern user add makes more accounts.\n'
}

print_addresses() {
    local hosts=("$host") address fragment='' token
    if [ "$host" = 0.0.0.0 ]; then
        hosts=(127.0.0.1)
        for address in $(lan_addresses); do hosts+=("$address"); done
    fi
    if token=$("$root/build/lectern" token --type teacher --sub teacher --name Teacher 2>/dev/null); then
        fragment="#token=$token"
    fi
    printf '\n'
    say "Lectern is running. Ctrl-C stops it."
    printf '\nTeacher (keep this link to yourself, it signs you in):\n'
    for address in "${hosts[@]}"; do printf '  http://%s:%s/teacher/%s\n' "$address" "$port" "$fragment"; done
    printf '\nStudents:\n'
    for address in "${hosts[@]}"; do printf '  http://%s:%s/student/\n' "$address" "$port"; done
    printf '\nChat:\n'
    for address in "${hosts[@]}"; do printf '  http://%s:%s/chat/\n' "$address" "$port"; done
    if [ -z "$fragment" ]; then
        printf '\nTokens come from your login service here (LECTERN_JWT_ALGORITHM): open the teacher page and paste one.\n'
    fi
    printf '\n'
}

# --- all together -----------------------------------------------------------------------------------------------------

if [ -n "$install" ]; then install_packages build run; fi
install_npm_packages
build_server
build_pages

listen=${LECTERN_LISTEN:-0.0.0.0:8080}
host=${listen%:*}
port=${listen##*:}
data=${LECTERN_DATA_DIR:-$root/data}
[ "$port" != 0 ] || die "LECTERN_LISTEN=$listen: this script needs to know the port, 0 won't do"
mkdir -p "$data"
chmod 700 "$data"
data=$(cd "$data" && pwd)
export LECTERN_DATA_DIR=$data

exec 9>"$data/run.lock"
flock -n 9 || die "another scripts/run.sh is using the data directory $data (LECTERN_DATA_DIR chooses another)"

if [ -z "${LECTERN_REDIS_URL:-}" ]; then start_redis; fi
make_first_teacher
start_server
print_addresses

running=yes
ended=
status=0
wait -n -p ended ${redis_pid:+"$redis_pid"} "$server_pid" 2>/dev/null || status=$?

if [ "$signals" -gt 0 ]; then
    printf '\n'
    say "stopping (Ctrl-C again: at once)"
    status=0
    reap "$server_pid" || status=$?
    server_pid=
    exit "$status"
fi
if [ "$ended" = "$server_pid" ]; then
    server_pid=
    warn "the server ended by itself with code $status"
else
    redis_pid=
    warn "Redis ended with code $status; stopping the server"
fi
exit $((status == 0 ? 1 : status))
