-- Remembers an account's generation of tokens; it never goes back. KEYS: 1 `account:{id}:gen`.
-- ARGV: 1 the generation, 2 ms to remember it, at least.
-- Reply: the newest generation known.
local newest, given = tonumber(redis.call('GET', room)) or 0, tonumber(ARGV[1])
if given > newest then
    redis.call('SET', room, ARGV[1], 'PX', ARGV[2])
    return given
end
if given == newest and redis.call('PTTL', room) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', room, ARGV[2])
end
return newest
