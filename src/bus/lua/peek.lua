-- What REST asks about a room, and how one user stands to it. Changes nothing.
-- ARGV: 1 user id or '', 2 device id or ''.
-- Reply: {epoch, host, name, locked, max, is the host present, participants present, entering, now, is the
--   user present, has it been in this class, is it or its device removed}, or {} when there is no such room.
local uid, device = ARGV[1], ARGV[2]
local info = info_read()
if not info then
    return {}
end
local function has(key, member)
    return redis.call('SISMEMBER', room .. key, member)
end
local now = now_ms()
return {
    info.epoch, info.host, info.name, info.locked, info.max, has(':users', info.host), participants(info.host),
    redis.call('ZCOUNT', room .. ':pending', '(' .. int(now), '+inf'), int(now), has(':users', uid),
    redis.call('HEXISTS', room .. ':attendance', uid),
    math.max(has(':removed', uid), device ~= '' and has(':removed', device) or 0),
}
