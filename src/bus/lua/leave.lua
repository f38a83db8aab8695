-- Ends a session; fenced by its id, so that an old socket's late end cannot remove a newer one.
-- ARGV: 1 user id, 2 session id, 3 epoch, 4 reason ('left'|'lost'), 5 ms to keep an ended class.
-- Reply: {'stale'}, {'left'}, {'held'} or {'ended'}.
local uid, session, reason = ARGV[1], ARGV[2], ARGV[4]
local info = info_read()
if not info or info.epoch ~= ARGV[3] then
    return {'ended'}
end
if redis.call('HGET', user_key(uid), 'sessionId') ~= session then
    return {'stale'}
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
