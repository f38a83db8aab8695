-- The host changes settings; everybody is told all of them.
-- ARGV: 1 host's user id, 2 session id, 3 epoch, then field and value pairs of `room:{id}:info`.
-- Reply: {'ok'}, {'ended'} or {'stale'}.
local info = info_read()
if not info or info.epoch ~= ARGV[3] then
    return {'ended'}
end
if not is_host(info, ARGV[1], ARGV[2]) then
    return {'stale'}
end
for i = 4, #ARGV - 1, 2 do
    info[ARGV[i]] = ARGV[i + 1]
    redis.call('HSET', room .. ':info', ARGV[i], ARGV[i + 1])
end
publish(info.seal, now_ms(), 'server', 'lectern', 'all', 'settings', settings_json(info))
return {'ok'}
