-- What decides whether a user may send a file into the room, asked before the file is received.
-- ARGV: 1 user id. Reply: {epoch ('' where there is no room), host, talk, present 0|1, bytes of the
-- room's files}.
local info = redis.call('HMGET', room .. ':info', 'epoch', 'host', 'talk')
return {info[1] or '', info[2] or '', info[3] or '',
    redis.call('SISMEMBER', room .. ':users', ARGV[1]),
    redis.call('HGET', room .. ':files', 'total') or '0'}
