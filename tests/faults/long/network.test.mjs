// A cut network for real: one server lives in a network namespace and reaches Redis over a cable of its own (a veth pair),
// which is pulled for longer than the lease. Its clients reach it over another one. Needs root and ip(8).

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
    BIN, SECRET, api, asStudent, freePort, launch, limit, randomId, runCommand, startRedis, startServer, waitFor,
} from '../../integration/harness.mjs';
import { accepted, heard, joinClass, marker, openClass, roomGone, say } from '../../integration/classroom.mjs';
import { gather } from '../checker.mjs';
import { ENV, HEALED, REAPED, closes, ready, roster, rosterIs, taken, unavailable } from '../support.mjs';

const able = process.getuid() === 0 && (await runCommand('ip', ['netns', 'list'])).code === 0;

async function ip(...args) {
    const { code, stderr } = await runCommand('ip', args);
    assert.equal(code, 0, `ip ${args.join(' ')}: ${stderr}`);
}

/** A namespace with two cables: hosts are .1 outside and .2 inside of 198.18.{n}.0/30 (clients) and {n+1} (Redis). */
async function startNamespace(t) {
    const name = randomId('lt').slice(0, 10);
    const net = 2 * Math.floor(Math.random() * 100);
    await ip('netns', 'add', name);
    t.after(() => ip('netns', 'delete', name)); // its cables go with it
    await ip('-n', name, 'link', 'set', 'lo', 'up');
    const cables = ['c', 'r'].map((kind) => `${name}${kind}`);
    for (const [i, cable] of cables.entries()) {
        await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'peer', 'netns', name);
        await ip('-n', name, 'link', 'set', 'peer', 'name', `eth${i}`);
        await ip('address', 'add', `198.18.${net + i}.1/30`, 'dev', cable);
        await ip('-n', name, 'address', 'add', `198.18.${net + i}.2/30`, 'dev', `eth${i}`);
        await ip('link', 'set', cable, 'up');
        await ip('-n', name, 'link', 'set', `eth${i}`, 'up');
    }
    return {
        name, outside: `198.18.${net + 1}.1`, inside: `198.18.${net}.2`,
        pull: () => ip('link', 'set', cables[1], 'down'),
        plug: () => ip('link', 'set', cables[1], 'up'),
    };
}

async function startInside(t, namespace, redis, env) {
    const dir = mkdtempSync(path.join(tmpdir(), 'lectern-data-'));
    const port = await freePort();
    const self = launch('ip', ['netns', 'exec', namespace.name, BIN], { env: {
        PATH: process.env.PATH, LECTERN_DATA_DIR: dir, LECTERN_JWT_SECRET: SECRET,
        LECTERN_REDIS_URL: `redis://${namespace.outside}:${redis.port}`, LECTERN_LISTEN: `0.0.0.0:${port}`,
        ...Object.fromEntries(Object.entries({ ...ENV, ...env }).map(([key, value]) => [key, String(value)])),
    } });
    t.after(async () => {
        self.kill('SIGKILL');
        await self.exited;
        rmSync(dir, { recursive: true, force: true });
    });
    const url = `http://${namespace.inside}:${port}`;
    const server = { url, wsUrl: url.replace('http', 'ws'), port, secret: SECRET, log: () => self.stderr };
    await waitFor(async () => (await api(server, 'GET', '/readyz')).status === 200,
        { timeout: limit(15000), every: 50, what: '/readyz' }).catch((error) => {
        throw new Error(`${error.message}\n${self.stderr}`);
    });
    return server;
}

async function setUp(t, env = {}) {
    const namespace = await startNamespace(t);
    const redis = await startRedis({ args: ['--bind', '127.0.0.1', namespace.outside, '--protected-mode', 'no'] });
    const near = await startServer({ redis, env: { ...ENV, LECTERN_SERVER_ID: 'near', ...env } });
    t.after(() => near.kill());
    t.after(() => redis.stop());
    const far = await startInside(t, namespace, redis, { LECTERN_SERVER_ID: 'far', ...env });
    return { namespace, redis, near, far };
}

test('a pulled cable, longer than the lease: reaped, and back with everything when it is plugged in again',
    { skip: !able && 'needs root and ip(8)' }, async (t) => {
        const { namespace, redis, near, far } = await setUp(t);
        const { code, host, students: [anna] } = await openClass(near, { students: ['s1'] });
        const ben = await joinClass(far, code, host, 's2');
        const cleo = await joinClass(far, code, host, 's3');
        const lost = await openClass(far, { host: { sub: 't2' } });
        const dora = await joinClass(near, lost.code, lost.host, 's4');
        await namespace.pull();
        await unavailable(ben);
        for (const id of ['s2', 's3']) {
            const { message } = await host.next({ messageType: 'leave', sender: id }, { timeout: REAPED });
            assert.equal(message.reason, 'lost');
        }
        await closes(dora, 4000, 'host lost', REAPED);
        assert.deepEqual(await roster(redis, code), ['s1', 't1']);
        for (let i = 1; i <= 20; i++) await say(host, 'student', i);
        await accepted(host, { targetType: 'student', target: 's1', messageType: 'secret' });
        const again = await asStudent(near, code, { sub: 's3' });
        await host.next({ messageType: 'join', sender: 's3' });
        await namespace.plug();
        await closes(cleo, 4001);
        await closes(lost.host, 4000);
        await host.next({ messageType: 'join', sender: 's2' }, { timeout: HEALED });
        await taken(ben, { targetType: 'teacher', messageType: 'send', message: 'back' });
        await marker(host, [host, anna, ben, again]);
        assert.deepEqual(heard(ben, 'send'), Array.from({ length: 20 }, (_, i) => i + 1));
        assert.deepEqual(ben.all('secret'), []);
        await roomGone(redis, lost.code);
        await rosterIs(redis, near, code, ['t1', 's1', 's2', 's3']);
        await ready(far);
    });

test('a class keeps talking while the cable is pulled, twice', { skip: !able && 'needs root and ip(8)' }, async (t) => {
    const { namespace, redis, near, far } = await setUp(t, { LECTERN_LOOPS: 2 });
    const people = await gather(t, [near, far], { students: 12 });
    people.talk();
    for (let i = 1; i <= 2; i++) {
        await people.exchanged(3);
        await namespace.pull();
        await waitFor(() => people.host.leaves.length >= 6 * i, { timeout: REAPED, what: 'leaves' });
        await namespace.plug();
        await people.exchanged(3);
    }
    await people.quiet();
    await people.verify();
    await rosterIs(redis, near, people.code, people.all.map(({ id }) => id));
    for (const { id, disconnects } of people.all) assert.deepEqual(disconnects, [], `${id} stayed`);
});
