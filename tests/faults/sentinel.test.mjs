// Redis Sentinel: the primary dies or falls silent, its replica takes over, and the class goes on there. Replication is
// asynchronous: what a primary acknowledged and had not yet passed on is in no Redis any more. So the class is quiet, and the
// replica has caught up, when the primary is killed; from then on nothing may be lost. One test is about the other case.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { api, asStudent, freePort, launch, limit, startRedis, startServer, waitFor } from '../integration/harness.mjs';
import { heard, joinClass, marker, openClass, say } from '../integration/classroom.mjs';
import { gather } from './checker.mjs';
import { ENV, ready, rosterIs, taken, unavailable } from './support.mjs';

const NAME = 'school';
const DOWN_AFTER = limit(1000);

/** Within this time the replica is the primary and servers have found it. */
const FAILED_OVER = limit(30000);

/** One sentinel with a quorum of one: {port, url, client, run(), kill()}. run() starts it, again too. */
async function prepareSentinel(t, primary) {
    const dir = mkdtempSync(path.join(tmpdir(), 'lectern-sentinel-'));
    const file = path.join(dir, 'sentinel.conf');
    const port = await freePort();
    let self;
    writeFileSync(file, `port ${port}
bind 127.0.0.1
dir ${dir}
sentinel monitor ${NAME} 127.0.0.1 ${primary.port} 1
sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER}
sentinel failover-timeout ${NAME} ${limit(2000)}
`);
    const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: 100, enableReadyCheck: false });
    client.on('error', () => {}); // it is not there at first
    t.after(async () => {
        client.disconnect();
        self?.kill('SIGKILL');
        await self?.exited;
        rmSync(dir, { recursive: true, force: true });
    });
    return {
        port, client, url: `redis+sentinel://127.0.0.1:${port}/${NAME}`,
        async run() {
            self = launch('redis-server', [file, '--sentinel']);
            await waitFor(() => client.ping(), { timeout: limit(10000), what: 'the sentinel' });
        },
    };
}

/** A primary, its replica, and a sentinel that runs and could fail over. */
async function startGroup(t) {
    const args = ['--repl-diskless-sync-delay', '0'];
    const primary = await startRedis({ args });
    t.after(() => { primary.kill('SIGCONT'); return primary.stop(); });
    const replica = await startRedis({ args: [...args, '--replicaof', '127.0.0.1', String(primary.port)] });
    t.after(() => replica.stop());
    const sentinel = await prepareSentinel(t, primary);
    await sentinel.run();
    await waitFor(async () => {
        const [fields] = await sentinel.client.call('SENTINEL', 'REPLICAS', NAME);
        return fields[fields.indexOf('master-link-status') + 1] === 'ok' && fields[fields.indexOf('runid') + 1].length === 40;
    }, { timeout: limit(20000), what: 'the sentinel to know the replica' });
    return { primary, replica, sentinel };
}

async function startServers(t, url, count, env = {}) {
    const servers = [];
    for (const id of ['a', 'b'].slice(0, count)) {
        const server = await startServer({ redis: url, env: { ...ENV, LECTERN_SERVER_ID: id, ...env } });
        t.after(() => server.stop());
        servers.push(server);
    }
    return servers;
}

/** All that the primary has acknowledged is on the replica. */
async function caughtUp({ primary, replica }) {
    const field = (info, name) => new RegExp(`^${name}:(.*)\r$`, 'm').exec(info)[1];
    assert.equal(await primary.client.wait(1, limit(5000)), 1);
    const wanted = Number(field(await primary.client.info('replication'), 'master_repl_offset'));
    await waitFor(async () => Number(field(await replica.client.info('replication'), 'slave_repl_offset')) >= wanted,
        { what: 'the replica to catch up' });
}

const promoted = ({ replica }) =>
    waitFor(async () => /role:master/.test(await replica.client.info('replication')),
        { timeout: FAILED_OVER, what: 'the replica to be promoted' });

const isReplicaOf = async (redis, primary) =>
    new RegExp(`master_port:${primary.port}\r`).test(await redis.client.info('replication'));

// [what, environment, how the primary goes, how it comes back]
const cases = [
    ['is killed', {}, ({ primary }) => primary.kill(), null],
    ['is killed, 2 loops', { LECTERN_LOOPS: 2 }, ({ primary }) => primary.kill(), null],
    ['falls silent and comes back', {}, ({ primary }) => primary.kill('SIGSTOP'), ({ primary }) => primary.kill('SIGCONT')],
];

describe('fail-over', () => {
    for (const [what, env, go, back] of cases) test(`the primary ${what}: the class goes on at its replica`, async (t) => {
        const group = await startGroup(t);
        const servers = await startServers(t, group.sentinel.url, 2, env);
        const people = await gather(t, servers, { students: 8, query: { hold: 0 } });
        people.talk();
        await people.exchanged(5);
        await people.quiet();
        await caughtUp(group);

        await go(group);
        people.talk();
        await promoted(group);
        await people.exchanged(5);
        if (back) {
            await back(group);
            await waitFor(() => isReplicaOf(group.primary, group.replica),
                { timeout: FAILED_OVER, what: 'the old primary to follow the new one' });
            await people.exchanged(3);
        }
        await people.quiet();
        assert.ok(await people.verify() >= 9 * 10);
        for (const { id, disconnects, away } of people.all) assert.deepEqual([disconnects, away], [[], []], `${id} stayed`);
        assert.deepEqual([people.host.leaves, people.host.joins], [[], []]);
        await rosterIs(group.replica, servers[1], people.code, people.all.map(({ id }) => id));
        for (const server of servers) {
            await ready(server);
            const line = `link up: primary ${NAME} at 127.0.0.1:${group.replica.port}, database 0`;
            await waitFor(() => server.log().includes(line), { what: 'a line of the log' });
        }
    });
});

test('what the primary had not passed on stays with those who heard it and with their servers, and the class goes on', async (t) => {
    const group = await startGroup(t);
    const [a, b] = await startServers(t, group.sentinel.url, 2);
    const { code, host } = await openClass(a);
    const anna = await joinClass(a, code, host, 's1');
    const ben = await joinClass(b, code, host, 's2');
    const { id: since } = await say(host, 'all', 'passed on');
    await marker(host, [host, anna, ben]);
    await caughtUp(group);
    await group.replica.client.call('REPLICAOF', '127.0.0.1', String(await freePort()));
    const { id: last } = await say(host, 'all', 'not passed on');
    await marker(host, [host, anna, ben]);
    await group.primary.kill();
    await unavailable(host);
    await promoted(group);
    await taken(host, { targetType: 'all', messageType: 'send', message: 'after' });
    await marker(host, [host, anna, ben]);
    for (const client of [host, anna, ben]) {
        assert.deepEqual(heard(client, 'send'), ['passed on', 'not passed on', 'after']);
        assert.deepEqual([client.all('gap'), client.closeInfo], [[], undefined]);
    }
    for (const [server, id, missed] of [[a, since, ['not passed on', 'after']], [b, last, ['after']]]) {
        const cleo = await asStudent(server, code, { sub: 's3' }, { query: { since: id } });
        await marker(host, [cleo]);
        assert.deepEqual([heard(cleo, 'send'), cleo.all('gap')], [missed, []]);
        await cleo.close();
    }
});

test('a server that starts before its sentinel waits for it, and says so', async (t) => {
    const primary = await startRedis();
    t.after(() => primary.stop());
    const sentinel = await prepareSentinel(t, primary);
    const server = await startServer({ redis: sentinel.url, env: ENV, ready: '/healthz' });
    t.after(() => server.stop());
    await waitFor(() => /no link to primary school, trying again: sentinel 127\.0\.0\.1:\d+: /.test(server.log()),
        { what: 'the log' });
    assert.equal((await api(server, 'GET', '/readyz')).status, 503);
    await sentinel.run();
    await ready(server);
});

test('a name that the sentinel does not know is told', async (t) => {
    const primary = await startRedis();
    t.after(() => primary.stop());
    const sentinel = await prepareSentinel(t, primary);
    await sentinel.run();
    const url = sentinel.url.replace(NAME, 'college');
    const server = await startServer({ redis: url, env: ENV, ready: '/healthz' });
    t.after(() => server.stop());
    await waitFor(() => /trying again: sentinel 127\.0\.0\.1:\d+: knows no primary named college/.test(server.log()),
        { what: 'the log' });
    assert.equal((await api(server, 'GET', '/readyz')).status, 503);
    await sentinel.client.call('SENTINEL', 'MONITOR', 'college', '127.0.0.1', String(primary.port), '1');
    await ready(server);
});
