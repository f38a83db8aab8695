#!/usr/bin/env bash
# Checks that no source includes a header of a layer that it must not know, and that each library stays where it belongs.
# usage: scripts/check-layers.sh    (part of `make lint` and scripts/test.sh)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

grep -rn --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include' src | awk '
BEGIN {
    # From left to right; a layer may include itself and what stands in earlier lines, not its neighbours in the same line.
    rank["base"] = 1
    rank["core"] = 2
    rank["wire"] = 3
    rank["ws"] = 4
    rank["net"] = 5
    rank["bus"] = rank["auth"] = rank["store"] = rank["media"] = 6
    rank["session"] = 7
    rank["account"] = rank["room"] = rank["chat"] = rank["feed"] = rank["simulate"] = 8
    rank["proto"] = 9
    rank["http"] = 10
    rank["main"] = 11

    # Which layers may include a library, by the beginning of the header name.
    home["civetweb"] = "http"
    home["hiredis"] = "bus"
    home["jwt.h"] = "auth"
    home["stb/"] = "media"
    home["libexif/"] = "media"
    home["curl/"] = "media"
    home["sqlite3.h"] = "store"
    home["libpq"] = "store"
    home["uv.h"] = "net bus simulate main"
}

{
    split($0, part, ":")
    file = part[1]
    depth = split(file, path, "/")
    from = depth == 2 ? "main" : path[2] # what stands in src itself puts the rest together
    if (!(from in rank)) complain("src/" from " is no layer that scripts/check-layers.sh knows")
    if (match($0, /"[^"]*"/)) {
        header = substr($0, RSTART + 1, RLENGTH - 2)
        to = header
        if (from == "main" && to !~ /\//) next # a neighbour in src
        if (!sub(/\/.*/, "", to)) complain("\"" header "\" is not written from src (\"layer/file.h\")")
        else if (!(to in rank)) complain("\"" header "\" is in no layer that scripts/check-layers.sh knows")
        else if (to != from && rank[to] >= rank[from]) complain(from " must not know " to " (\"" header "\")")
    } else if (match($0, /<[^>]*>/)) {
        header = substr($0, RSTART + 1, RLENGTH - 2)
        for (library in home) {
            if (index(header, library) == 1 && index(" " home[library] " ", " " from " ") == 0) {
                complain("<" header "> belongs in " home[library] " only")
            }
        }
    }
}

function complain(what) {
    printf "%s:%s: %s\n", file, part[2], what
    bad = 1
}

END { exit bad }
' >&2
