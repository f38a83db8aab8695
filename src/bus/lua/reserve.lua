-- Decides whether a user may enter and reserves the place until the socket is activated.
-- ARGV: 1 userType (teacher|student), 2 user id, 3 device id or '', 4 session id, 5 ms until the
--   reservation is void; for teachers: 6 epoch and 7 seal of a room to be made, 8 the host's name,
--   9 room name, 10 max, 11 hold seconds, 12 talk, 13 notify.
-- Reply: {'created'|'reserved', epoch, now} or {refusal code}.
-- A room that was just created, and whose host has not arrived, has an expiry; it is not
-- there yet for anybody else: 'room_opening'.
local kind, uid, device, session, wait_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = now_ms()
local got = redis.call('HMGET', room .. ':info', 'epoch', 'host', 'max', 'locked')
local epoch, host = got[1], got[2]

if kind == 'teacher' then
    if not epoch then
        redis.call('HSET', room .. ':info', 'epoch', ARGV[6], 'seal', ARGV[7], 'host', uid, 'hostName',
            ARGV[8], 'name', ARGV[9], 'max', ARGV[10], 'hold', ARGV[11], 'talk', ARGV[12], 'notify',
            ARGV[13], 'locked', '0', 'createdAt', int(now), 'log', LOG_EMPTY, 'trimmed', '0-0')
        -- Activation makes it permanent; a host who never arrives leaves nothing behind.
        redis.call('PEXPIRE', room .. ':info', wait_ms)
        return {'created', ARGV[6], int(now)}
    end
    if host ~= uid then
        return {'room_taken'}
    end
    if redis.call('PTTL', room .. ':info') > 0 then
        redis.call('PEXPIRE', room .. ':info', wait_ms)
    end
    return {'reserved', epoch, int(now)}
end

if not epoch then
    return {'room_not_found'}
end
if redis.call('PTTL', room .. ':info') > 0 then
    return {'room_opening'}
end
if host == uid then
    return {'room_forbidden'}
end
if redis.call('SISMEMBER', room .. ':removed', uid) == 1
    or (device ~= '' and redis.call('SISMEMBER', room .. ':removed', device) == 1) then
    return {'removed'}
end
if redis.call('SISMEMBER', room .. ':users', uid) == 0 then
    -- A lock keeps newcomers out, not those who have been in this class and lost their network.
    if got[4] == '1' and redis.call('HEXISTS', room .. ':attendance', uid) == 0 then
        return {'room_locked'}
    end
    redis.call('ZREMRANGEBYSCORE', room .. ':pending', '-inf', int(now))
    if participants(host) + redis.call('ZCARD', room .. ':pending') >= tonumber(got[3]) then
        return {'room_full'}
    end
    redis.call('ZADD', room .. ':pending', int(now + wait_ms), session)
    redis.call('PEXPIRE', room .. ':pending', wait_ms)
end
return {'reserved', epoch, int(now)}
