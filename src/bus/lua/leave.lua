-- Ends a session; fenced by its id, so that an old socket's late end cannot remove a newer one.
-- ARGV: 1 user id, 2 session id, 3 epoch, 4 reason ('left'|'lost'), 5 ms to keep an ended class,
--   6 id of the server that says so. If it is not the session's own (which seems dead, and may have
--   only stood still), that one is told.
--   7 '1' to spare those who are pending: they may still come back.
-- Reply: {'stale'}, {'pending'}, {'left'}, {'held'} or {'ended'}.
local uid, session, reason = ARGV[1], ARGV[2], ARGV[4]
local info = info_read()
if not info or info.epoch ~= ARGV[3] then
    return {'ended'}
end
local own = redis.call('HMGET', user_key(uid), 'sessionId', 'serverId', 'state')
if own[1] ~= session then
    return {'stale'}
end
if ARGV[7] == '1' and own[3] == 'pending' then
    return {'pending'}
end
if own[2] ~= ARGV[6] then
    redis.call('PUBLISH', 'server:' .. own[2], 'lost ' .. code .. ' ' .. uid .. ' ' .. session)
end
local now = now_ms()
if uid ~= info.host then
    depart(uid, reason, info, now)
    return {'left'}
end
if tonumber(info.hold) == 0 then
    end_room(info, 'host ' .. reason, tonumber(ARGV[5]), now)
    return {'ended'}
end
redis.call('SREM', room .. ':users', uid)
redis.call('DEL', user_key(uid))
local deadline = int(now + tonumber(info.hold) * 1000)
redis.call('HSET', room .. ':info', 'heldUntil', deadline)
redis.call('SADD', 'rooms:held', code)
publish(info.seal, now, 'server', 'lectern', 'student', 'host-away', '{"deadline":' .. deadline .. '}')
return {'held'}
