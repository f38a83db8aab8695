// The event feed over SockJS: by every transport of sockjs-client, and by polls that come slowly.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { limit, startRedis, startServer, waitFor } from './harness.mjs';
import { post, serviceToken, settled, typed } from './feed.mjs';
import { closeAll, connectSockJS, poll, sessionPath } from './sockjs.mjs';

const CHANNEL = 'exe_monitor';
const SPEAKS = { websocket: ['websocket'], streaming: ['xhr-streaming'], polling: ['xhr-polling'], eventsource: ['eventsource'] };
let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_QUEUE_MAX: 131072 } });
});
after(async () => {
    closeAll();
    await server?.stop();
    await redis?.stop();
});

const open = (transports, query = {}) => connectSockJS(server, {
    service: 'monitor', token: serviceToken('*'), query: { channels: CHANNEL, ...query }, transports,
});

for (const [name, transports] of Object.entries(SPEAKS)) {
    test(`${name}: welcome, events of both kinds, answers, and what was missed`, async () => {
        const client = await open(transports);
        const welcome = await client.next(typed('welcome'));
        assert.deepEqual(welcome.data.channels, [CHANNEL]);
        await redis.client.publish(CHANNEL, '{"text":"\u2028 안녕 \\u0000"}');
        assert.deepEqual((await client.next(typed(CHANNEL))).data, { text: '\u2028 안녕 \u0000' });
        const id = await post(server, CHANNEL, { n: 1 });
        assert.equal((await client.next(typed(CHANNEL))).id, id);
        await settled(client);
        client.send({ no: 'ping' });
        assert.equal((await client.next(typed('error'))).data.code, 'read_only');
        await client.close();
        await post(server, CHANNEL, { n: 2 });
        const again = await open(transports, { since: `${CHANNEL}:${id}` });
        assert.deepEqual((await again.next(typed(CHANNEL))).data, { n: 2 });
        await again.close();
    });
}

test('a session that is refused says why as an upgrade does', async () => {
    for (const [query, status, code] of [
        ['', 401, 'token_missing'],
        [`?token=${serviceToken('scan_monitor')}&channels=${CHANNEL}`, 403, 'channel_forbidden'],
        [`?token=${serviceToken('*')}&channels=nothing`, 404, 'channel_not_found'],
    ]) {
        const answer = await poll(server, `${sessionPath('monitor')}${query}`);
        assert.deepEqual([answer.status, answer.body.error.code], [status, code]);
    }
});

test('polls that come slowly miss events, are told how many, and are not closed for it', async () => {
    const path = `${sessionPath('monitor')}?token=${serviceToken('*')}&channels=${CHANNEL}`;
    assert.equal((await poll(server, path)).text, 'o\n');
    const messages = [];
    const next = async () => {
        const { text } = await poll(server, path, { timeout: limit(30000) });
        assert.match(text, /^a/, text.slice(0, 100));
        for (const message of JSON.parse(text.slice(1))) messages.push(JSON.parse(message));
    };
    await next();
    assert.equal(messages[0].type, 'welcome');
    const total = 60;
    for (let n = 0; n < total; n++) {
        await redis.client.publish(CHANNEL, JSON.stringify({ n, text: 'x'.repeat(10_000) }));
    }
    await waitFor(async () => {
        await next();
        return messages.at(-1).data?.n === total - 1;
    }, { timeout: limit(30000), what: 'the last event', every: 1 });
    const events = messages.filter(({ type }) => type === CHANNEL);
    const missed = messages.filter(({ type }) => type === 'dropped').reduce((sum, { data }) => sum + data.count, 0);
    assert.ok(missed > 0);
    assert.equal(events.length + missed, total);
    await post(server, CHANNEL, 'still here');
    await next();
    assert.equal(messages.at(-1).data, 'still here');
});
