# Reads replies of `redis-cli --csv` for redis-monitor.sh (run with LC_ALL=C: everything here works on bytes).
#
# -v mode=scan     a SCAN reply                     → the keys, one a line, still quoted and escaped
# -v mode=rooms    keys of rooms' user sets         → two commands per room: SMEMBERS, HMGET of its info
# -v mode=members  those keys, those replies        → one command per member: HMGET of the user
# -v mode=table    those keys, both kinds of reply  → the table
# -v mode=live     messages of a subscription       → one line per message
# -v zone=+0900    offset of local time, as date +%z gives it
#
# redis-cli reads the same escapes in commands that it writes in replies, so ids go from reply to command as they are; only
# what is shown gets decoded, by clean(), which lets no control character through to the terminal.

BEGIN {
    for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i
    for (i = 0; i < 16; i++) hex[substr("0123456789abcdef", i + 1, 1)] = i
    offset = (substr(zone, 2, 2) * 60 + substr(zone, 4, 2)) * 60
    if (substr(zone, 1, 1) == "-") offset = -offset
    BAD = "\357\277\275" # U+FFFD
    if (mode == "live") message_width = 100
}

FNR == 1 { file++ }

mode == "scan" {
    count = fields($0, key)
    for (i = 2; i <= count; i++) if (key[i] ~ /^"room:.*:users"$/) print key[i]
}

mode == "rooms" {
    id = room_of($0)
    print "SMEMBERS " $0
    print "HMGET \"room:" id ":info\" name host hostName locked"
}

(mode == "members" || mode == "table") && file == 1 { room[++rooms] = room_of($0) }

mode == "members" && file == 2 && FNR % 2 == 1 {
    count = fields($0, member)
    for (i = 1; i <= count; i++) {
        print "HMGET \"room:" room[(FNR + 1) / 2] ":user:" inner(member[i]) "\" name userType serverId joinedAt state"
    }
}

mode == "table" && file == 2 && FNR % 2 == 1 { members[(FNR + 1) / 2] = $0 }
mode == "table" && file == 2 && FNR % 2 == 0 { info[FNR / 2] = $0 }
mode == "table" && file == 3 { user[FNR] = $0 }

mode == "live" { live($0) }

END { if (mode == "table") table() }

# --- the table --------------------------------------------------------------------------------------------------------

function table(    r, i, n, at, of, member, about, who, kind, since) {
    if (rooms == 0) print "no participants in any room"
    for (r = 1; r <= rooms; r++) {
        n = fields(members[r], member)
        fields(info[r], about)
        printf "room %s  %s  host %s  %d present%s\n", show(room[r], 64), text(about[1], 40),
            text(about[2], 64) (about[3] == "NULL" ? "" : " " text(about[3], 40)),
            n, inner(about[4]) ~ /^(1|true)$/ ? "  locked" : ""
        for (i = 1; i <= n; i++) {
            fields(user[++at], who)
            kind = who[2] == "NULL" ? "?" : text(who[2], 10)
            since = who[4] == "NULL" ? "?" : clock(inner(who[4]))
            of = inner(who[5])
            printf "  %s %s %s  since %s  server %s%s\n", pad(kind, 8), pad(show(inner(member[i]), 64), 16),
                pad(text(who[1], 40), 20), since, text(who[3], 64),
                of == "NULL" || of == "" || of == "active" ? "" : "  " show(of, 20)
        }
    }
    fflush()
}

# --- the traffic ------------------------------------------------------------------------------------------------------

function live(line,    n, part, payload, channel, whom) {
    n = fields(line, part)
    if (part[1] == "\"pmessage\"" && n == 4) {
        channel = part[3]
        payload = part[4]
    } else if (part[1] == "\"message\"" && n == 3) {
        channel = part[2]
        payload = part[3]
    } else {
        if (part[1] ~ /^"p?subscribe"$/) print "-- listening on " text(part[2], 80)
        fflush()
        return
    }
    channel = inner(channel)
    sub(/^room:/, "", channel)
    payload = decode(inner(payload))
    # Whatever follows, what proves a message to be Lectern's own is nobody's business.
    sub(/^\{"seal":"[^"]*",/, "{", payload)
    delete value
    if (!object(payload, value)) {
        printf "%s %s  (not a JSON object) %s\n", now(), show(channel, 64), clean(payload, message_width)
        fflush()
        return
    }
    whom = string(value["targetType"]) (("target" in value) ? " " string(value["target"]) : "")
    printf "%s %s  %s (%s) \342\206\222 %s: %s %s\n", ("ts" in value) ? clock(value["ts"]) : now(), show(channel, 64),
        clean(string(value["sender"]), 64), clean(string(value["senderType"]), 10),
        whom == "" ? "-" : clean(whom, 64), clean(string(value["messageType"]), 64),
        clean(string(value["message"]), message_width)
    fflush()
}

# The fields of a JSON object, each as the text of its value. Returns 0 if it is none. A well-formed one is read rightly;
# of others only the end is looked at, which is enough for a view.
function object(json, out,    at, key, start, c) {
    at = blanks(json, 1)
    if (substr(json, at, 1) != "{") return 0
    for (at = blanks(json, at + 1); substr(json, at, 1) == "\""; at = blanks(json, at + 1)) {
        start = at
        at = string_end(json, at)
        key = substr(json, start + 1, at - start - 2)
        at = blanks(json, at)
        if (substr(json, at, 1) != ":") return 0
        start = blanks(json, at + 1)
        at = value_end(json, start)
        out[key] = substr(json, start, at - start)
        at = blanks(json, at)
        c = substr(json, at, 1)
        if (c == "}") return 1
        if (c != ",") return 0
    }
    return substr(json, at, 1) == "}"
}

function blanks(json, at) {
    while (substr(json, at, 1) ~ /^[ \t\r\n]$/) at++
    return at
}

# The position after the string that begins at `at`.
function string_end(json, at,    c) {
    for (at++; (c = substr(json, at, 1)) != "" && c != "\""; at++) if (c == "\\") at++
    return at + 1
}

# The position after the value that begins at `at`.
function value_end(json, at,    c, depth) {
    for (; (c = substr(json, at, 1)) != ""; at++) {
        if (c == "\"") {
            at = string_end(json, at) - 1
            if (depth == 0) return at + 1
        } else if (c == "{" || c == "[") {
            depth++
        } else if (c == "}" || c == "]") {
            if (depth == 0) return at
            if (--depth == 0) return at + 1
        } else if (depth == 0 && c ~ /^[, \t\r\n]$/) {
            return at
        }
    }
    return at
}

# A JSON string without quotes and simple escapes; any other value as it is. \u escapes stay, so nothing new can appear.
function string(json,    out, c, at) {
    if (substr(json, 1, 1) != "\"") return json
    json = substr(json, 2, length(json) - 2)
    if (index(json, "\\") == 0) return json
    for (at = 1; (c = substr(json, at, 1)) != "" && at < 2000; at++) {
        if (c == "\\") {
            c = substr(json, ++at, 1)
            if (c ~ /^[nrt]$/) c = " "
            else if (c !~ /^["\\\/]$/) c = "\\" c
        }
        out = out c
    }
    return out
}

# --- time -------------------------------------------------------------------------------------------------------------

function clock(ms,    s) {
    if (ms !~ /^[0-9]+$/) return "--:--:--"
    s = (int(ms / 1000) + offset) % 86400
    if (s < 0) s += 86400
    return sprintf("%02d:%02d:%02d", int(s / 3600), int(s / 60) % 60, s % 60)
}

function now(    seconds) {
    "date +%s" | getline seconds
    close("date +%s")
    return clock(seconds "000")
}

# --- redis-cli's --csv ------------------------------------------------------------------------------------------------

# Splits a line into out[1]…; quoted fields stay quoted and escaped. Returns their number.
function fields(line, out,    n, at, start, c) {
    n = 0
    for (at = 1; at <= length(line); at++) {
        start = at
        if (substr(line, at, 1) == "\"") at = string_end(line, at)
        else while ((c = substr(line, at, 1)) != "" && c != ",") at++
        out[++n] = substr(line, start, at - start)
    }
    return n
}

function inner(field) { return field ~ /^".*"$/ ? substr(field, 2, length(field) - 2) : field }

function room_of(key) { return substr(key, 7, length(key) - 13) } # "room:ID:users", with its quotes

# The bytes that redis-cli escaped. NUL, which awk may not hold, becomes another control character.
function decode(escaped,    out, at, c, code) {
    while ((at = index(escaped, "\\")) > 0) {
        out = out substr(escaped, 1, at - 1)
        c = substr(escaped, at + 1, 1)
        if (c == "x") {
            code = hex[substr(escaped, at + 2, 1)] * 16 + hex[substr(escaped, at + 3, 1)]
            out = out sprintf("%c", code == 0 ? 1 : code)
            escaped = substr(escaped, at + 4)
        } else {
            if (c ~ /^[nrt]$/) c = " "
            else if (c ~ /^[ab]$/) c = "\001"
            out = out c
            escaped = substr(escaped, at + 2)
        }
    }
    return out escaped
}

# --- for the eye ------------------------------------------------------------------------------------------------------

function show(escaped, width) { return clean(decode(escaped), width) }

function text(field, width) { return field == "NULL" || field == "" ? "-" : show(inner(field), width) }

function pad(s, width) {
    for (width -= columns(s); width > 0; width--) s = s " "
    return s
}

function columns(s,    at, sum) {
    for (at = 1; at <= length(s); at += step) sum += code_width(code_at(s, at))
    return sum
}

# At most `width` columns of s, without anything that a terminal obeys instead of showing: control characters (C0, DEL, C1),
# bytes that are no UTF-8, characters that turn or hide text.
function clean(s, width,    at, code, out, used) {
    for (at = 1; at <= length(s); at += step) {
        code = code_at(s, at)
        used += code_width(code)
        if (used > width) return out "\342\200\246"
        if (code == 9 || code == 10 || code == 13) out = out " "
        else if (harmful(code)) out = out BAD
        else out = out substr(s, at, step)
    }
    return out
}

# The code point at `at`, or -1 where the bytes are no UTF-8; `step` becomes its number of bytes.
function code_at(s, at,    lead, code, i, more, c) {
    lead = ord[substr(s, at, 1)]
    step = 1
    if (lead < 128) return lead
    if (lead >= 194 && lead <= 223) { more = 1; code = lead - 192 }
    else if (lead >= 224 && lead <= 239) { more = 2; code = lead - 224 }
    else if (lead >= 240 && lead <= 244) { more = 3; code = lead - 240 }
    else return -1
    for (i = 1; i <= more; i++) {
        c = ord[substr(s, at + i, 1)]
        if (c < 128 || c > 191) return -1
        code = code * 64 + c - 128
    }
    if (more == 2 && code < 2048 || code >= 55296 && code < 57344 || more == 3 && (code < 65536 || code > 1114111)) return -1
    step = more + 1
    return code
}

function harmful(code) {
    return code < 32 || code >= 127 && code < 160 || code == 1564 || code >= 8203 && code <= 8207 ||
        code >= 8232 && code <= 8238 || code >= 8288 && code <= 8303 || code == 65279 || code >= 917504 && code <= 917631
}

function code_width(code) {
    if (code < 768) return 1
    if (code < 880) return 0
    if (code < 4352) return 1
    return code <= 4447 || code >= 11904 && code <= 42191 || code >= 44032 && code <= 55203 || code >= 63744 && code <= 64255 ||
        code >= 65072 && code <= 65135 || code >= 65280 && code <= 65376 || code >= 65504 && code <= 65510 ||
        code >= 127744 && code <= 129791 || code >= 131072 && code <= 262141 ? 2 : 1
}
