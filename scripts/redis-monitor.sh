#!/usr/bin/env bash
# An operator's view of Lectern's rooms in Redis, here or on another host, optionally inside a container there: who is in
# which room, then the traffic as it happens.
#
# One connection does it all: a small sh script, run here or by ssh, reads the password from its input, passes commands to
# redis-cli until this side has its table, and then turns into redis-cli subscribed to the rooms. Only sh and redis-cli are
# needed there; replies travel as redis-cli's --csv, one line each with everything unusual escaped, and are read here by
# redis-monitor.awk.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    cat <<'END'
usage: scripts/redis-monitor.sh [options] [user@host] [room]

Shows the participants of each room, then every message published in the rooms, one line each, until Ctrl-C.
Without user@host it looks at a Redis that this machine reaches; with it, at one that that host reaches, by ssh.

  room                a room code (FTYXPM), or any room id as room:ID: only this one
  -u URL              the Redis, as seen from where redis-cli runs: redis://[[user]:password@]host[:port][/db], rediss://…;
                      default: LECTERN_REDIS_URL, else (here) the Redis that scripts/run.sh started, else 127.0.0.1:6379
  -i KEY, -p PORT     ssh's key file and port
  --container NAME    run redis-cli inside this docker container (on that host, or here)
  --once              print the participants and end
  --help              this text

Exit code 0 for --once and after Ctrl-C, 1 if Redis can't be reached or is lost, 2 for wrong usage.
END
}

die() {
    printf 'scripts/redis-monitor.sh: %s\n' "$*" >&2
    exit 1
}

misuse() {
    printf 'scripts/redis-monitor.sh: %s\n' "$*" >&2
    usage >&2
    exit 2
}

# --- arguments --------------------------------------------------------------------------------------------------------

url='' key='' ssh_port='' host='' container='' room='' once=''
while [ $# -gt 0 ]; do
    case $1 in
        -u | -i | -p | --container)
            if [ -z "${2:-}" ]; then misuse "$1 needs a value"; fi
            case $1 in
                -u) url=$2 ;;
                -i) key=$2 ;;
                -p) ssh_port=$2 ;;
                --container) container=$2 ;;
            esac
            shift
            ;;
        --once) once=yes ;;
        --help | -h)
            usage
            exit 0
            ;;
        -*) misuse "unknown option $1" ;;
        room:?*) room=${1#room:} ;;
        *@?*)
            [ -z "$host" ] || misuse "two hosts: $host and $1"
            host=$1
            ;;
        *)
            [[ $1 =~ ^[A-Z0-9]{4,12}$ ]] || misuse "'$1' is neither a user@host nor a room code"
            room=$1
            ;;
    esac
    shift
done
[[ -z $ssh_port || $ssh_port =~ ^[0-9]{1,5}$ ]] || misuse "-p $ssh_port: ssh's port is a number"
[[ -n $host || -z $key$ssh_port ]] || misuse "-i and -p are ssh's and need a user@host (a port of Redis goes into -u)"
[[ -z $container || $container =~ ^[A-Za-z0-9][A-Za-z0-9_.-]*$ ]] || misuse "--container $container: not a container's name"
# The room goes into commands and patterns of Redis.
[[ -z $room || $room =~ ^[A-Za-z0-9._-]{1,64}$ ]] || misuse "room:$room: not a room id"

# --- the Redis --------------------------------------------------------------------------------------------------------

decode() { # %41 → A
    local text=${1//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}

if [ -z "$url" ]; then url=${LECTERN_REDIS_URL:-}; fi
started_here=${LECTERN_DATA_DIR:-$here/../data}/redis-url
if [ -z "$url$host$container" ] && [ -r "$started_here" ]; then url=$(<"$started_here"); fi

# redis-cli's arguments; the password is not among them, command lines can be seen by others.
cli=(redis-cli --csv)
password=
if [ -n "$url" ]; then
    [[ $url =~ ^(rediss?)://(([^:@/]*):([^@/]*)@)?([^:@/?]*)(:([0-9]+))?(/([0-9]*))?$ ]] ||
        die "can't read the address of Redis; allowed is redis://[[user]:password@]host[:port][/db]" \
            "(where Sentinel watches over it: that of the primary, with -u)"
    redis_user=$(decode "${BASH_REMATCH[3]}")
    password=$(decode "${BASH_REMATCH[4]}")
    redis_host=${BASH_REMATCH[5]:-127.0.0.1} redis_port=${BASH_REMATCH[7]:-6379} redis_db=${BASH_REMATCH[9]}
    [[ $password != *$'\n'* && $redis_host != -* ]] || die "can't use this address of Redis"
    cli+=(-h "$redis_host" -p "$redis_port")
    if [ "${BASH_REMATCH[1]}" = rediss ]; then cli+=(--tls); fi
    if [ -n "$redis_db" ]; then cli+=(-n "$redis_db"); fi
    if [ -n "$redis_user" ]; then cli+=(--user "$redis_user"); fi
fi

# --- the other side ---------------------------------------------------------------------------------------------------

quote() { # a word for a POSIX shell
    printf "'%s'" "${1//\'/\'\\\'\'}"
}

words() { # all words for a POSIX shell
    local word text=
    for word; do text+="$(quote "$word") "; done
    printf '%s' "$text"
}

subscribe=(PSUBSCRIBE 'room:*')
if [ -n "$room" ]; then subscribe=(SUBSCRIBE "room:$room"); fi

# What runs where Redis is. Its input is the password (maybe empty), then commands until "quit". When this side goes away,
# the input ends and so does the subscribed redis-cli, which would otherwise only notice with the next message.
# In one line: the login shell that ssh gives it to first may be another one.
remote="IFS= read -r REDISCLI_AUTH || exit 1"
# shellcheck disable=SC2016 # for the other side to expand
remote+='; if [ -n "$REDISCLI_AUTH" ]; then export REDISCLI_AUTH; else unset REDISCLI_AUTH; fi'
remote+="; $(words "${cli[@]}" PING) >/dev/null || exit 1"
remote+="; $(words "${cli[@]}") || exit 1"
if [ -z "$once" ]; then
    remote+='; exec 3<&0; ( while read -r line; do :; done <&3; kill $$ ) >/dev/null 2>&1'
    remote+=" & exec $(words "${cli[@]}" "${subscribe[@]}") 3<&- </dev/null"
fi

command=(sh -c "$remote")
if [ -n "$container" ]; then command=(docker exec -i "$container" "${command[@]}"); fi
if [ -n "$host" ]; then
    command=(ssh ${key:+-i "$key"} ${ssh_port:+-p "$ssh_port"} -- "$host" "$(words "${command[@]}")")
fi

# --- the table --------------------------------------------------------------------------------------------------------

# mawk reads its input in blocks unless told otherwise.
awk=(awk)
case $(awk -W version 2>&1 </dev/null) in mawk*) awk=(awk -W interactive) ;; esac
format() { LC_ALL=C "${awk[@]}" -v zone="$(date +%z)" -f "$here/redis-monitor.awk" "$@"; }

coproc LINK { exec "${command[@]}"; }
link=$LINK_PID
# bash unsets LINK when the co-process ends, so keep its descriptors under numbers of our own (and only there).
replies=${LINK[0]} commands=${LINK[1]}
exec 3<&"$replies" 4>&"$commands" {replies}<&- {commands}>&-
work=$(mktemp -d)
formatter=
# shellcheck disable=SC2317 # shellcheck 0.9 takes a function that only a trap calls for unreachable
finish() {
    exec 4>&-
    kill "$link" ${formatter:+"$formatter"} 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 0' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
trap '' PIPE # the co-process may be gone: then there is no answer

printf '%s\n' "$password" >&4

# ask FILE: sends the commands in FILE and prints the replies, one line each.
ask() {
    local line count
    count=$(wc -l <"$1")
    cat "$1" >&4 2>/dev/null & # in the background: neither side waits for the other to read
    while [ "$count" -gt 0 ]; do
        IFS= read -r -t 30 line <&3 || die "no answer from Redis"
        case $line in ERROR,*) die "Redis says: ${line#ERROR,}" ;; esac
        printf '%s\n' "$line"
        count=$((count - 1))
    done
}

: >"$work/users"
if [ -n "$room" ]; then
    printf '"room:%s:users"\n' "$room" >"$work/users"
else
    cursor=0
    while :; do
        printf 'SCAN %s MATCH room:*:users COUNT 1000\n' "$cursor" >"$work/commands"
        ask "$work/commands" >"$work/replies"
        format -v mode=scan "$work/replies" >>"$work/users"
        cursor=$(sed -n 's/^"\([0-9]*\)".*/\1/p' "$work/replies")
        [ -n "$cursor" ] || die "no answer from Redis"
        [ "$cursor" != 0 ] || break
    done
fi
sort -u -o "$work/users" "$work/users"

format -v mode=rooms "$work/users" >"$work/room-commands"
ask "$work/room-commands" >"$work/rooms"
format -v mode=members "$work/users" "$work/rooms" >"$work/member-commands"
ask "$work/member-commands" >"$work/members"
format -v mode=table "$work/users" "$work/rooms" "$work/members"

printf 'quit\n' >&4
if [ -n "$once" ]; then exit 0; fi

# --- the traffic ------------------------------------------------------------------------------------------------------

trap - PIPE
status=0
# In the background, since bash acts on a signal only between foreground commands.
format -v mode=live - <&3 3<&- 4>&- &
formatter=$!
wait "$formatter" || status=$?
formatter=
if [ "$status" -eq 0 ]; then die "the connection to Redis is lost"; fi
exit "$status"
