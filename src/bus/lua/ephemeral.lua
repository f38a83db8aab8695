-- base only
-- Publishes a message that is not remembered. ARGV: 1 sender's user id, 2 session id, 3 epoch,
--   4 the message as a JSON object without ts.
-- Reply: {'ok'}, {'ended'}, {'stale'}, {'gone'} or {'removed'}.
local epoch = redis.call('HGET', room .. ':info', 'epoch')
local refusal = session_refusal(ARGV[1], ARGV[2], ARGV[3], epoch)
if refusal then
    return {refusal}
end
redis.call('PUBLISH', room, '{"ts":' .. int(now_ms()) .. ',' .. string.sub(ARGV[4], 2))
return {'ok'}
