-- Ends a held room whose host did not come back in time. ARGV: 1 ms to keep the class.
-- Reply: {'ended'}, {'gone'} (no such room), {'back'} (not held) or {'held', deadline}.
local info = info_read()
if not info then
    return {'gone'}
end
if info.heldUntil == '' then
    return {'back'}
end
local now = now_ms()
if now < tonumber(info.heldUntil) then
    return {'held', info.heldUntil}
end
end_room(info, 'host lost', tonumber(ARGV[1]), now)
return {'ended'}
