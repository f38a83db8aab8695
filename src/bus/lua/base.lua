-- What scripts share, with lib.lua: of both, a script is given those functions and values in front which it uses,
-- and which those use (embed-lua.awk), since building functions that nobody calls costs as much as publishing does.
-- So each is a `local` of its own that begins at the left margin.
--
-- A script works on the keys of one room, named after KEYS[1], the room's channel `room:{roomId}`,
-- and on the index `rooms:held`.
-- Bodies of messages are concatenated, never decoded. Times are milliseconds since 1970 by Redis's
-- own clock, so that all servers agree. docs/redis-keys.md says what each key holds.

local room = KEYS[1]

local function now_ms()
    local t = redis.call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Lua prints large numbers with an exponent; ids and times must be plain.
local function int(n)
    return string.format('%.0f', n)
end

local function user_key(uid)
    return room .. ':user:' .. uid
end
