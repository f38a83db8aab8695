-- Brings a room back into a Redis that was emptied, from what a server holds of it. The host's place is
-- held until the host's session is activated again. Its log, put aside by restore_log.lua before, comes
-- with it: whoever finds the room finds it whole. Where another server was first, only messages that
-- are newer than its last are added.
-- ARGV: 1 epoch, 2 seal, 3 host, 4 hostName, 5 name, 6 max, 7 hold, 8 talk, 9 notify, 10 locked 0|1,
--   11 createdAt, 12 stream id up to which messages are missing, 13 ms to hold the host's place,
--   14 name of the stage, 15 messages put aside.
-- Reply: {'ok'}; {'ended'}: it has ended since, or the code is another room's; {'partial'}: not all
-- messages were put aside, nothing is done.
local info, log, stage = room .. ':info', room .. ':log', room .. ':restore:' .. ARGV[14]
local got = redis.call('HMGET', info, 'epoch', 'last', 'logLen', 'logBytes')
if got[1] and got[1] ~= ARGV[1]
    or not got[1] and redis.call('EXISTS', 'class:' .. ARGV[3] .. ':' .. code .. ':' .. ARGV[1]) == 1 then
    redis.call('DEL', stage)
    return {'ended'}
end
if redis.call('XLEN', stage) ~= tonumber(ARGV[15]) then
    redis.call('DEL', stage)
    return {'partial'}
end
if not got[1] then
    redis.call('DEL', log)
    redis.call('HSET', info, 'epoch', ARGV[1], 'seal', ARGV[2], 'host', ARGV[3], 'hostName', ARGV[4],
        'name', ARGV[5], 'max', ARGV[6], 'hold', ARGV[7], 'talk', ARGV[8], 'notify', ARGV[9],
        'locked', ARGV[10], 'createdAt', ARGV[11], 'trimmed', ARGV[12],
        'heldUntil', int(now_ms() + tonumber(ARGV[13])))
    redis.call('SADD', 'rooms:held', code)
end
local last, len, bytes = got[2] or ARGV[12], tonumber(got[3] or 0), tonumber(got[4] or 0)
while true do
    local entries = redis.call('XRANGE', stage, '(' .. last, '+', 'COUNT', 100)
    if #entries == 0 then
        break
    end
    for _, entry in ipairs(entries) do
        last = entry[1]
        redis.call('XADD', log, last, 'm', entry[2][2])
        len, bytes = len + 1, bytes + #entry[2][2]
    end
end
redis.call('DEL', stage)
redis.call('HSET', info, 'last', last, 'logLen', int(len), 'logBytes', int(bytes))
return {'ok'}
