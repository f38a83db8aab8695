-- Ends a held room whose host did not come back in time. ARGV: 1 ms to keep the class.
-- Reply: {'ended'}, {'gone'} (not held, or no such room) or {'held'}.
local info = info_read()
if not info or info.heldUntil == '' then
    redis.call('SREM', 'rooms:held', code)
    return {'gone'}
end
local now = now_ms()
if now < tonumber(info.heldUntil) then
    return {'held'}
end
end_room(info, 'host lost', tonumber(ARGV[1]), now)
return {'ended'}
