-- Keeps a file for as long as the room, and tells the room of it: when the room ends, its files get
-- the expiry of its log. A file that comes too late for that is not kept, and so none is left behind.
-- KEYS: 1 room:{roomId}, 2 the file's key. ARGV: 1 epoch, 2 the file's name, 3 bytes that the room's
--   files may take, 4 bytes that this one counts as, then fields and values of the file.
-- Reply: {'ok'} (also when it is kept already), {'gone'}: the room has ended, {'full'}.
local info, files = room .. ':info', room .. ':files'
-- A room whose host has not arrived yet vanishes by itself: it has no files.
if redis.call('HGET', info, 'epoch') ~= ARGV[1] or redis.call('PTTL', info) >= 0 then
    return {'gone'}
end
if redis.call('HEXISTS', files, ARGV[2]) == 0 then
    if tonumber(redis.call('HGET', files, 'total') or '0') + tonumber(ARGV[4]) > tonumber(ARGV[3]) then
        return {'full'}
    end
    redis.call('HSET', files, ARGV[2], ARGV[4])
    redis.call('HINCRBY', files, 'total', ARGV[4])
end
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
return {'ok'}
