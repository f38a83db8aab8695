-- Shared by every script: put before each of them when they are embedded. A script whose first line
-- is `-- base only` does without lib.lua: building its functions costs more than publishing does.
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

-- Why a session may not act in the room of that epoch (whose present epoch is given), or nil if it may:
-- 'ended', 'removed', 'stale' (replaced by a newer one) or 'gone' (ended by a janitor, or Redis emptied).
local function session_refusal(uid, session, epoch, present_epoch)
    if present_epoch ~= epoch then
        return 'ended'
    end
    local present = redis.call('HGET', user_key(uid), 'sessionId')
    if present == session then
        return nil
    end
    if redis.call('SISMEMBER', room .. ':removed', uid) == 1 then
        return 'removed'
    end
    return present and 'stale' or 'gone'
end
