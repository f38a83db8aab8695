-- Remembers an account's generation of tokens; it never goes back. KEYS: 1 `account:{id}:gen`.
-- ARGV: 1 the generation, 2 ms to remember it.
-- Reply: the newest generation known.
local newest, given = tonumber(redis.call('GET', room)) or 0, tonumber(ARGV[1])
if given > newest then
    redis.call('SET', room, ARGV[1], 'PX', ARGV[2])
    return given
end
return newest
