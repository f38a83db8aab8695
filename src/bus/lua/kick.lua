-- The host removes a participant and keeps user and device out; whoever else is there from that device
-- goes too. ARGV: 1 host's user id, 2 session id, 3 epoch, 4 the participant's user id.
-- Reply: {'ok'}, {'ended'} or {'stale'}.
local info, refusal = info_for_host(ARGV[1], ARGV[2], ARGV[3])
if not info then
    return {refusal}
end
local now = now_ms()

local function remove(uid)
    local user = redis.call('HMGET', user_key(uid), 'serverId', 'sessionId')
    if user[1] then
        redis.call('PUBLISH', 'server:' .. user[1], 'kick ' .. code .. ' ' .. uid .. ' ' .. user[2])
        depart(uid, 'removed', info, now)
    end
end

redis.call('SADD', room .. ':removed', ARGV[4])
local device = redis.call('HGET', user_key(ARGV[4]), 'device')
remove(ARGV[4])
if device then
    redis.call('SADD', room .. ':removed', device)
    for _, uid in ipairs(redis.call('SMEMBERS', room .. ':users')) do
        if redis.call('HGET', user_key(uid), 'device') == device then
            remove(uid)
        end
    end
end
return {'ok'}
