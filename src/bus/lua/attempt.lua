-- May somebody try a password now? Whoever may has been charged for it, as if the try had failed;
-- attempt_settle.lua takes that back. So tries that are made at the same time count each.
-- KEYS: 1 the failures of one account from one place, or '' where there is nothing but buckets to look
--   at; 2… buckets: what is owed by everything that one address, or one account, tried.
-- ARGV: 1 failures after which one has to wait, 2 that wait, ms (each further failure doubles it), 3 the
--   longest wait, ms, 4 ms after which all is forgotten; then for each bucket: 5 tries at once, 6 ms until
--   there is one more.
-- Reply: ms to wait, 0 if it may be tried.
local now = now_ms()
local failures, wait = 0, 0
if room ~= '' then
    local kept = redis.call('HMGET', room, 'failures', 'until')
    failures = tonumber(kept[1]) or 0
    wait = (tonumber(kept[2]) or 0) - now
end

-- A bucket is kept as the time at which nothing will be owed any more.
local owed = {}
for i = 2, #KEYS do
    local burst, refill = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
    owed[i] = math.max(0, (tonumber(redis.call('GET', KEYS[i])) or 0) - now) + refill
    wait = math.max(wait, owed[i] - burst * refill)
end
if wait > 0 then
    return math.ceil(wait)
end

for i = 2, #KEYS do
    redis.call('SET', KEYS[i], int(now + owed[i]), 'PX', int(owed[i]))
end
if room ~= '' then
    failures = failures + 1
    local more = failures - tonumber(ARGV[1])
    local pause = more < 0 and 0 or math.min(ARGV[2] * 2 ^ math.min(more, 40), tonumber(ARGV[3]))
    redis.call('HSET', room, 'failures', int(failures), 'until', int(now + pause))
    redis.call('PEXPIRE', room, ARGV[4])
end
return 0
