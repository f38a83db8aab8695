-- Shared by the scripts that change who is in a room, or the room itself; see base.lua.

local code = string.sub(room, 6)

-- Publishes one of Lectern's own messages, with the room's seal in front, by which servers know it.
local function publish(seal, now, sender_type, sender, target_type, message_type, body)
    redis.call('PUBLISH', room, '{"seal":"' .. seal .. '","ts":' .. int(now) .. ',"room":"' .. room ..
        '","senderType":"' .. sender_type .. '","sender":"' .. sender .. '","targetType":"' ..
        target_type .. '","messageType":"' .. message_type .. '","message":' .. body .. '}')
end

-- Participants present: the host is in `users` too and is not counted.
local function participants(host)
    local count = redis.call('SCARD', room .. ':users')
    if redis.call('SISMEMBER', room .. ':users', host) == 1 then
        count = count - 1
    end
    return count
end

-- Attendance is `first last total since name`; since is 0 while the user is away.
local function attendance_read(uid)
    local value = redis.call('HGET', room .. ':attendance', uid)
    if not value then
        return nil
    end
    local first, last, total, since, name = string.match(value, '^(%d+) (%d+) (%d+) (%d+) (.*)$')
    return {first = tonumber(first), last = tonumber(last), total = tonumber(total),
        since = tonumber(since), name = name}
end

local function attendance_write(uid, a)
    redis.call('HSET', room .. ':attendance', uid, int(a.first) .. ' ' .. int(a.last) .. ' ' ..
        int(a.total) .. ' ' .. int(a.since) .. ' ' .. a.name)
end

local function attendance_arrive(uid, name, now)
    local a = attendance_read(uid) or {first = now, total = 0, since = 0}
    if a.since == 0 then
        a.since = now
    end
    a.last = now
    a.name = name
    attendance_write(uid, a)
end

-- Ends a stay and returns how long it was.
local function attendance_depart(uid, now)
    local a = attendance_read(uid)
    if not a or a.since == 0 then
        return 0
    end
    local stay = math.max(0, now - a.since)
    a.total = a.total + stay
    a.since = 0
    a.last = now
    attendance_write(uid, a)
    return stay
end

-- Takes a participant out of the room and tells those who are to be told.
local function depart(uid, reason, info, now)
    local name = redis.call('HGET', user_key(uid), 'name') or uid
    redis.call('SREM', room .. ':users', uid)
    redis.call('DEL', user_key(uid))
    local stay = attendance_depart(uid, now)
    publish(info.seal, now, 'student', uid, info.notify == 'all' and 'all' or 'teacher', 'leave',
        '{"name":' .. cjson.encode(name) .. ',"count":' .. int(participants(info.host)) ..
        ',"reason":"' .. reason .. '","presentMs":' .. int(stay) .. '}')
end

-- The room's info as a table, or nil when there is no such room.
local INFO = {
    'epoch', 'seal', 'host', 'hostName', 'name', 'max', 'hold', 'talk', 'notify', 'locked', 'log', 'trimmed',
    'heldUntil', 'createdAt',
}
local function info_read()
    local values = redis.call('HMGET', room .. ':info', unpack(INFO))
    if not values[1] then
        return nil
    end
    local info = {}
    for i, field in ipairs(INFO) do
        info[field] = values[i] or ''
    end
    return info
end

local function settings_json(info)
    return '{"name":' .. cjson.encode(info.name) .. ',"max":' .. info.max .. ',"hold":' .. info.hold ..
        ',"talk":"' .. info.talk .. '","notify":"' .. info.notify .. '","locked":' ..
        (info.locked == '1' and 'true' or 'false') .. '}'
end

-- The info of the room of that epoch, if the session is its host's present one; else nil and why not:
-- 'ended' or 'stale'.
local function info_for_host(uid, session, epoch)
    local info = info_read()
    if not info or info.epoch ~= epoch then
        return nil, 'ended'
    end
    if info.host ~= uid or redis.call('HGET', user_key(uid), 'sessionId') ~= session then
        return nil, 'stale'
    end
    return info
end

-- The log's state, the text of `log` in `room:{id}:info`: stream id of the newest message ever, entries, bytes,
-- and how many of both are in its newest part. The log is trimmed by parts, so that no entry has to be
-- read for it. `room:{id}:parts` lists the older ones as `id entries bytes`, id being their last entry's.
local LOG_EMPTY = '0-0 0 0 0 0'
local function log_read(text)
    local ms, seq, len, bytes, part_len, part_bytes =
        string.match(text, '^(%d+)-(%d+) (%d+) (%d+) (%d+) (%d+)$')
    return {ms = tonumber(ms), seq = tonumber(seq), len = tonumber(len), bytes = tonumber(bytes),
        part_len = tonumber(part_len), part_bytes = tonumber(part_bytes), last = ms .. '-' .. seq}
end

-- Adds an entry; false if the stream does not take it (somebody else has written to it, or made it
-- something else), false and the error if this Redis takes no writes at all (OOM, READONLY, NOREPLICAS: these come
-- with a script's first write or not at all). A part is full with a sixteenth of what the log may hold, in entries or bytes.
local function log_add(log, id, body, max_len, max_bytes)
    local done = redis.pcall('XADD', room .. ':log', id, 'm', body)
    if type(done) == 'table' and done.err then
        if not string.find(done.err, '^%-?ERR ') and not string.find(done.err, 'WRONGTYPE') then
            return false, (string.gsub(done.err, '^%-', ''))
        end
        return false
    end
    if log.part_len * 16 >= tonumber(max_len) or log.part_bytes * 16 >= tonumber(max_bytes) then
        redis.call('RPUSH', room .. ':parts',
            string.format('%s %d %d', log.last, log.part_len, log.part_bytes))
        log.part_len, log.part_bytes = 0, 0
    end
    log.last = id
    log.len, log.part_len = log.len + 1, log.part_len + 1
    log.bytes, log.part_bytes = log.bytes + #body, log.part_bytes + #body
    return true
end

-- Writes the state, after dropping the oldest parts where there is too much; never the newest, which has
-- the newest message.
local function log_finish(log, max_len, max_bytes)
    local part = 1
    while part and (log.len > tonumber(max_len) or log.bytes > tonumber(max_bytes)) do
        part = redis.call('LPOP', room .. ':parts')
        if part then
            local ms, seq, len, bytes = string.match(part, '^(%d+)-(%d+) (%d+) (%d+)$')
            log.len, log.bytes = log.len - tonumber(len), log.bytes - tonumber(bytes)
            log.trimmed = ms .. '-' .. seq
            log.first = string.format('%s-%d', ms, seq + 1)
        end
    end
    if log.first then
        redis.call('XTRIM', room .. ':log', 'MINID', log.first)
        redis.call('HSET', room .. ':info', 'trimmed', log.trimmed)
    end
    redis.call('HSET', room .. ':info', 'log', string.format('%s %d %d %d %d', log.last, log.len,
        log.bytes, log.part_len, log.part_bytes))
end

-- Ends the room: keeps log and attendance under one key for the host, deletes the rest, and tells
-- everybody. The log's stream is renamed; attendance and a last entry are added to it.
local function end_room(info, reason, keep_ms, now)
    local class = 'class:' .. info.host .. ':' .. code
    local kept = class .. ':' .. info.epoch
    if keep_ms > 0 then
        if redis.call('EXISTS', room .. ':log') == 1 then
            redis.call('RENAME', room .. ':log', kept)
        end
        for _, uid in ipairs(redis.call('HKEYS', room .. ':attendance')) do
            local a = attendance_read(uid)
            if a.since > 0 then
                a.total = a.total + math.max(0, now - a.since)
                a.last = now
            end
            redis.call('XADD', kept, '*', 'a', uid, 'first', int(a.first), 'last', int(a.last),
                'total', int(a.total), 'name', a.name)
        end
        redis.call('XADD', kept, '*', 'end', reason, 'name', info.name, 'createdAt', info.createdAt,
            'endedAt', int(now))
        redis.call('PEXPIRE', kept, keep_ms)
        redis.call('SET', class, info.epoch, 'PX', keep_ms)
    end
    for _, uid in ipairs(redis.call('SMEMBERS', room .. ':users')) do
        redis.call('DEL', user_key(uid))
    end
    -- Images can be seen for as long as the log can.
    for _, name in ipairs(redis.call('HKEYS', room .. ':files')) do
        redis.call('PEXPIRE', 'file:' .. code .. ':' .. info.epoch .. ':' .. name, keep_ms)
    end
    redis.call('DEL', room .. ':info', room .. ':users', room .. ':pending', room .. ':attendance',
        room .. ':files', room .. ':seen', room .. ':removed', room .. ':refs', room .. ':log', room .. ':parts')
    redis.call('SREM', 'rooms:held', code)
    -- Last: a write that Redis refuses must not leave a room that everybody was told has ended.
    publish(info.seal, now, 'server', 'lectern', 'all', 'close', '{"reason":"' .. reason .. '"}')
end
