-- base only
-- Remembers a message in the room's log and publishes it.
-- ARGV: 1 sender's user id, 2 session id, 3 epoch, 4 ref or '', 5 the message as a JSON object without
--   id and ts, 6 most entries and 7 most bytes of the log.
-- Reply: {'ok'|'repeat', stream id}, {'ended'}, {'stale'}, {'gone'} or {'removed'}.
--
-- Ids are `ms-seq` with seq below 1024, so that an id fits a sorted set's score exactly; if a
-- millisecond is full, or the clock went back, they run ahead of the clock.
local SEQ = 1024
local REF_MS, REF_MAX = 600000, 20000 -- how long, and how many, refs are remembered
local uid, ref, body = ARGV[1], ARGV[4], ARGV[5]
local info = room .. ':info'
local got = redis.call('HMGET', info, 'epoch', 'last', 'logLen', 'logBytes')
local refusal = session_refusal(uid, ARGV[2], ARGV[3], got[1])
if refusal then
    return {refusal}
end
local refs = room .. ':refs'
if ref ~= '' then
    local score = redis.call('ZSCORE', refs, uid .. ':' .. ref)
    if score then
        score = tonumber(score)
        return {'repeat', int(math.floor(score / SEQ)) .. '-' .. int(score % SEQ)}
    end
end

local ms, seq = now_ms(), 0
local last_ms, last_seq = string.match(got[2], '^(%d+)-(%d+)$')
last_ms, last_seq = tonumber(last_ms), tonumber(last_seq)
if ms <= last_ms then
    ms, seq = last_ms, last_seq + 1
    if seq >= SEQ then
        ms, seq = last_ms + 1, 0
    end
end
local id = int(ms) .. '-' .. int(seq)
local log = room .. ':log'
redis.call('XADD', log, id, 'm', body)

local len, bytes = tonumber(got[3]) + 1, tonumber(got[4]) + #body
local max_len, max_bytes = tonumber(ARGV[6]), tonumber(ARGV[7])
if len > max_len or bytes > max_bytes then
    -- Makes some room at once, so that a full log is not trimmed at every message.
    max_len, max_bytes = math.floor(max_len * 15 / 16), math.floor(max_bytes * 15 / 16)
    local trimmed
    while len > 1 and (len > max_len or bytes > max_bytes) do
        -- As many as will go, by their average size: reading long ones that stay is slow.
        local count = math.max(len - max_len, math.ceil((bytes - max_bytes) * len / bytes))
        local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', math.max(1, math.min(64, count)))
        local gone = {}
        for _, entry in ipairs(oldest) do
            if len == 1 or (len <= max_len and bytes <= max_bytes) then
                break
            end
            len, bytes = len - 1, bytes - #entry[2][2]
            gone[#gone + 1] = entry[1]
        end
        if #gone == 0 then
            len, bytes = 1, #body -- somebody else has taken entries away
            break
        end
        trimmed = gone[#gone]
        redis.call('XDEL', log, unpack(gone))
    end
    if trimmed then
        redis.call('HSET', info, 'trimmed', trimmed)
    end
end
redis.call('HSET', info, 'last', id, 'logLen', int(len), 'logBytes', int(bytes))
redis.call('PUBLISH', room, '{"id":"' .. got[1] .. '.' .. id .. '","ts":' .. int(ms) .. ',' ..
    string.sub(body, 2))

if ref ~= '' then
    redis.call('ZADD', refs, int(ms * SEQ + seq), uid .. ':' .. ref)
    if ms % 16 == 0 then -- now and then is often enough
        redis.call('ZREMRANGEBYSCORE', refs, '-inf', int((ms - REF_MS) * SEQ))
        redis.call('ZREMRANGEBYRANK', refs, 0, -REF_MAX - 1)
    end
end
return {'ok', id}
