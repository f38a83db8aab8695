-- The host ends the room. ARGV: 1 host's user id, 2 session id, 3 epoch, 4 ms to keep the class.
-- Reply: {'ok'}, {'ended'} or {'stale'}.
local info, refusal = info_for_host(ARGV[1], ARGV[2], ARGV[3])
if not info then
    return {refusal}
end
end_room(info, 'ended', tonumber(ARGV[4]), now_ms())
return {'ok'}
