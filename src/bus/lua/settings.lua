-- The host changes settings; everybody is told all of them.
-- ARGV: 1 host's user id, 2 session id, 3 epoch, then field and value pairs of `room:{id}:info`.
-- Reply: {'ok'}, {'ended'} or {'stale'}.
local info, refusal = info_for_host(ARGV[1], ARGV[2], ARGV[3])
if not info then
    return {refusal}
end
for i = 4, #ARGV - 1, 2 do
    info[ARGV[i]] = ARGV[i + 1]
    redis.call('HSET', room .. ':info', ARGV[i], ARGV[i + 1])
end
publish(info.seal, now_ms(), 'server', 'lectern', 'all', 'settings', settings_json(info))
return {'ok'}
