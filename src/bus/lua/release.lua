-- Gives a reservation back. ARGV: 1 session id, 2 epoch, 3 '1' if the reservation made the room.
-- A room that nobody has entered yet still has its expiry, and goes with the reservation.
redis.call('ZREM', room .. ':pending', ARGV[1])
if ARGV[3] == '1' and redis.call('HGET', room .. ':info', 'epoch') == ARGV[2]
    and redis.call('PTTL', room .. ':info') > 0 and redis.call('EXISTS', room .. ':users') == 0 then
    redis.call('DEL', room .. ':info')
end
return 1
