-- Brings a room back into a Redis that was emptied, from what a server holds of it. The host's place is
-- held until the host's session is activated again.
-- ARGV: 1 epoch, 2 seal, 3 host, 4 hostName, 5 name, 6 max, 7 hold, 8 talk, 9 notify, 10 locked 0|1,
--   11 createdAt, 12 stream id up to which messages are missing, 13 ms to hold the host's place.
-- Reply: {'ok'}, or {'ended'}: it has ended since, or the code is another room's.
local epoch = redis.call('HGET', room .. ':info', 'epoch')
if epoch then
    return {epoch == ARGV[1] and 'ok' or 'ended'}
end
if redis.call('EXISTS', 'class:' .. ARGV[3] .. ':' .. code .. ':' .. ARGV[1]) == 1 then
    return {'ended'}
end
redis.call('HSET', room .. ':info', 'epoch', ARGV[1], 'seal', ARGV[2], 'host', ARGV[3], 'hostName',
    ARGV[4], 'name', ARGV[5], 'max', ARGV[6], 'hold', ARGV[7], 'talk', ARGV[8], 'notify', ARGV[9],
    'locked', ARGV[10], 'createdAt', ARGV[11], 'last', ARGV[12], 'trimmed', ARGV[12], 'logLen', '0',
    'logBytes', '0', 'heldUntil', int(now_ms() + tonumber(ARGV[13])))
redis.call('SADD', 'rooms:held', code)
return {'ok'}
