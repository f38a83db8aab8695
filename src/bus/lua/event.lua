-- Remembers an event of a feed's channel and publishes it. KEYS: 1 `feed:{channel}`, 2 `feed-info:{channel}`.
-- ARGV: 1 the channel, 2 the event as a JSON object without its first brace and its id, 3 most events remembered,
--   4 six random characters, in case this is a log's first.
-- Reply: the event's id, `<epoch>.<ms>-<number>`.
--
-- Numbers have no holes, so that readers can count what they miss. A log whose info is gone, or that somebody else
-- has written to, begins anew with another epoch.
local log, info = room, KEYS[2]
local got = redis.pcall('HMGET', info, 'epoch', 'last') -- an error if somebody has put something else in its place
local epoch, now = got[1], now_ms()
local ms, number = string.match(got[2] or '', '^(%d+)-(%d+)$')
if not epoch or not ms then
    epoch, ms, number = ARGV[4], '0', '0'
    redis.call('DEL', log, info)
end

local function add()
    local id = int(math.max(now, tonumber(ms))) .. '-' .. int(number + 1)
    local text = '{"id":"' .. epoch .. '.' .. id .. '",' .. ARGV[2]
    local done = redis.pcall('XADD', log, 'MAXLEN', ARGV[3], id, 'm', text)
    return done, id, text
end

local done, id, text = add()
if type(done) == 'table' and done.err and
    (string.find(done.err, 'equal or smaller') or string.find(done.err, 'WRONGTYPE')) then
    epoch, ms, number = ARGV[4], '0', '0'
    redis.call('DEL', log)
    done, id, text = add()
end
if type(done) == 'table' and done.err then
    return done
end
redis.call('HSET', info, 'epoch', epoch, 'last', id)
redis.call('PUBLISH', ARGV[1], text)
return epoch .. '.' .. id
