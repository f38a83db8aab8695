-- Remembers how far a member of a chat has read; it never goes back. KEYS: 1 `room:{id}:read`.
-- ARGV: 1 user id, 2 id of the message, 3 its number within the room.
-- Reply: 1 if it was moved, else 0.
local known = redis.call('HGET', room, ARGV[1])
if known and tonumber(string.match(known, '%d+$')) >= tonumber(ARGV[3]) then
    return 0
end
redis.call('HSET', room, ARGV[1], ARGV[2])
return 1
