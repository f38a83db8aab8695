// The store under the real server: where it starts and where it must not, several servers on one, what /readyz and /metrics
// say, and that classes go on without it. What accounts do with it is in accounts.test.mjs, kills are in
// tests/faults/store-killed.test.mjs.

import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { BEHIND_PROXY, granted, login, person, post, refusedWith, signUp } from './accounts.mjs';
import { chat, ok } from './chat-rest.mjs';
import { openClass, say } from './classroom.mjs';
import { api, asTeacher, freePort, limit, removeDir, roomCode, ROOT, runBinary, runCommand, startRedis, startServer, tempDir, waitFor }
    from './harness.mjs';
import { startPostgres, stores } from './postgres.mjs';

const SECRET_IN_URL = 'pa55word-in-the-url';
const metric = async (server, name) =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await api(server, 'GET', '/metrics')).text)?.[1]);
const readiness = async (server) => {
    const { status, body } = await api(server, 'GET', '/readyz');
    return `${status} ${body.store}`;
};

let redis;
before(async () => { redis = await startRedis(); });
after(() => redis?.stop());

async function start(t, env, options = {}) {
    const server = await startServer({ redis, env: { LECTERN_LOOPS: 1, ...BEHIND_PROXY, ...env }, ...options });
    t.after(() => server.stop());
    return server;
}

for (const kind of stores) {
    describe(`on ${kind.name}`, () => {
        let store;
        before(async () => { store = await kind.start(); });
        after(() => store?.stop());

        test('several servers that start at once on an empty store all come up and share it', async (t) => {
            const env = await store.fresh();
            const servers = await Promise.all([1, 2, 3, 4].map(() => start(t, env)));
            const made = servers.filter((server) => /tables brought from version 0 to/.test(server.log()));
            assert.equal(made.length, 1, 'one of them made the tables');
            const who = await signUp(servers[0]);
            for (const server of servers) granted(await login(server, who.id));
            refusedWith(await post(servers[1], '/signup', person({ id: who.id })), 409, 'id_taken');
        });

        test('it is told by /readyz and counted by /metrics', async (t) => {
            const server = await start(t, await store.fresh());
            assert.equal(await readiness(server), '200 up');
            assert.equal(await metric(server, 'lectern_store_up'), 1);
            const writes = await metric(server, 'lectern_store_writes_total');
            await signUp(server);
            assert.ok(await metric(server, 'lectern_store_writes_total') > writes);
            assert.ok(await metric(server, 'lectern_store_batches_total') > 0);
            assert.ok(await metric(server, 'lectern_store_write_seconds_count') > 0);
            assert.equal(await metric(server, 'lectern_store_lost_total'), 0);
        });

        test('what many people send at once is all there', async (t) => {
            const env = await store.fresh();
            const [a, b] = [await start(t, env), await start(t, env)];
            const people = await Promise.all(Array.from({ length: 24 }, (_, i) => signUp(i % 2 ? a : b)
                .catch((error) => (/busy/.test(error.message) ? null : Promise.reject(error)))));
            const known = people.filter(Boolean);
            assert.ok(known.length >= 2, 'at least as many as may hash at a time');
            for (const { id } of known) granted(await login(known.indexOf(id) % 2 ? a : b, id));
        });
    });
}

/** What a server of this name has left in Redis. */
const leftBy = async (id) => (await redis.client.keys('*')).filter((key) => key.includes(id));

describe('SQLite', () => {
    test('by default it is lectern.db in the data directory, for nobody else to read', async (t) => {
        const server = await start(t, {});
        await signUp(server);
        for (const name of ['lectern.db', 'lectern.db-wal', 'lectern.db-shm']) {
            assert.equal(statSync(path.join(server.dataDir, name)).mode & 0o777, 0o600, name);
        }
    });

    test('a file that others can read is complained about', async (t) => {
        const dir = tempDir('store');
        t.after(() => removeDir(dir));
        const env = { LECTERN_STORE_URL: `sqlite:${dir}/lectern.db` };
        const first = await start(t, env);
        assert.doesNotMatch(first.log(), /can be read/);
        await first.stop();
        chmodSync(`${dir}/lectern.db`, 0o644);
        const server = await start(t, env);
        await waitFor(() => /store: .*lectern\.db can be read by other users \(mode 0644\); chmod 600 it/.test(server.log()),
            { what: 'a line of the log' });
    });

    test('a file that is no database stops the start with a sentence', async (t) => {
        const dir = tempDir('store');
        t.after(() => removeDir(dir));
        const file = path.join(dir, 'letter.db');
        writeFileSync(file, 'Dear somebody, this is no database at all, however long one looks at it.\n'.repeat(20));
        const { code, stderr } = await runBinary([], {
            env: { LECTERN_DATA_DIR: dir, LECTERN_REDIS_URL: redis.url, LECTERN_LISTEN: `127.0.0.1:${await freePort()}`,
                LECTERN_STORE_URL: `sqlite:${file}`, LECTERN_SERVER_ID: 'no-letters' },
        });
        assert.equal(code, 1);
        assert.deepEqual(await leftBy('no-letters'), []);
        assert.match(stderr, /^lectern: store: SQLite: .*letter\.db: file is not a database$/m);
    });
});

// The commands are those of docs/operations.md, with other paths.
const documented = (pattern) => {
    const found = pattern.exec(readFileSync(path.join(ROOT, 'docs/operations.md'), 'utf8'));
    assert.ok(found, `docs/operations.md has ${pattern}`);
    return found[1];
};

async function shell(command, env = {}) {
    const { code, stderr } = await runCommand('bash', ['-eo', 'pipefail', '-c', command], { env: { ...process.env, ...env } });
    assert.equal(code, 0, stderr);
}

describe('copies', () => {
    test('a back-up made while the server runs is a store', async (t) => {
        const server = await start(t, {});
        const dir = tempDir('backup');
        t.after(() => removeDir(dir));
        const people = [await signUp(server), await signUp(server, { email: 'lee@school.example' })];
        const command = documented(/^(sqlite3 \S+ "\.backup .*")$/m)
            .replace('/var/lib/lectern', server.dataDir).replace('/backup', dir);
        await shell(command);
        await signUp(server);
        const restored = tempDir('restored');
        t.after(() => removeDir(restored));
        await shell(documented(/^(install .* \/backup\/lectern\.db \S+)$/m).replace('/var/lib/lectern', restored)
            .replace('/backup', dir).replace('-o lectern -g lectern', `-o ${process.getuid()} -g ${process.getgid()}`));
        assert.equal(statSync(`${restored}/lectern.db`).mode & 0o777, 0o600);
        const other = await start(t, { LECTERN_STORE_URL: `sqlite:${restored}/lectern.db` });
        for (const { id } of people) granted(await login(other, id));
        granted(await login(other, 'lee@school.example'));
    });

    test('accounts and chats move from SQLite to PostgreSQL', async (t) => {
        const postgres = await startPostgres();
        t.after(() => postgres.stop());
        const dataDir = tempDir('moving');
        t.after(() => removeDir(dataDir));
        const old = await startServer({ redis, dataDir, env: { ...BEHIND_PROXY, LECTERN_RATE_STUDENT: '1000/1000' } });
        const people = [await signUp(old, { name: '"따옴표, 쉼표"' }), await signUp(old, { email: 'park@school.example' })];
        const [kim, park] = people;
        const body = { text: '여러 줄\n"따옴표", 쉼표\r\n\\. 😀', empty: '' };
        const room = ok(await chat(old, kim).create('모둠, "하나"'), 201).id;
        ok(await chat(old, park).join(room));
        ok(await chat(old, park).say(room, body, { ref: 'r1' }), 201);
        for (let i = 0; i < 70; i++) ok(await chat(old, kim).say(room, `찾을 말 ${i}`), 201); // more than a block of texts has
        const direct = ok(await chat(old, park).direct(kim.id), 201).id;
        ok(await chat(old, kim).say(direct, '둘이서'), 201);
        await old.stop();
        const env = { LECTERN_STORE_URL: postgres.url() };
        await (await startServer({ redis, env })).stop();
        const command = documented(/^(for table in [^]*?^done)$/m).replace('/var/lib/lectern', dataDir);
        await shell(command, env);
        const server = await start(t, env);
        for (const { id, name } of people) assert.equal(granted(await login(server, id)).user.name, name);
        granted(await login(server, 'park@school.example'));
        refusedWith(await post(server, '/signup', person({ id: 'Park@school.example' })), 409, 'id_taken');
        const again = chat(server, granted(await login(server, park.id)));
        const { messages } = ok(await again.history(room, { after: 0, limit: 200 }));
        assert.equal(messages.length, 73);
        assert.deepEqual(messages[2].message, body);
        assert.equal(ok(await again.say(room, 'again', { ref: 'r1' })).id, messages[2].id, 'a ref still counts once');
        assert.equal(ok(await again.say(room, '찾을 말, 그 뒤'), 201).id, `${room}.74`);
        assert.equal(ok(await again.search('찾을 말', { limit: 50 })).messages.length, 50);
        assert.equal(ok(await again.search('말 69')).messages.length, 1);
        assert.equal(ok(await again.direct(kim.id)).id, direct);
        assert.equal(ok(await again.mine()).rooms.length, 2);
    });
});

describe('LECTERN_STORE_URL', () => {
    test('what it must not be is refused, and its value never shown', async () => {
        const wrong = [`mysql://u:${SECRET_IN_URL}@h/d`, `${SECRET_IN_URL}`, 'sqlite:', 'postgresql://'];
        for (const url of wrong) {
            const { code, stderr } = await runBinary([], { env: { LECTERN_STORE_URL: url } });
            assert.equal(code, 2, url);
            assert.match(stderr, /LECTERN_STORE_URL \(value not shown\) is not allowed/);
            assert.doesNotMatch(stderr, new RegExp(SECRET_IN_URL));
        }
    });
});

describe('PostgreSQL', () => {
    let postgres;
    before(async () => { postgres = await startPostgres(); });
    after(() => postgres?.stop());

    test('a database that cannot hold Korean, or was changed by a newer version, stops the start', async (t) => {
        const dir = tempDir('store');
        t.after(() => removeDir(dir));
        const run = async (name) => runBinary([], {
            env: { LECTERN_DATA_DIR: dir, LECTERN_REDIS_URL: redis.url, LECTERN_LISTEN: `127.0.0.1:${await freePort()}`,
                LECTERN_STORE_URL: postgres.url(name), LECTERN_SERVER_ID: `hopeless-${name}` },
        });
        await postgres.create('ascii', "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
        const ascii = await run('ascii');
        assert.equal(ascii.code, 1);
        assert.match(ascii.stderr, /^lectern: store: PostgreSQL: the database is not in UTF-8: /m);
        assert.deepEqual(await leftBy('hopeless-ascii'), [], 'other servers never hear of it');

        await postgres.create('newer');
        await (await startServer({ redis, env: { LECTERN_STORE_URL: postgres.url('newer') } })).stop();
        await postgres.query('INSERT INTO lectern_schema VALUES (99, 0)', 'newer');
        const newer = await run('newer');
        assert.equal(newer.code, 1);
        assert.match(newer.stderr, /^lectern: store: PostgreSQL: a newer Lectern has brought its tables to version 99/m);
        assert.deepEqual(await leftBy('hopeless-newer'), []);
    });

    test('of several hosts each may be without a port of its own', async (t) => {
        const at = (hosts) => postgres.url().replace(/@[^/]+/, `@${hosts}`);
        const own = `127.0.0.1:${postgres.port}`;
        for (const [hosts, PGPORT] of [[`127.0.0.2,${own}`, '1'], [`${own},127.0.0.2`, '1'],
            ['127.0.0.2:1,127.0.0.1', String(postgres.port)]]) {
            const server = await start(t, { LECTERN_STORE_URL: at(hosts), PGPORT });
            await waitFor(async () => await readiness(server) === '200 up', { timeout: limit(20000), what: hosts });
            await signUp(server);
            await server.stop();
        }
        const server = await start(t, { LECTERN_STORE_URL: at('127.0.0.2,127.0.0.1:2'), PGPORT: '1' });
        await waitFor(() => /away, trying again: .*"127\.0\.0\.2", port 1 .*"127\.0\.0\.1", port 2 /.test(server.log()),
            { what: 'both reasons' });
    });

    test('who asks one that stands still keeps half of the threads at most; others are served', async (t) => {
        await postgres.create('still');
        const server = await start(t, { LECTERN_STORE_URL: postgres.url('still'), LECTERN_HTTP_THREADS: 32,
            LECTERN_STORE_TIMEOUT_MS: 60000 });
        const who = await signUp(server);
        const code = roomCode();
        const host = await asTeacher(server, code);
        postgres.pause();
        t.after(() => postgres.resume());
        const answers = [];
        const asked = Array.from({ length: 64 }, async () => {
            const answer = await api(server, 'GET', '/profile', { token: who.token, timeout: limit(120000) });
            answers.push(answer.status);
            return answer;
        });
        await waitFor(() => answers.length >= 16, { timeout: limit(20000), what: 'refusals' });
        assert.deepEqual([...new Set(answers)], [503]);
        assert.equal((await api(server, 'GET', '/healthz')).status, 200);
        assert.equal((await post(server, '/guest', { room: code, name: '이서연' })).status, 200);
        assert.ok(answers.length < asked.length, 'some are still waiting');
        postgres.resume();
        const statuses = (await Promise.all(asked)).map(({ status }) => status);
        assert.deepEqual([...new Set(statuses)].sort(), [200, 503]);
        host.terminate();
    });

    test('a server that runs goes on when a newer one has changed the tables', async (t) => {
        await postgres.create('rolling');
        const server = await start(t, { LECTERN_STORE_URL: postgres.url('rolling') });
        await postgres.query('INSERT INTO lectern_schema VALUES (99, 0)', 'rolling');
        await postgres.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lectern'");
        const who = await signUp(server);
        granted(await login(server, who.id));
        assert.equal(await readiness(server), '200 up');
    });

    test('a login that is not accepted is waited for; the password is never shown', async (t) => {
        const url = postgres.url().replace(/:[^:@]+@/, `:${SECRET_IN_URL}@`);
        assert.match(url, new RegExp(SECRET_IN_URL));
        const server = await start(t, { LECTERN_STORE_URL: url, LECTERN_LOG_LEVEL: 'debug' });
        await waitFor(() => /PostgreSQL is away, trying again: .*password authentication failed/.test(server.log()));
        assert.equal(await readiness(server), '200 away');
        refusedWith(await login(server, 'kim'), 503, 'unavailable');
        assert.doesNotMatch(server.log() + server.output(), new RegExp(SECRET_IN_URL));
        const metrics = await api(server, 'GET', '/metrics');
        assert.doesNotMatch(metrics.text, new RegExp(SECRET_IN_URL));
    });

    test('one that was away and turns out to be of no use is complained about, and used once it is put right', async (t) => {
        await postgres.create('late', "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
        await postgres.kill();
        const server = await start(t, { LECTERN_STORE_URL: postgres.url('late') });
        await waitFor(() => /PostgreSQL is away, trying again: /.test(server.log()), { what: 'a line of the log' });
        await postgres.restart();
        await waitFor(() => /PostgreSQL is away, trying again: the database is not in UTF-8/.test(server.log()),
            { timeout: limit(20000), what: 'the reason' });
        assert.equal(await readiness(server), '200 away');
        await waitFor(async () => {
            await postgres.query('DROP DATABASE late WITH (FORCE)', 'postgres');
            return true;
        }, { what: 'the database to go' });
        await postgres.create('late');
        await waitFor(async () => await readiness(server) === '200 up', { timeout: limit(20000), what: 'the store' });
        await signUp(server);
    });

    test('classes begin and go on while it is away, and accounts come back with it', async (t) => {
        await postgres.create('absent');
        await postgres.kill();
        const server = await start(t, { LECTERN_STORE_URL: postgres.url('absent') });
        assert.equal(await readiness(server), '200 away');
        assert.equal(await metric(server, 'lectern_store_up'), 0);
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await say(host, 'all', 'without any store');
        await anna.next({ messageType: 'send', message: 'without any store' });
        refusedWith(await post(server, '/signup', person()), 503, 'unavailable');
        await postgres.restart();
        await waitFor(async () => await readiness(server) === '200 up', { timeout: limit(20000), what: 'the store again' });
        await waitFor(() => /store: PostgreSQL: open/.test(server.log()), { what: 'a line of the log' });
        const who = await signUp(server);
        granted(await login(server, who.id));
        await say(host, 'all', 'with it');
        await anna.next({ messageType: 'send', message: 'with it' });
    });
});
