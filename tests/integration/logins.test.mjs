// Guessing passwords is slowed down, for all servers together and without locking others out; and a crowd that signs in at once
// is not in the way of a class.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
    asTeacher, connect, limit, randomId, roomCode, startRedis, startServer, tempDir, waitFor,
} from './harness.mjs';
import { address, BEHIND_PROXY, granted, login, PASSWORD, person, post, refusedWith, signUp } from './accounts.mjs';

const FREE = 5; // failures after which one has to wait

/** Signs in as pages do: where the server is busy, again. */
const patiently = (server, id) => waitFor(async () => {
    const answer = await login(server, id, PASSWORD);
    if (answer.status === 503) refusedWith(answer, 503, 'busy');
    return answer.status !== 503 && answer;
}, { what: `login of ${id}`, timeout: limit(60000), every: 500 });

const wrong = (server, id, from, headers = {}) => login(server, id, 'wrong horse', { from, headers });

/** An answer that tells to wait, and for how many seconds. */
function slowed(answer) {
    refusedWith(answer, 429, 'too_many_attempts');
    const seconds = Number(answer.headers['retry-after']);
    assert.ok(seconds >= 1, `Retry-After: ${answer.headers['retry-after']}`);
    return seconds;
}

async function fail(server, id, from, times = FREE) {
    for (let i = 0; i < times; i++) refusedWith(await wrong(server, id, from), 401, 'login_failed');
}

/** Fails until one has to wait; the waits double, so that happens on the slowest machine. */
async function exhaust(server, id, from) {
    for (let i = 0; i < 30; i++) {
        const answer = await wrong(server, id, from);
        if (answer.status === 429) {
            assert.ok(i >= FREE, `slowed after ${i} failures`);
            slowed(answer);
            return;
        }
        refusedWith(answer, 401, 'login_failed');
    }
    assert.fail('never slowed');
}

describe('slowed logins', () => {
    let redis;
    let env;
    let server;
    let second;
    let who;

    before(async () => {
        redis = await startRedis();
        env = { ...BEHIND_PROXY, LECTERN_STORE_URL: `sqlite:${tempDir('logins')}/lectern.db` };
        server = await startServer({ redis, env });
        second = await startServer({ redis, env });
        who = await signUp(server);
    });
    after(async () => {
        await server?.stop();
        await second?.stop();
        await redis?.stop();
    });

    const key = (id, from) => `login:from:${id}:${from}`;
    const failures = (id, from) => redis.client.hgetall(key(id, from));
    /** As if so much time had passed for that account and place. */
    const letPass = (id, from) => redis.client.hset(key(id, from), 'until', 0);

    /** That account and place must wait; and, so that slow machines see it, for some minutes more. */
    async function mustWait(id, from) {
        const { until } = await failures(id, from);
        assert.ok(Number(until) > 0, `${key(id, from)}: until ${until}`);
        await redis.client.hset(key(id, from), 'until', Date.now() + 600000);
    }

    test('the wait grows with each failure, whichever server is asked', async () => {
        const from = address();
        await fail(server, who.id, from, 3);
        await fail(second, who.id, from, 1);
        assert.deepEqual(await failures(who.id, from).then(({ failures: n }) => n), '4');
        const waits = [];
        for (let i = 0; i < 11; i++) {
            await letPass(who.id, from);
            const asked = Date.now();
            refusedWith(await wrong(i % 2 ? second : server, who.id, from), 401, 'login_failed');
            waits.push(Number((await failures(who.id, from)).until) - asked);
        }
        for (const [i, seconds] of [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].entries()) {
            assert.ok(waits[i] > seconds * 1000 - 500 && waits[i] < seconds * 1000 + limit(10000), `${i}: ${waits[i]} ms`);
        }
        for (const where of [server, second]) assert.ok(slowed(await login(where, who.id, PASSWORD, { from })) > 100);
        const ttl = await redis.client.pttl(key(who.id, from));
        assert.ok(ttl > 3600000 - limit(60000) && ttl <= 3600000, 'after an hour all is forgotten');
    });

    test('the right password starts it over', async () => {
        const from = address();
        await fail(server, who.id, from, FREE - 1);
        granted(await login(server, who.id, PASSWORD, { from }));
        assert.deepEqual(await failures(who.id, from), {});
        await fail(server, who.id, from);
        await mustWait(who.id, from);
        slowed(await wrong(server, who.id, from));
        await letPass(who.id, from);
        granted(await login(server, who.id, PASSWORD, { from }));
        await fail(server, who.id, from);
    });

    test('an unknown account is slowed like a known one, whatever name is typed and however', async () => {
        const from = address();
        const email = `${randomId('m')}@school.example`;
        const plus = `A+${randomId('m')}@school.example`;
        const other = await signUp(server, { email });
        await signUp(server, { email: plus });
        for (const name of [other.id, email, randomId('Nobody'), `${randomId('Nobody')}@school.example`]) {
            await fail(server, name, from, 3);
            await fail(server, name.toUpperCase(), from, 2);
            await mustWait(name.toLowerCase(), from);
            slowed(await wrong(server, name, from));
        }
        // Names that no id looks like are counted by their hash, which is of the name in lower case.
        for (const name of [plus, `B+${randomId('m')}@school.example`, '\'"; \u2028x']) {
            const there = address();
            await fail(server, name, there, 2);
            await fail(server, name.toUpperCase(), there, 2);
            const keys = await redis.client.keys(`login:from:*:${there}`);
            assert.equal(keys.length, 1, name);
            assert.equal((await redis.client.hgetall(keys[0])).failures, '4');
        }
        await exhaust(server, '\'"; \u2028', from);
    });

    test('others behind the same address, and the same account from elsewhere, are not slowed', async () => {
        const from = address();
        const other = await signUp(server);
        await fail(server, who.id, from);
        await mustWait(who.id, from);
        slowed(await wrong(server, who.id, from));
        granted(await login(server, other.id, PASSWORD, { from }));
        granted(await login(server, who.id, PASSWORD, { from: address() }));
    });

    test('IPv6 addresses are counted by their network', async () => {
        await fail(server, who.id, '2001:db8:1:2::1', 3);
        await fail(server, who.id, '2001:db8:1:2:ffff::2', 2);
        await mustWait(who.id, '2001:db8:1:2::');
        slowed(await wrong(server, who.id, '2001:db8:1:2::3'));
        granted(await login(server, who.id, PASSWORD, { from: '2001:db8:1:3::1' }));
    });

    test('a device that has signed in before is a place of its own', async () => {
        const from = address();
        const first = await login(server, who.id, PASSWORD, { from });
        granted(first);
        const set = first.headers['set-cookie'].find((line) => line.startsWith('lectern_login='));
        assert.match(set, /; HttpOnly; SameSite=Strict$/);
        const Cookie = set.split(';')[0];
        // A pupil beside the teacher fails in her name…
        await fail(server, who.id, from);
        await mustWait(who.id, from);
        slowed(await login(server, who.id, PASSWORD, { from }));
        // …and she is let in on her own device, which is not marked twice.
        const again = await login(second, who.id, PASSWORD, { from, headers: { Cookie } });
        granted(again);
        assert.equal(again.headers['set-cookie'], undefined);
        // The mark counts for her account only, cannot be made up, and is no licence to guess.
        const other = await signUp(server);
        await fail(server, other.id, from);
        await mustWait(other.id, from);
        slowed(await login(server, other.id, PASSWORD, { from, headers: { Cookie } }));
        const forged = `${Cookie.slice(0, -1)}${Cookie.endsWith('0') ? '1' : '0'}`;
        slowed(await login(server, who.id, PASSWORD, { from, headers: { Cookie: forged } }));
        for (let i = 0; i < FREE; i++) refusedWith(await wrong(server, who.id, from, { Cookie }), 401, 'login_failed');
        await mustWait(who.id, Cookie.split(/[=.]/)[1]);
        slowed(await login(server, who.id, PASSWORD, { from, headers: { Cookie } }));
    });

    test('an address, and an account from everywhere, have a limit too', async () => {
        const from = address();
        const owes = (name, ms) => redis.client.set(name, Date.now() + ms, 'PX', ms);
        // 300 tries cost 2 s each.
        await owes(`login:address:${from}`, 280 * 2000);
        refusedWith(await wrong(server, randomId('a'), from), 401, 'login_failed');
        await owes(`login:address:${from}`, 400 * 2000);
        assert.ok(slowed(await wrong(server, randomId('a'), from)) > 100);
        // Signing up there, and elsewhere, is another matter.
        granted(await post(server, '/signup', person(), { from }));
        granted(await login(server, who.id, PASSWORD, { from: address() }));
        await owes(`login:signup:${from}`, 1100 * 2000);
        assert.ok(slowed(await post(server, '/signup', person(), { from })) > 100);

        const other = await signUp(server);
        await owes(`login:account:${other.id}`, 120 * 10000);
        assert.ok(slowed(await login(server, other.id, PASSWORD)) > 100);
        await redis.client.del(`login:account:${other.id}`);
        granted(await login(server, other.id, PASSWORD));
    });

    test('an address that others have used up keeps nobody from signing in on a known device', async () => {
        const from = address();
        const first = await login(server, who.id, PASSWORD, { from });
        const Cookie = first.headers['set-cookie'][0].split(';')[0];
        const key = `login:address:${from}`;
        await redis.client.set(key, Date.now() + 800000, 'PX', 800000);
        slowed(await login(server, who.id, PASSWORD, { from }));
        granted(await login(server, who.id, PASSWORD, { from, headers: { Cookie } }));
        const owed = await redis.client.get(key);
        refusedWith(await wrong(server, who.id, from, { Cookie }), 401, 'login_failed');
        assert.equal(await redis.client.get(key), owed, 'nor does it add to what the others owe');
    });

    test('a device is known until the password changes', async () => {
        const from = address();
        const other = await signUp(server, {}, { from });
        const mark = (answer) => answer.headers['set-cookie'][0].split(';')[0];
        const first = await login(server, other.id, PASSWORD, { from });
        const before = mark(first);
        const changed = await post(server, '/profile/password', { password: PASSWORD, newPassword: 'new password' },
            { token: granted(first).token, from, headers: { Cookie: before } });
        granted(changed);
        await fail(server, other.id, from);
        await mustWait(other.id, from);
        slowed(await login(server, other.id, 'new password', { from, headers: { Cookie: before } }));
        granted(await login(server, other.id, 'new password', { from, headers: { Cookie: mark(changed) } }));
    });

    test('what is not charged in the end is given back', async () => {
        const from = address();
        const other = await signUp(server);
        for (let i = 0; i < 3; i++) granted(await login(server, other.id, PASSWORD, { from }));
        assert.equal(await redis.client.get(`login:address:${from}`), null);
        assert.equal(await redis.client.get(`login:account:${other.id}`), null);
        await fail(server, other.id, from, 1);
        const { failures: count } = await failures(other.id, from);
        assert.equal(count, '1', 'a failure stays charged');
        assert.ok(Number(await redis.client.get(`login:account:${other.id}`)) > 0);
    });

    test('changing the password is no way to guess it', async () => {
        const from = address();
        const other = await signUp(server, {}, { from });
        const change = () => post(server, '/profile/password', { password: 'wrong horse', newPassword: PASSWORD },
            { from, token: other.token });
        for (let i = 0; i < FREE; i++) refusedWith(await change(), 401, 'login_failed');
        await mustWait(other.id, from);
        slowed(await change());
    });

    test('tries at the same time count each', async () => {
        const from = address();
        const answers = await Promise.all(Array.from({ length: 20 }, () => wrong(server, who.id, from)));
        const tried = answers.filter(({ status }) => status === 401).length;
        // On a slow machine the waits of 1, 2 and 4 s may pass meanwhile.
        assert.ok(tried >= FREE && tried <= FREE + 3, answers.map(({ status }) => status).join(' '));
        for (const answer of answers.filter(({ status }) => status !== 401)) slowed(answer);
    });

    test('without Redis each server slows down by itself', async () => {
        const other = await startRedis();
        const lonely = await startServer({ redis: other, env });
        await other.kill();
        const from = address();
        granted(await login(lonely, who.id, PASSWORD, { from }));
        await exhaust(lonely, who.id, from);
        granted(await login(lonely, who.id, PASSWORD, { from: address() }));
        refusedWith(await wrong(server, who.id, from), 401, 'login_failed');
        await lonely.stop();
        await other.stop();
    });
});

/** The most memory that the process ever had resident, KiB. */
const peakKiB = (server) => Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))[1]);

describe('a crowd that signs in at once', () => {
    let redis;
    before(async () => { redis = await startRedis(); });
    after(async () => { await redis?.stop(); });

    test('is let in while a class joins, within bounded memory', async () => {
        const server = await startServer({ redis, env: BEHIND_PROXY });
        const people = [];
        for (let i = 0; i < 5; i++) people.push(await signUp(server));
        const code = roomCode();
        const host = await asTeacher(server, code);
        const before = peakKiB(server);
        const logins = Array.from({ length: 50 }, (_, i) => patiently(server, people[i % 5].id));
        const guests = await Promise.all(Array.from({ length: 30 }, async (_, i) => {
            const { token } = granted(await post(server, '/guest', { room: code, name: `학생 ${i}` }));
            const guest = await connect(server, { room: code, token });
            await guest.sync();
            return guest;
        }));
        assert.equal(guests.length, 30);
        await waitFor(() => host.all('join').length === 30, { what: '30 joins', timeout: limit(20000) });
        for (const answer of await Promise.all(logins)) granted(answer);
        const grown = peakKiB(server) - before;
        assert.ok(grown < 1 << 19, `50 logins took ${grown} KiB; one hash is 32 MiB`);
        for (const guest of guests) guest.terminate();
        host.terminate();
        await server.stop();
    });

    test('is asked to come again where too many wait', async () => {
        const server = await startServer({ redis, env: { ...BEHIND_PROXY, LECTERN_HTTP_THREADS: 16 } });
        const who = await signUp(server);
        const answers = await Promise.all(Array.from({ length: 40 }, () => login(server, who.id, PASSWORD)));
        const busy = answers.filter(({ status }) => status !== 200);
        assert.ok(busy.length > 0, '16 threads leave four for passwords');
        for (const answer of busy) {
            refusedWith(answer, 503, 'busy');
            assert.ok(Number(answer.headers['retry-after']) > 0);
        }
        assert.ok(answers.length > busy.length);
        granted(await login(server, who.id, PASSWORD));
        await server.stop();
    });
});
