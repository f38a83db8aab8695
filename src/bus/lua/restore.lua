-- Brings a room back into a Redis that was emptied, from what a server holds of it. The host's place is
-- held until the host's session is activated again. Its log, put aside by restore_log.lua before, comes
-- with it: whoever finds the room finds it whole. Where another server was first, only messages that
-- are newer than its last are added.
-- ARGV: 1 epoch, 2 seal, 3 host, 4 hostName, 5 name, 6 max, 7 hold, 8 talk, 9 notify, 10 locked 0|1,
--   11 createdAt, 12 stream id up to which messages are missing, 13 ms to hold the host's place,
--   14 name of the stage, 15 messages put aside, 16 most entries and 17 most bytes of the log.
-- Reply: {'ok'}; {'ended'}: it has ended since, or the code is another room's; {'partial'}: not all
-- messages were put aside, nothing is done.
local info, stage = room .. ':info', room .. ':restore:' .. ARGV[14]
local got = redis.call('HMGET', info, 'epoch', 'log')
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
    redis.call('DEL', room .. ':log', room .. ':parts')
    redis.call('HSET', info, 'epoch', ARGV[1], 'seal', ARGV[2], 'host', ARGV[3], 'hostName', ARGV[4],
        'name', ARGV[5], 'max', ARGV[6], 'hold', ARGV[7], 'talk', ARGV[8], 'notify', ARGV[9],
        'locked', ARGV[10], 'createdAt', ARGV[11], 'trimmed', ARGV[12],
        'heldUntil', int(now_ms() + tonumber(ARGV[13])))
    redis.call('SADD', 'rooms:held', code)
end
local log = log_read(got[2] or ARGV[12] .. ' 0 0 0 0')
while true do
    local entries = redis.call('XRANGE', stage, '(' .. log.last, '+', 'COUNT', 100)
    if #entries == 0 then
        break
    end
    for _, entry in ipairs(entries) do
        local done, err = log_add(log, entry[1], entry[2][2], ARGV[16], ARGV[17])
        if not done then
            return {err = err or 'ERR the log does not take what is restored'}
        end
    end
end
redis.call('DEL', stage)
log_finish(log, ARGV[16], ARGV[17])
return {'ok'}
