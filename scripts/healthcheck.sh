#!/usr/bin/env bash
# Asks a Lectern server one HTTP question: exit code 0 if it answers 200. Needs nothing but bash, so that the image can use
# it as its health check.
#
# usage: scripts/healthcheck.sh [HOST:PORT [PATH]]   default: LECTERN_LISTEN (or port 8080) and /healthz
set -euo pipefail

listen=${1:-${LECTERN_LISTEN:-0.0.0.0:8080}}
path=${2:-/healthz}
host=${listen%:*}
port=${listen##*:}
if [ "$host" = 0.0.0.0 ] || [ "$host" = "$listen" ]; then host=127.0.0.1; fi

exec 2>/dev/null 3<>"/dev/tcp/$host/$port"
printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$path" "$host" "$port" >&3
IFS= read -r -t 5 status <&3
[[ $status == "HTTP/1.1 200 "* ]]
