// kill -9 of the server and of PostgreSQL while accounts are made: whoever was told "200" is there afterwards, once; those who
// were refused may be; everything works again by itself, and classes never notice.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BEHIND_PROXY, granted, login, person, post, userCommand } from '../integration/accounts.mjs';
import { openClass, say } from '../integration/classroom.mjs';
import { api, limit, startRedis, startServer, waitFor } from '../integration/harness.mjs';
import { startPostgres, stores } from '../integration/postgres.mjs';

const ROUNDS = 3;

/** People who sign up one after the other until stop(): `made` are those who were told that they are in. */
function crowd(servers, count) {
    const self = { made: [], refused: [], done: false };
    const one = async (i) => {
        for (let n = i; !self.done; n++) {
            const who = person();
            let answer;
            try {
                answer = await post(servers[n % servers.length](), '/signup', who);
            } catch {
                answer = { status: 0 }; // the server was killed
            }
            if (answer.status === 200) self.made.push(who);
            else self.refused.push({ ...who, answer });
        }
    };
    const all = Promise.all(Array.from({ length: count }, (_, i) => one(i)));
    self.stop = () => { self.done = true; return all; };
    /** Waits until some more are in. */
    self.more = (n) => {
        const goal = self.made.length + n;
        return waitFor(() => self.made.length >= goal, { timeout: limit(60000), what: `${n} more accounts` });
    };
    return self;
}

/** The store itself is asked, with the settings of its servers: everybody who was told is in it once, and nobody unasked. */
async function assertAllThere(server, env, { made, refused }) {
    const { code, stdout, stderr } = await userCommand(['list'], { LECTERN_STORE_URL: env.LECTERN_STORE_URL });
    assert.equal(code, 0, stderr);
    const stored = stdout.split('\n').filter(Boolean).map((line) => line.split('\t')[0]);
    assert.equal(new Set(stored).size, stored.length, 'nobody is there twice');
    assert.deepEqual(made.filter(({ id }) => !stored.includes(id)), [], 'who was told 200 is there');
    const asked = new Set([...made, ...refused].map(({ id }) => id));
    assert.deepEqual(stored.filter((id) => !asked.has(id)), [], 'nobody else is');
    for (const { id } of made) {
        const answer = await waitFor(async () => {
            const got = await login(server, id);
            return got.status !== 503 && got;
        }, { timeout: limit(20000), what: 'an answer to the login' });
        assert.equal(granted(answer).user.id, id);
    }
}

for (const kind of stores) {
    describe(`on ${kind.name}`, () => {
        let redis, store;
        before(async () => { [redis, store] = await Promise.all([startRedis(), kind.start()]); });
        after(async () => { await store?.stop(); await redis?.stop(); });

        test('the server is killed while accounts are made', async (t) => {
            const env = { LECTERN_LOOPS: 1, ...BEHIND_PROXY, ...(await store.fresh()) };
            let server = await startServer({ redis, env });
            t.after(() => server.stop());
            const people = crowd([() => server], 3);
            t.after(() => people.stop());
            for (let round = 0; round < ROUNDS; round++) {
                await people.more(4);
                await server.kill('SIGKILL');
                server = await startServer({ redis, env, port: server.port, dataDir: server.dataDir });
            }
            await people.more(4);
            await people.stop();
            await assertAllThere(server, env, people);
        });
    });
}

describe('PostgreSQL', () => {
    let redis, store;
    const kind = stores.find(({ name }) => name === 'PostgreSQL');
    before(async () => { [redis, store] = await Promise.all([startRedis(), kind.start()]); });
    after(async () => { await store?.stop(); await redis?.stop(); });

    const isStore = (server, state) => waitFor(async () => {
        const { status, body } = await api(server, 'GET', '/readyz');
        return status === 200 && body.store === state;
    }, { timeout: limit(30000), what: `store ${state}` });

    async function twoServers(t, more = {}) {
        const env = { LECTERN_LOOPS: 1, ...BEHIND_PROXY, ...(await store.fresh()), ...more };
        const servers = await Promise.all([1, 2].map(() => startServer({ redis, env })));
        for (const server of servers) t.after(() => server.stop());
        return [...servers, env];
    }

    test('it is killed while accounts are made on two servers and a class goes on', async (t) => {
        const { postgres } = store;
        const [a, b, env] = await twoServers(t);
        const { host, students: [anna] } = await openClass(a, { students: ['s1'] });
        const people = crowd([() => a, () => b], 4);
        t.after(() => people.stop());
        for (let round = 0; round < ROUNDS; round++) {
            await people.more(4);
            await postgres.kill();
            for (const server of [a, b]) await isStore(server, 'away');
            const before = people.refused.length;
            await waitFor(() => people.refused.length > before + 4, { timeout: limit(20000), what: 'refusals' });
            for (const { answer } of people.refused.slice(before)) {
                assert.equal(answer.status, 503, answer.text);
                assert.equal(answer.body.error.code === 'unavailable' || answer.body.error.code === 'busy', true, answer.text);
                assert.ok(Number(answer.headers['retry-after']) > 0);
            }
            await say(host, 'all', `round ${round}`);
            await anna.next({ messageType: 'send', message: `round ${round}` });
            await postgres.restart();
            for (const server of [a, b]) await isStore(server, 'up');
        }
        await people.more(4);
        await people.stop();
        await assertAllThere(b, env, people);
        assert.deepEqual([host.closeInfo, anna.closeInfo], [undefined, undefined], 'nobody in the class has noticed');
    });

    test('it is gone for good and its replica is promoted', async (t) => {
        const primary = await startPostgres();
        t.after(() => primary.stop());
        const replica = await primary.replica();
        t.after(() => replica.stop());
        // Commits wait for the replica: what was acknowledged is there, too.
        await primary.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
        await primary.query('SELECT pg_reload_conf()');
        await waitFor(async () => await primary.query("SELECT sync_state FROM pg_stat_replication") === 'sync',
            { timeout: limit(20000), what: 'a synchronous replica' });

        const both = primary.url().replace(/@[^/]+/, `@127.0.0.1:${primary.port},127.0.0.1:${replica.port}`);
        const [a, b, env] = await twoServers(t, { LECTERN_STORE_URL: both });
        const people = crowd([() => a, () => b], 3);
        t.after(() => people.stop());
        await people.more(5);
        await primary.kill();
        for (const server of [a, b]) await isStore(server, 'away'); // the replica may not be written to
        assert.equal(await replica.query('SELECT pg_promote()'), 't');
        for (const server of [a, b]) await isStore(server, 'up');
        await people.more(5);
        await people.stop();
        await assertAllThere(a, env, people);
    });

    test('it stands still: calls end by their time limit, then at once, until it goes on', async (t) => {
        const { postgres } = store;
        const [a, b, env] = await twoServers(t, { LECTERN_STORE_TIMEOUT_MS: 700 });
        const people = crowd([() => a, () => b], 2);
        t.after(() => people.stop());
        await people.more(2);
        postgres.pause();
        t.after(() => postgres.resume());
        for (const server of [a, b]) await isStore(server, 'away');
        postgres.resume();
        for (const server of [a, b]) await isStore(server, 'up');
        await people.more(4);
        await people.stop();
        await assertAllThere(a, env, people);
    });
});
