-- Carries out what members of a room have sent within one turn of a loop, in their order: messages are put into the
-- room's log and published, each by itself; what is refused does not touch the others.
-- ARGV: 1 epoch, 2 most entries and 3 most bytes of the log, then for each message: user id, session id,
--   'log', or 'live' for one that is published only, ref or '', and the message as a JSON object without id and ts.
-- Reply: two texts for each message: 'ok' or 'repeat' (of a ref) and its stream id ('' if 'live'); or why it was not
--   sent and '': 'ended', 'stale' (the session was replaced by a newer one), 'gone' (ended by a janitor, or Redis was
--   emptied), 'removed', or 'failed' (the log did not take it). Where Redis takes no writes the reply is its error
--   (READONLY, OOM, ...), unless something has been published by then: what was stays so and is told to be, and what was
--   for the log has failed.
--
-- Ids are `ms-seq` with seq below 1024, so that an id fits a sorted set's score exactly; if a
-- millisecond is full, or the clock went back, they run ahead of the clock.
-- This is the script that runs all the time: printing a number with %.0f takes as long as publishing does,
-- so texts are kept where they are at hand.
local SEQ = 1024
local REF_MS, REF_MAX = 600000, 20000 -- how long, and how many, refs are remembered
local epoch, info, refs = ARGV[1], room .. ':info', room .. ':refs'
local got = redis.call('HMGET', info, 'epoch', 'log')
local time = redis.call('TIME')
local ms_text = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
local now, now_text = tonumber(ms_text), ms_text
local log, added, published, no_writes

-- Why the session may not act here, or nil.
local function refusal_of(uid, session)
    if got[1] ~= epoch then
        return 'ended'
    end
    local present = redis.call('HGET', room .. ':user:' .. uid, 'sessionId')
    if present == session then
        return nil
    end
    if redis.call('SISMEMBER', room .. ':removed', uid) == 1 then
        return 'removed'
    end
    return present and 'stale' or 'gone'
end

local function remember_and_publish(uid, ref, body)
    local name = ref ~= '' and uid .. ':' .. ref
    local score = name and redis.call('ZSCORE', refs, name)
    if score then
        score = tonumber(score)
        return 'repeat', string.format('%.0f-%d', math.floor(score / SEQ), score % SEQ)
    end
    log = log or log_read(got[2])
    if now > log.ms then
        log.ms, log.seq = now, 0
    else
        log.seq = log.seq + 1
        if log.seq == SEQ then
            log.ms, log.seq = log.ms + 1, 0
        end
        ms_text = log.ms == now and now_text or int(log.ms)
    end
    local id = string.format('%s-%d', ms_text, log.seq)
    local done, err = log_add(log, id, body, ARGV[2], ARGV[3])
    if not done then
        no_writes = err
        return 'failed', ''
    end
    added = true
    redis.call('PUBLISH', room, '{"id":"' .. epoch .. '.' .. id .. '","ts":' .. ms_text .. ',' .. string.sub(body, 2))
    if name then
        redis.call('ZADD', refs, int(log.ms * SEQ + log.seq), name)
    end
    return 'ok', id
end

local reply, n = {}, 0
local uid, session, refusal
for i = 4, #ARGV, 5 do
    if ARGV[i] ~= uid or ARGV[i + 1] ~= session then
        uid, session = ARGV[i], ARGV[i + 1]
        refusal = refusal_of(uid, session)
    end
    local status, id = refusal, ''
    if not refusal and ARGV[i + 2] == 'live' then
        redis.call('PUBLISH', room, '{"ts":' .. now_text .. ',' .. string.sub(ARGV[i + 4], 2))
        status, published = 'ok', true
    elseif not refusal then
        status, id = remember_and_publish(uid, ARGV[i + 3], ARGV[i + 4])
        if no_writes and not published then
            return {err = no_writes}
        end
    end
    reply[n + 1], reply[n + 2] = status, id
    n = n + 2
end

if added then
    log_finish(log, ARGV[2], ARGV[3])
    if log.ms % 16 == 0 then -- now and then is often enough
        redis.call('ZREMRANGEBYSCORE', refs, '-inf', int((log.ms - REF_MS) * SEQ))
        redis.call('ZREMRANGEBYRANK', refs, 0, -REF_MAX - 1)
    end
end
return reply
