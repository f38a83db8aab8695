-- The host ends the room. ARGV: 1 host's user id, 2 session id, 3 epoch, 4 ms to keep the class.
-- Reply: {'ok'}, {'ended'} or {'stale'}.
local info = info_read()
if not info or info.epoch ~= ARGV[3] then
    return {'ended'}
end
if not is_host(info, ARGV[1], ARGV[2]) then
    return {'stale'}
end
end_room(info, 'ended', tonumber(ARGV[4]), now_ms())
return {'ok'}
