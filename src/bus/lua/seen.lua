-- Keeps the highest message id that participants have shown, and tells the host of the news in one
-- batch. ARGV: 1 epoch, then user id and message id pairs. Reply: {'ok'} or {'ended'}.
local function parts(id)
    local ms, seq = string.match(id, '%.(%d+)-(%d+)$')
    return tonumber(ms), tonumber(seq)
end
local info = redis.call('HMGET', room .. ':info', 'epoch', 'seal')
if info[1] ~= ARGV[1] then
    return {'ended'}
end
local news = {}
for i = 2, #ARGV - 1, 2 do
    local uid, id = ARGV[i], ARGV[i + 1]
    local before = redis.call('HGET', room .. ':seen', uid)
    local newer = true
    if before then
        local ms, seq = parts(id)
        local old_ms, old_seq = parts(before)
        newer = ms > old_ms or (ms == old_ms and seq > old_seq)
    end
    if newer then
        redis.call('HSET', room .. ':seen', uid, id)
        news[#news + 1] = '"' .. uid .. '":"' .. id .. '"'
    end
end
if #news > 0 then
    publish(info[2], now_ms(), 'server', 'lectern', 'teacher', 'seen',
        '{' .. table.concat(news, ',') .. '}')
end
return {'ok'}
