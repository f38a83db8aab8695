-- Puts aside a part of the log of a room that is about to be restored, for restore.lua.
-- ARGV: 1 name of the stage, 2 '1' for the first part, then stream id and body (without id and ts)
--   pairs, oldest first. Reply: {'ok'}.
local stage = room .. ':restore:' .. ARGV[1]
if ARGV[2] == '1' then
    redis.call('DEL', stage)
end
for i = 3, #ARGV - 1, 2 do
    redis.call('XADD', stage, ARGV[i], 'm', ARGV[i + 1])
end
redis.call('PEXPIRE', stage, 60000) -- in case its server does not come to restoring the room
return {'ok'}
