-- Adds messages to the log of a room that was restored; those that are not newer than its last are
-- there already. ARGV: 1 epoch, then stream id and body (without id and ts) pairs, oldest first.
-- Reply: {'ok'} or {'ended'}.
local info = room .. ':info'
local got = redis.call('HMGET', info, 'epoch', 'last', 'logLen', 'logBytes')
if got[1] ~= ARGV[1] then
    return {'ended'}
end
local function parts(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(seq)
end
local last, len, bytes = got[2], tonumber(got[3]), tonumber(got[4])
local last_ms, last_seq = parts(last)
for i = 2, #ARGV - 1, 2 do
    local ms, seq = parts(ARGV[i])
    if ms > last_ms or (ms == last_ms and seq > last_seq) then
        redis.call('XADD', room .. ':log', ARGV[i], 'm', ARGV[i + 1])
        last, last_ms, last_seq = ARGV[i], ms, seq
        len, bytes = len + 1, bytes + #ARGV[i + 1]
    end
end
redis.call('HSET', info, 'last', last, 'logLen', int(len), 'logBytes', int(bytes))
return {'ok'}
