// Two servers behind HAProxy as scripts/haproxy.cfg configures it, with a certificate made for the test: classes by wss,
// pages and REST by https, whom the servers see, and what happens when a server is killed, drains, or none is ready.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
    ROOT, api, asStudent, asTeacher, limit, mintToken, randomId, refused, roomCode, waitFor, within,
} from '../integration/harness.mjs';
import { closedWith, joinClass, marker, openClass, say } from '../integration/classroom.mjs';
import { startSite, tls } from './site.mjs';

const HELD = { query: { hold: 60 } };
const STUDENTS = ['s1', 's2', 's3', 's4', 's5'];

const serverOf = (client) => client.welcome.message.server.id;

/** A class behind the proxy: openClass() with its certificate. */
const openHere = (proxy, { query = HELD.query, ...more } = {}) => openClass(proxy, { query, options: tls(), ...more });

/** Connects again until it gets in, as the client library does. */
const back = (open, what) => waitFor(open, { timeout: limit(15000), every: 50, what });

describe('a site behind HAProxy', () => {
    let site;
    let proxy;
    before(async () => {
        site = await startSite();
        ({ proxy } = site);
    });
    after(() => site?.stop());

    test('a class meets on one server, and classes spread over both', async () => {
        const used = new Set();
        for (let i = 0; i < 60 && used.size < 2; i++) {
            const { host, students } = await openHere(proxy, { students: i < 2 ? STUDENTS : ['s1'] });
            assert.deepEqual([...new Set(students.map(serverOf))], [serverOf(host)]);
            used.add(serverOf(host));
            await say(host, 'student', '여러분 안녕하세요');
            for (const student of students) assert.equal((await student.next('send')).message, '여러분 안녕하세요');
            await say(students[0], 'teacher', 'hello');
            assert.equal((await host.next('send')).message, 'hello');
            await Promise.all([host, ...students].map((client) => client.close()));
        }
        assert.equal(used.size, 2);
    });

    test('a SockJS session meets on one server, too', async () => {
        const place = async (session, transport) => {
            const target = `/sockjs/ws/${Math.floor(Math.random() * 1000)}/${session}/${transport}`;
            await proxy.request('POST', target);
            const line = await waitFor(() => site.log().split('\n').find((text) => text.endsWith(` POST ${target}`)),
                { what: `log line of ${target}` });
            return /lectern\/(\w+)/.exec(line)[1];
        };
        const used = new Set();
        for (let i = 0; i < 60 && used.size < 2; i++) {
            const first = await place(`session${i}`, 'xhr');
            for (let k = 0; k < 3; k++) assert.equal(await place(`session${i}`, `xhr_send${k}`), first);
            used.add(first);
        }
        assert.equal(used.size, 2);
    });

    test('requests of one SockJS session find it; what comes to the other server is told that it is not there', async () => {
        const send = async (path, body) => proxy.request('POST', `${path}/xhr_send`, { body });
        for (let i = 0; i < 8; i++) {
            const path = `/sockjs/echo/${i}/${randomId('proxied')}`;
            assert.equal((await proxy.request('POST', `${path}/xhr`)).text, 'o\n');
            assert.equal((await send(path, ['through the proxy'])).status, 204);
            assert.equal((await proxy.request('POST', `${path}/xhr`)).text, 'a["through the proxy"]\n');
            const answers = await Promise.all(site.servers.map((server) =>
                api(server, 'POST', `${path}/xhr_send`, { body: '["straight"]' })));
            assert.deepEqual(answers.map(({ status }) => status).sort(), [204, 404]);
        }
        // A class by polls: `room` decides, in every request of the session.
        const { code, host } = await openHere(proxy);
        const path = `/sockjs/ws/1/${randomId('pupil')}`;
        const query = `?room=${code}&token=${mintToken({ sub: 's1' })}`;
        assert.equal((await proxy.request('POST', `${path}/xhr${query}`)).text, 'o\n');
        await host.next('join');
        const { text } = await proxy.request('POST', `${path}/xhr${query}`);
        assert.equal(JSON.parse(JSON.parse(text.slice(1))[0]).message.server.id, serverOf(host));
        const message = JSON.stringify({ targetType: 'teacher', messageType: 'send', message: 'by polls' });
        assert.equal((await proxy.request('POST', `${path}/xhr_send${query}`, { body: [message] })).status, 204);
        assert.equal((await host.next('send')).message, 'by polls');
        await host.close();
    });

    test('pages and REST work, http is sent to https, metrics stay inside', async () => {
        const { code, host } = await openHere(proxy);
        const room = await proxy.request('GET', `/rooms/${code}`);
        assert.equal(room.status, 200);
        assert.equal(JSON.parse(room.text).hostPresent, true);
        assert.match(room.headers['strict-transport-security'], /max-age=\d{7}/);
        const log = await proxy.request('GET', `/rooms/${code}/log?format=json`,
            { headers: { Authorization: `Bearer ${mintToken({ type: 'teacher' })}` } });
        assert.equal(log.status, 200);
        assert.equal((await proxy.request('GET', '/nowhere')).status, 404);
        for (const page of existsSync(path.join(ROOT, 'build/web')) ? ['/teacher/', '/student/'] : []) {
            const { status, text } = await proxy.request('GET', page);
            assert.equal(status, 200);
            const script = /src="([^"]+\.js)"/.exec(text)[1];
            assert.equal((await proxy.request('GET', new URL(script, proxy.url + page).pathname)).status, 200);
        }
        for (const target of ['/metrics', '/%6detrics', '/metrics/']) {
            assert.equal((await proxy.request('GET', target)).status, 404, target);
        }
        const redirect = await new Promise((resolve, reject) => {
            http.get({ host: '127.0.0.1', port: proxy.plain, path: '/student/?room=ABCD', agent: false }, resolve)
                .on('error', reject);
        });
        redirect.resume();
        assert.equal(redirect.statusCode, 308);
        assert.match(redirect.headers.location, /^https:\/\/127\.0\.0\.1:\d+\/student\/\?room=ABCD$/);
        await host.close();
    });

    test('guests get a Secure cookie and a token that opens the class', async () => {
        const { code, host } = await openHere(proxy);
        const guest = await proxy.request('POST', '/guest', { body: { room: code, name: '민준' } });
        assert.equal(guest.status, 200, guest.text);
        assert.match(String(guest.headers['set-cookie']), /lectern_device=[^;]+;.*; Secure$/);
        const { token, user } = JSON.parse(guest.text);
        const student = await asStudent(proxy, code, {}, { ...tls(), token });
        assert.equal((await host.next('join')).sender, user.id);
        await student.close();
    });

    test('limits are for the client\'s address, which it cannot choose', async () => {
        const guess = async (from, headers) => {
            for (let i = 0; i < 200; i++) {
                const { status } = await proxy.request('GET', `/rooms/${roomCode()}`, { from, headers });
                if (status === 429) return true;
                assert.equal(status, 404);
            }
            return false;
        };
        assert.ok(await guess('127.0.0.11'), 'guessing is slowed');
        const { status } = await proxy.request('GET', `/rooms/${roomCode()}`, { from: '127.0.0.12' });
        assert.equal(status, 404, 'another client may still ask');
        let n = 0;
        const forged = { get 'X-Forwarded-For'() { n++; return `10.0.0.${n}`; } };
        assert.ok(await guess('127.0.0.13', forged), 'a made-up X-Forwarded-For does not help');
        assert.ok(n > 10);
    });

    test('tokens do not get into the proxy\'s log', async () => {
        const token = mintToken({ type: 'teacher' });
        const host = await asTeacher(proxy, roomCode(), {}, { ...tls(), token, via: 'query', query: {} });
        await host.close();
        await waitFor(() => / 101 .*GET \/ws$/m.test(site.log()), { what: 'log line of the socket' });
        assert.ok(!site.log().includes(token.split('.')[2]), 'no token in the log');
    });
});

describe('failures behind HAProxy', () => {
    let site;
    let proxy;
    before(async () => {
        site = await startSite();
        ({ proxy } = site);
    });
    after(() => site?.stop());

    // In the order of the file: each leaves a site with both servers behind.

    test('a server is killed: the class goes on at the other one', async () => {
        const { code, host, students } = await openHere(proxy, { students: STUDENTS });
        await say(host, 'student', 'before');
        for (const student of students) await student.next('send');
        const first = serverOf(host);
        await site.named(first)[0].kill('SIGKILL');
        await Promise.all([host, ...students].map((client) => closedWith(client, 1006)));

        const again = await back(() => asTeacher(proxy, code, {}, { ...tls(), ...HELD }), 'host is back');
        const returned = await Promise.all(STUDENTS.map((sub) =>
            back(() => asStudent(proxy, code, { sub }, tls()), `${sub} is back`)));
        assert.notEqual(serverOf(again), first);
        assert.deepEqual([...new Set(returned.map(serverOf))], [serverOf(again)]);
        await say(again, 'student', 'after', { ref: randomId() }); // a client's refs begin again, a host's must not
        for (const student of returned) {
            assert.equal((await student.next('send')).message, 'before');
            assert.equal((await student.next('send')).message, 'after');
        }
        await Promise.all([again, ...returned].map((client) => client.close()));
        await site.revive(first);
    });

    test('a draining server gets no new upgrades, and nobody is refused', async () => {
        const { code, host, students: [slow, ...students] } = await openHere(proxy, { students: STUDENTS });
        const first = serverOf(host);
        const [draining, other] = site.named(first);
        slow.pause(); // its closing handshake keeps the server draining for some seconds
        draining.kill('SIGTERM');
        await Promise.all([host, ...students].map((client) => closedWith(client, 1001)));
        // At once, before any health check may have failed; each in one attempt.
        const again = await asTeacher(proxy, code, {}, { ...tls(), ...HELD });
        const returned = await Promise.all(STUDENTS.slice(1).map((sub) => asStudent(proxy, code, { sub }, tls())));
        for (const client of [again, ...returned]) assert.equal(serverOf(client), other === site.servers[0] ? 'one' : 'two');
        await waitFor(async () => (await site.states())[first] !== 'UP', { what: 'DOWN in HAProxy' });
        await asStudent(proxy, code, { sub: 's9' }, tls());
        await marker(again, returned);
        slow.terminate();
        assert.equal((await within(draining.exited, limit(60000), 'end of the server')).code, 0);
        await again.close();
        await site.revive(first);
    });

    test('drained by the operator: sockets stay, new ones go to the other server', async () => {
        const { code, host, students } = await openHere(proxy, { students: ['s1', 's2'] });
        const first = serverOf(host);
        const set = (state) => site.ask(`set server lectern/${first} state ${state}`);
        await set('drain');
        const late = await joinClass(proxy, code, host, 's3', {}, tls());
        assert.notEqual(serverOf(late), first);
        await marker(host, [...students, late]); // across the servers
        for (const client of [host, ...students]) assert.equal(client.closeInfo, undefined);
        await set('ready');
        await host.close();
    });

    test('Redis is gone: pages still come, upgrades are refused with the reason, then all is well again', async () => {
        const { code, host, students: [anna] } = await openHere(proxy, { students: ['s1'] });
        const up = async () => Object.values(await site.states()).filter((state) => state === 'UP').length;
        await site.redis.kill('SIGSTOP');
        await waitFor(async () => await up() === 0, { what: 'no server ready', timeout: limit(15000) });
        assert.equal((await proxy.request('GET', '/healthz')).status, 200);
        const answer = await refused(proxy, { room: code, token: mintToken({ sub: 's2' }), ...tls() });
        assert.deepEqual([answer.status, answer.body.error.code], [503, 'unavailable']);
        assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
        assert.deepEqual([host.closeInfo, anna.closeInfo], [undefined, undefined]);
        site.redis.kill('SIGCONT');
        await waitFor(async () => await up() === 2, { what: 'both servers ready', timeout: limit(20000) });
        await back(async () => (await host.request({ targetType: 'all', messageType: 'send', message: 'on' })).messageType === 'ack',
            'an ack');
        assert.equal((await anna.next({ message: 'on' })).message, 'on');
    });
});
