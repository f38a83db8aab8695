-- Takes back what attempt.lua charged: the password was right, or was not looked at after all.
-- KEYS: as attempt.lua's. ARGV: 1 '1' if it was right: the account's failures from there are forgotten;
--   then for each bucket: 2 ms until there is one more.
if ARGV[1] == '1' then
    redis.call('DEL', room)
elseif redis.call('EXISTS', room) == 1 then
    redis.call('HINCRBY', room, 'failures', -1)
    redis.call('HSET', room, 'until', 0)
end
for i = 2, #KEYS do
    local left = redis.call('PTTL', KEYS[i]) - tonumber(ARGV[i])
    if left > 0 then
        redis.call('SET', KEYS[i], int(now_ms() + left), 'PX', int(left))
    else
        redis.call('DEL', KEYS[i])
    end
end
return 1
