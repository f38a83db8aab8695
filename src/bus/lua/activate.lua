-- Turns a reservation into a present session, once its socket is on a loop. Running it again for a
-- session that is present changes nothing; so a loop that lost its link makes sure of its sessions.
-- ARGV: 1 userType, 2 user id, 3 name, 4 device id or '', 5 session id, 6 server id, 7 epoch,
--   8 when the place was reserved, 9 '1' if the user has been welcomed before.
-- Reply: {refusal: 'ended'|'removed'|'replaced'|'room_full'} or {'ok', seal, last, host, hostName,
--   name, max, hold, talk, notify, locked, heldUntil, host present 0|1, participants} and for
--   teachers {id, name, joinedAt} of each participant, flat.
local kind, uid, name, device = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local session, server, epoch, reserved_at = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local info = info_read()
if not info or info.epoch ~= epoch then
    return {'ended'}
end
local now = now_ms()
local users, key = room .. ':users', user_key(uid)
local present = redis.call('SISMEMBER', users, uid) == 1
local reserved = redis.call('ZREM', room .. ':pending', session) == 1
local before = redis.call('HMGET', key, 'sessionId', 'serverId', 'joinedAt')
local other = before[1] and before[1] ~= session

-- The one who came last stays.
if other and tonumber(before[3]) > tonumber(reserved_at) then
    return {'replaced'}
end
if kind == 'student' then
    if redis.call('SISMEMBER', room .. ':removed', uid) == 1
        or (device ~= '' and redis.call('SISMEMBER', room .. ':removed', device) == 1) then
        return {'removed'}
    end
    if not reserved and not present and participants(info.host) >= tonumber(info.max) then
        return {'room_full'}
    end
    attendance_arrive(uid, name, now)
else
    redis.call('PERSIST', room .. ':info')
    redis.call('HSET', room .. ':info', 'hostName', name)
    info.hostName = name
end

if other then
    redis.call('PUBLISH', 'server:' .. before[2], 'replace ' .. code .. ' ' .. uid .. ' ' .. before[1])
end
redis.call('SADD', users, uid)
redis.call('DEL', key)
redis.call('HSET', key, 'userType', kind, 'serverId', server, 'name', name, 'sessionId', session,
    'joinedAt', reserved_at, 'state', 'active')
if device ~= '' then
    redis.call('HSET', key, 'device', device)
end

local count = participants(info.host)
if kind == 'teacher' then
    if info.heldUntil ~= '' then
        redis.call('HDEL', room .. ':info', 'heldUntil')
        redis.call('SREM', 'rooms:held', code)
        info.heldUntil = ''
        publish(info.seal, now, 'server', 'lectern', 'student', 'host-back',
            '{"name":' .. cjson.encode(name) .. '}')
    end
    -- What seen.lua told of its news before this socket was there.
    local seen, pairs_told = redis.call('HGETALL', room .. ':seen'), {}
    for i = 1, #seen, 2 do
        pairs_told[#pairs_told + 1] = '"' .. seen[i] .. '":"' .. seen[i + 1] .. '"'
    end
    if #seen > 0 then
        publish(info.seal, now, 'server', 'lectern', 'teacher', 'seen',
            '{' .. table.concat(pairs_told, ',') .. '}')
    end
elseif not present then
    -- After an outage only the host is told: to the others nobody seemed to be away.
    local all = info.notify == 'all' and ARGV[9] ~= '1'
    publish(info.seal, now, 'student', uid, all and 'all' or 'teacher', 'join',
        '{"name":' .. cjson.encode(name) .. ',"count":' .. int(count) .. ',"joinedAt":' .. reserved_at ..
        '}')
end

local last = string.match(info.log, '^%S+')
local reply = {'ok', info.seal, last, info.host, info.hostName, info.name, info.max, info.hold,
    info.talk, info.notify, info.locked, info.heldUntil,
    redis.call('SISMEMBER', users, info.host), count}
if kind == 'teacher' then
    for _, id in ipairs(redis.call('SMEMBERS', users)) do
        if id ~= info.host then
            local user = redis.call('HMGET', user_key(id), 'name', 'joinedAt')
            reply[#reply + 1] = id
            reply[#reply + 1] = user[1] or id
            reply[#reply + 1] = user[2] or '0'
        end
    end
end
return reply
