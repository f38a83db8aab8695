-- The host removes a participant and keeps user and device out.
-- ARGV: 1 host's user id, 2 session id, 3 epoch, 4 the participant's user id.
-- Reply: {'ok'}, {'ended'} or {'stale'}.
local target = ARGV[4]
local info = info_read()
if not info or info.epoch ~= ARGV[3] then
    return {'ended'}
end
if not is_host(info, ARGV[1], ARGV[2]) then
    return {'stale'}
end
redis.call('SADD', room .. ':removed', target)
local user = redis.call('HMGET', user_key(target), 'serverId', 'sessionId', 'device')
if user[3] then
    redis.call('SADD', room .. ':removed', user[3])
end
if user[1] then
    redis.call('PUBLISH', 'server:' .. user[1], 'kick ' .. code .. ' ' .. target .. ' ' .. user[2])
    depart(target, 'removed', info, now_ms())
end
return {'ok'}
