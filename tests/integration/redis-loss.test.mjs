// Redis goes away and comes back, for real: killed, stopped (SIGSTOP), or cut off by the network from one of two servers.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import {
    api, asStudent, asTeacher, limit, mintToken, refused, roomCode, startRedis, startServer, waitFor,
} from './harness.mjs';
import { accepted, closedWith, heard, joinClass, marker, openClass, startWire } from './classroom.mjs';

const ENV = { LECTERN_REDIS_TIMEOUT_MS: limit(500), LECTERN_RATE_HOST: '10000/10000', LECTERN_RATE_STUDENT: '10000/10000' };
const message = { targetType: 'all', messageType: 'send', message: 'x' };

const ready = (server) => waitFor(async () => (await api(server, 'GET', '/readyz')).status === 200,
    { what: '/readyz', timeout: limit(20000) });

/** Sends until it is accepted again; what was refused meanwhile must have been refused as `unavailable`. */
async function acceptedAgain(client, what) {
    return waitFor(async () => {
        const answer = await client.request(what);
        if (answer.messageType === 'error') assert.equal(answer.message.code, 'unavailable');
        return answer.messageType === 'ack' && answer;
    }, { timeout: limit(20000), every: 100, what: 'an ack' });
}

async function refusedAsUnavailable(client) {
    const answer = await waitFor(async () => {
        const reply = await client.request({ ...message, targetType: 'teacher' }, { timeout: limit(10000) });
        return reply.messageType === 'error' && reply;
    }, { what: 'a refusal', timeout: limit(10000) });
    assert.equal(answer.message.code, 'unavailable');
    assert.ok(answer.message.retryAfterMs > 0, 'a hint when to try again');
}

describe('Redis is killed and started again with its data', () => {
    let redis;
    let server;
    before(async () => {
        redis = await startRedis({ persist: true });
        server = await startServer({ redis, env: ENV });
    });
    after(async () => {
        await server?.stop();
        await redis?.stop();
    });

    test('sockets stay, sends and joins are refused meanwhile, and the class goes on afterwards', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await accepted(host, { ...message, message: 'before' });
        const kept = await accepted(host, { ...message, message: 'kept', ref: 'again' });
        await marker(host, [anna, ben]);
        await redis.kill();

        await refusedAsUnavailable(host);
        const answer = await refused(server, { room: code, token: mintToken({ sub: 's3' }) });
        assert.deepEqual([answer.status, answer.body.error.code], [503, 'unavailable']);
        assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        const opening = await refused(server, { room: roomCode(), token: mintToken({ type: 'teacher' }) });
        assert.equal(opening.status, 503);
        assert.equal((await api(server, 'GET', '/healthz')).status, 200);
        assert.equal((await api(server, 'GET', '/readyz')).status, 503);
        await anna.sync();
        for (const client of [host, anna, ben]) assert.equal(client.closeInfo, undefined);

        await redis.restart();
        await acceptedAgain(host, { ...message, message: 'after' });
        for (const client of [anna, ben]) await client.next({ message: 'after' });
        assert.equal((await accepted(host, { ...message, message: 'kept', ref: 'again' })).id, kept.id,
            'a ref is still known');
        await ready(server);
        const cleo = await waitFor(() => joinClass(server, code, host, 's3'), { what: 'a join' });
        await marker(host, [host, anna, ben, cleo]);
        for (const client of [anna, ben]) {
            assert.deepEqual(heard(client, 'send').filter((text) => text !== 'x'), ['before', 'kept', 'after']);
            assert.equal(new Set(client.messages.map(({ id }) => id).filter(Boolean)).size,
                client.messages.filter(({ id }) => id).length,
                'nothing was delivered twice');
        }
        await anna.close();
        assert.equal((await host.next('leave')).message.reason, 'left');
        host.send({ messageType: 'end' });
        await closedWith(ben, 4000, 'ended');
    });

    test('leaves while Redis is away are told when it is back', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        await redis.kill();
        await refusedAsUnavailable(host);
        await anna.terminate();
        await redis.restart();
        const leave = await host.next('leave', { timeout: limit(20000) });
        assert.deepEqual([leave.sender, leave.message.reason, leave.message.count], ['s1', 'lost', 1]);
        assert.equal(await redis.client.sismember(`room:${code}:users`, 's1'), 0);
        await marker(host, [ben]);
    });

    test('a room that Redis does not know any more is closed: 4000', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await redis.client.del(await redis.client.keys(`room:${code}*`)); // nobody tells the server, it has to find out
        await redis.kill();
        await refusedAsUnavailable(host);
        await redis.restart();
        await waitFor(() => anna.closeInfo && host.closeInfo, { timeout: limit(20000), what: 'close' });
        await closedWith(anna, 4000);
        await closedWith(host, 4000);
    });
});

describe('Redis stands still (SIGSTOP)', () => {
    let pages;
    let redis;
    let server;
    before(async () => {
        redis = await startRedis();
        pages = mkdtempSync(path.join(tmpdir(), 'lectern-pages-'));
        mkdirSync(path.join(pages, 'student'));
        writeFileSync(path.join(pages, 'student', 'index.html'), '<!doctype html><title>a page</title>');
        server = await startServer({ redis, env: { ...ENV, LECTERN_HTTP_THREADS: 16, LECTERN_WEB_DIR: pages } });
    });
    afterEach(async () => {
        redis.kill('SIGCONT');
        await ready(server);
    });
    after(async () => {
        await server?.stop();
        await redis?.stop();
        rmSync(pages, { recursive: true, force: true });
    });

    test('pages and health answer at once, joins are refused in time, sockets stay; then all goes on', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        redis.kill('SIGSTOP');
        const joins = Array.from({ length: 40 }, (_, i) =>
            refused(server, { room: code, token: mintToken({ sub: `p${i}` }) }));
        for (let i = 0; i < 5; i++) {
            const began = Date.now();
            assert.equal((await api(server, 'GET', '/healthz')).status, 200);
            assert.match((await api(server, 'GET', '/student/')).text, /a page/);
            assert.ok(Date.now() - began < limit(1000), `answered in ${Date.now() - began} ms`);
        }
        for (const answer of await Promise.all(joins)) assert.deepEqual([answer.status, answer.body.error.code],
            [503, 'unavailable']);
        await refusedAsUnavailable(host);
        assert.equal((await api(server, 'GET', `/rooms/${code}`)).status, 503);
        await anna.sync();
        redis.kill('SIGCONT');
        await acceptedAgain(host, { ...message, message: 'after' });
        await anna.next({ message: 'after' });
        await marker(host, [host, anna]);
        await waitFor(() => asStudent(server, code, { sub: 's2' }), { what: 'a join', timeout: limit(10000) });
        assert.equal(anna.closeInfo, undefined);
    });

    test('a message whose outcome is unknown is delivered once when it is sent again with its ref', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        redis.kill('SIGSTOP');
        const answer = await host.request({ ...message, message: 'once', ref: 'unsure' }, { timeout: limit(10000) });
        assert.equal(answer.message.code, 'unavailable');
        redis.kill('SIGCONT');
        await acceptedAgain(host, { ...message, message: 'once', ref: 'unsure' });
        await marker(host, [host, anna]);
        assert.deepEqual(heard(anna, 'send'), ['once']);
    });
});

describe('one of two servers is cut off', () => {
    let redis;
    let wire;
    let near;
    let far;
    before(async () => {
        redis = await startRedis();
        wire = await startWire(redis);
        near = await startServer({ redis, env: { ...ENV, LECTERN_SERVER_ID: 'near' } });
        far = await startServer({ redis: wire.url, env: { ...ENV, LECTERN_SERVER_ID: 'far' } });
    });
    afterEach(async () => {
        wire.mend();
        await ready(far);
    });
    after(async () => {
        await Promise.all([near?.stop(), far?.stop()]);
        await wire?.stop();
        await redis?.stop();
    });

    test('its members are told what they missed, in order, once', async () => {
        const { code, host } = await openClass(near);
        const anna = await joinClass(near, code, host, 's1');
        const ben = await joinClass(far, code, host, 's2');
        await accepted(host, { ...message, message: 0 });
        await marker(host, [anna, ben]);
        wire.cut();
        await refusedAsUnavailable(ben);
        for (let i = 1; i <= 30; i++) await accepted(host, { ...message, message: i });
        await accepted(host, { targetType: 'student', target: 's1', messageType: 'secret' });
        await accepted(host, { messageType: 'settings', message: { talk: 'all' } });
        await anna.next({ message: 30 });
        assert.deepEqual(heard(ben, 'send'), [0]);
        wire.mend();
        await ben.next({ message: 30 }, { timeout: limit(20000) });
        await marker(host, [anna, ben]);
        assert.deepEqual(heard(ben, 'send'), Array.from({ length: 31 }, (_, i) => i));
        assert.deepEqual(ben.all('secret'), []);
        assert.deepEqual(host.all('leave'), []);
        await accepted(ben, { ...message, message: 'talk=all is known' });
        await host.next({ message: 'talk=all is known' });
    });

    test('a room that ended meanwhile closes there too', async () => {
        const { code, host } = await openClass(near);
        const ben = await joinClass(far, code, host, 's2');
        wire.cut();
        await refusedAsUnavailable(ben);
        host.send({ messageType: 'end' });
        await closedWith(host, 4000, 'ended');
        wire.mend();
        await waitFor(() => ben.closeInfo, { timeout: limit(20000), what: 'close' });
        await closedWith(ben, 4000);
    });

    test('who moved to the other server meanwhile stays there', async () => {
        const { code, host } = await openClass(near);
        const ben = await joinClass(far, code, host, 's2');
        wire.cut();
        await refusedAsUnavailable(ben);
        const again = await asStudent(near, code, { sub: 's2' });
        wire.mend();
        await waitFor(() => ben.closeInfo, { timeout: limit(20000), what: 'close of the older connection' });
        await closedWith(ben, 4001);
        await marker(host, [host, again]);
        assert.equal(await redis.client.hget(`room:${code}:user:s2`, 'sessionId'), again.welcome.message.session);
        assert.deepEqual(host.all('leave'), []);
    });

    test('a leave that is told late does not remove who came back elsewhere meanwhile', async () => {
        const { code, host } = await openClass(near);
        const ben = await joinClass(far, code, host, 's2');
        const cleo = await joinClass(far, code, host, 's3');
        wire.cut();
        await refusedAsUnavailable(ben);
        await ben.terminate();
        await cleo.terminate();
        const again = await asStudent(near, code, { sub: 's2' });
        wire.mend();
        await host.next({ messageType: 'leave', sender: 's3' }, { timeout: limit(20000) }); // told after that of s2
        await marker(host, [host, again]);
        assert.deepEqual(host.all({ messageType: 'leave', sender: 's2' }), []);
        assert.equal(await redis.client.hget(`room:${code}:user:s2`, 'sessionId'), again.welcome.message.session);
        assert.equal(await redis.client.sismember(`room:${code}:users`, 's2'), 1);
    });

    test('who was removed meanwhile is out', async () => {
        const { code, host } = await openClass(near);
        const ben = await joinClass(far, code, host, 's2');
        wire.cut();
        await refusedAsUnavailable(ben);
        await accepted(host, { messageType: 'kick', target: 's2' });
        wire.mend();
        await waitFor(() => ben.closeInfo, { timeout: limit(20000), what: 'close of the one removed' });
        await closedWith(ben, 4002);
        await marker(host, [host]);
        assert.equal(host.all('leave').length, 1);
    });

    test('a host cut off from Redis keeps its class', async () => {
        const host = await asTeacher(far, roomCode(), { sub: 't5' });
        const anna = await joinClass(near, host.room, host, 's1');
        wire.cut();
        await refusedAsUnavailable(host);
        wire.mend();
        await acceptedAgain(host, { ...message, message: 'back' });
        await anna.next({ message: 'back' });
        assert.equal(anna.closeInfo, undefined);
    });
});
