#!/usr/bin/env bash
# Plays the services whose events the feed shows: random events on some channels, published in Redis or sent to /events.
set -euo pipefail

usage() {
    cat <<'END'
usage: scripts/publish-events.sh [options] [channel...]

Publishes random events on the channels (default: those of LECTERN_FEED_CHANNELS, else Lectern's own default), one after
the other, until --count is reached or Ctrl-C. Prints one line at the end.

  -n, --count N       events to publish, 0: without end; default 20
  -r, --rate N        events per second, at most; default 5
  -u, --url URL       the Redis: redis://[[user]:password@]host[:port][/db]; default: LECTERN_REDIS_URL, else
                      redis://127.0.0.1:6379. Such events are not remembered and have no id
  --post URL          send to the Lectern at this address instead (http://127.0.0.1:8080), with the token of a service that
                      has the channels: in LECTERN_EVENTS_TOKEN, else read from standard input. These are remembered
  --text TEXT         the same text in each event instead of random ones
  --help              this text

Needs redis-cli, or curl for --post. Exit code 0 when all were published and after Ctrl-C, 1 if one was not, 2 for wrong usage.
END
}

die() {
    printf 'scripts/publish-events.sh: %s\n' "$*" >&2
    exit 1
}

misuse() {
    printf 'scripts/publish-events.sh: %s\n' "$*" >&2
    usage >&2
    exit 2
}

# --- arguments --------------------------------------------------------------------------------------------------------

count=20
rate=5
url=${LECTERN_REDIS_URL:-redis://127.0.0.1:6379}
post=''
address_given=''
text=''
channels=()
while [ $# -gt 0 ]; do
    case $1 in
        -n | --count | -r | --rate | -u | --url | --post | --text)
            if [ -z "${2:-}" ]; then misuse "$1 needs a value"; fi
            case $1 in
                -n | --count) count=$2 ;;
                -r | --rate) rate=$2 ;;
                -u | --url) url=$2 ;;
                --post) address_given=$2 post=${2%/} ;;
                --text) text=$2 ;;
            esac
            shift
            ;;
        --help | -h) usage && exit 0 ;;
        -*) misuse "unknown option $1" ;;
        *) channels+=("$1") ;;
    esac
    shift
done

[[ -z $address_given || $post =~ ^https?://[^/] ]] || misuse "--post takes an address: '$address_given' is none"
whole='^(0|[1-9][0-9]{0,8})$'
[[ $count =~ $whole ]] || misuse "--count is a whole number, not '$count'"
[[ $rate =~ $whole && $rate -gt 0 ]] || misuse "--rate is a whole number from 1, not '$rate'"
if [ ${#channels[@]} -eq 0 ]; then
    own=community_monitor,chat_monitor,trade_chat_monitor,exe_monitor,scan_monitor,fake_scan_monitor
    IFS=', ' read -ra channels <<<"${LECTERN_FEED_CHANNELS:-$own}"
fi
for channel in "${channels[@]}"; do
    [[ $channel =~ ^[A-Za-z0-9_.:-]{1,64}$ ]] || misuse "'$channel' is no channel"
done

# --- one event --------------------------------------------------------------------------------------------------------

users=(민수 서연 지훈 하은 kim lee park)
words=(안녕하세요 hello 새글 sold open close 확인 login upload scan)

# JSON's escapes; control characters become blanks.
quoted() {
    local value=${1//\\/\\\\}
    value=${value//\"/\\\"}
    printf '"%s"' "${value//[[:cntrl:]]/ }"
}

event() { # NUMBER
    local words_of="${words[RANDOM % ${#words[@]}]} ${words[RANDOM % ${#words[@]}]}"
    printf '{"n":%d,"user":%s,"text":%s,"value":%d}' "$1" "$(quoted "${users[RANDOM % ${#users[@]}]}")" \
        "$(quoted "${text:-$words_of}")" "$RANDOM"
}

# The password goes to redis-cli in its environment, where other users of this machine do not see it.
to_redis() { # CHANNEL EVENT
    local answer
    answer=$(redis-cli "${redis[@]}" PUBLISH "$1" "$2" 2>&1) || die "Redis: $answer"
    [[ $answer =~ ^[0-9]+$ ]] || die "Redis: $answer"
}

to_lectern() { # CHANNEL EVENT
    local answer
    answer=$(curl --silent --show-error --max-time 10 --config - --header 'Content-Type: application/json' \
        --data-binary "$2" --write-out '\n%{http_code}' "$post/events/$1" 2>&1 <<<"$header") || die "$answer"
    [ "${answer##*$'\n'}" = 202 ] || die "$post/events/$1: ${answer##*$'\n'} ${answer%$'\n'*}"
}

redis=()
if [ -n "$post" ]; then
    command -v curl >/dev/null || die "curl is missing"
    token=${LECTERN_EVENTS_TOKEN:-}
    if [ -z "$token" ]; then read -r token || die "no token: set LECTERN_EVENTS_TOKEN, or give it on standard input"; fi
    [[ $token =~ ^[A-Za-z0-9_.-]+$ ]] || die "that is no token"
    header="header = \"Authorization: Bearer $token\""
else
    command -v redis-cli >/dev/null || die "redis-cli is missing"
    address='^redis://(([^:@/]*)(:([^@/]*))?@)?([^:@/]+)(:([0-9]+))?(/([0-9]+))?$'
    [[ $url =~ $address ]] || misuse "the URL is not redis://[[user]:password@]host[:port][/db]"
    redis=(-h "${BASH_REMATCH[5]}" -p "${BASH_REMATCH[7]:-6379}" -n "${BASH_REMATCH[9]:-0}")
    user=${BASH_REMATCH[2]} password=${BASH_REMATCH[4]//%/\\x}
    if [ -n "$user" ]; then redis+=(--user "$(printf '%b' "${user//%/\\x}")"); fi
    if [ -n "$password" ]; then
        REDISCLI_AUTH=$(printf '%b' "$password")
        export REDISCLI_AUTH
    fi
fi

# --- publishing -------------------------------------------------------------------------------------------------------

done_so_far=0
finish() {
    printf '%d events on %d channels\n' "$done_so_far" "${#channels[@]}"
    exit 0
}
trap finish INT TERM

pause=$(awk -v rate="$rate" 'BEGIN { printf "%.4f", 1 / rate }')
while [ "$count" -eq 0 ] || [ "$done_so_far" -lt "$count" ]; do
    if [ "$done_so_far" -gt 0 ]; then sleep "$pause"; fi
    channel=${channels[done_so_far % ${#channels[@]}]}
    body=$(event "$((done_so_far + 1))")
    if [ -n "$post" ]; then to_lectern "$channel" "$body"; else to_redis "$channel" "$body"; fi
    done_so_far=$((done_so_far + 1))
done
finish
