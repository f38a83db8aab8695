-- Marks a session of a server that is ending: it is present until a janitor finds that it did not come
-- back. ARGV: 1 user id, 2 session id. Reply: 1, or 0 when the session is not the present one.
if redis.call('HGET', user_key(ARGV[1]), 'sessionId') ~= ARGV[2] then
    return 0
end
redis.call('HSET', user_key(ARGV[1]), 'state', 'pending')
return 1
