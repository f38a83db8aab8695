// Images to readers who do not read. On the loopback device a socket takes a whole image at once, so this file runs itself
// again in a network namespace whose sockets hold little: everything in it, Redis and server too, is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { api, launch, limit, mintToken, rawSocket, runCommand, startRedis, startServer, waitFor } from './harness.mjs';
import { joinClass, openClass, say } from './classroom.mjs';
import { png } from './pictures.mjs';

const INSIDE = 'SLOW_READERS_INSIDE';
const SETUP = 'ip link set lo up mtu 1500 && echo "4096 16384 65536" > /proc/sys/net/ipv4/tcp_wmem';
const unshare = process.getuid() === 0 ? ['--net'] : ['--map-root-user', '--net'];

const metric = async (server, name) =>
    Number(new RegExp(`^lectern_${name} (\\d+)`, 'm').exec((await api(server, 'GET', '/metrics')).text)[1]);

async function serve(t, options) {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const server = await startServer({ redis, ...options });
    t.after(() => server.stop());
    const { code, host } = await openClass(server);
    const noise = () => [1, 2, 3].map(() => Math.random() * 256);
    const { status, body } = await api(server, 'POST', `/rooms/${code}/images`,
        { token: mintToken({ type: 'teacher' }), body: png(900, 900, { paint: noise }), timeout: limit(20000) });
    assert.equal(status, 200);
    return { server, code, host, image: body };
}

/** Asks for the image `count` times and does not read. */
async function ask(t, server, image, count) {
    const readers = [];
    t.after(() => { for (const raw of readers) raw.destroy(); });
    for (let i = 0; i < count; i++) {
        const raw = await rawSocket(server);
        raw.socket.pause();
        raw.write(`GET ${image.url} HTTP/1.1\r\nHost: a\r\n\r\n`);
        readers.push(raw);
    }
    return readers;
}

const handed = (server, count) => waitFor(async () => await metric(server, 'files_handed_total') >= count,
    { what: `${count} transfers of the one thread`, timeout: limit(10000) });

async function assertWhole(readers, image) {
    for (const raw of readers) raw.socket.resume();
    for (const raw of readers) {
        await raw.closed;
        const bytes = raw.bytes();
        assert.equal(bytes.length - bytes.indexOf('\r\n\r\n') - 4, image.bytes);
    }
}

if (process.env[INSIDE]) {
    test('more of them than there are threads: all get the image, others are served meanwhile', async (t) => {
        const { server, code, host, image } = await serve(t, { env: { LECTERN_HTTP_THREADS: 16 } });
        const readers = await ask(t, server, image, 60);
        await handed(server, 60);
        assert.equal((await api(server, 'GET', '/version')).status, 200);
        await joinClass(server, code, host, 's1');
        await say(host, 'student', 'while they wait');
        await assertWhole(readers, image);
    });

    test('decoders started meanwhile do not matter to the thread that sends', async (t) => {
        const { server, code, image } = await serve(t, { env: { LECTERN_HTTP_THREADS: 64, LECTERN_IMAGES_ROOM_MAX: 1 << 30 } });
        let on = true;
        const uploads = ['t1', 't1', 't1'].map(async (sub) => {
            while (on) {
                const { status } = await api(server, 'POST', `/rooms/${code}/images`,
                    { token: mintToken({ type: 'teacher', sub }), body: png(4, 4), timeout: limit(40000) });
                assert.equal(status, 200);
            }
        });
        for (let round = 0; round < 8; round++) await assertWhole(await ask(t, server, image, 20), image);
        on = false;
        await Promise.all(uploads);
        assert.ok(await metric(server, 'files_handed_total') >= 160);
    });

    test('their descriptors are counted: however many they are, others join', async (t) => {
        const { server, code, host, image } = await serve(t,
            { env: { LECTERN_HTTP_THREADS: 32 }, wrap: ['prlimit', '--nofile=320:320', '--'] });
        const most = 320 / 8;
        const readers = await ask(t, server, image, most + 4); // four by threads of their own
        await handed(server, most);
        await assertWhole(readers, image);
        assert.equal(await metric(server, 'files_handed_total'), most);
        const crowd = await ask(t, server, image, 280); // what finds no place is cut
        await handed(server, 2 * most - 10); // a few of the first ones may still wait for their readers' end
        for (let i = 0; i < 70; i++) await joinClass(server, code, host, `s${i}`);
        assert.ok(crowd.length > 320 - 70);
        await say(host, 'student', 'all are here');
    });
} else {
    const able = (await runCommand('unshare', [...unshare, 'sh', '-c', SETUP])).code === 0;
    test('slow readers, in a network of their own', { skip: !able && 'no network namespace may be made here' }, async () => {
        const script = `${SETUP} && exec "$0" --test-reporter=spec "$1"`;
        const env = { ...process.env, [INSIDE]: '1' };
        delete env.NODE_TEST_CONTEXT; // or it reports as a part of this process
        const self = launch('unshare', [...unshare, 'sh', '-c', script, process.execPath, fileURLToPath(import.meta.url)], { env });
        const { code } = await self.exited;
        assert.equal(code, 0, self.stdout + self.stderr);
        assert.match(self.stdout, /pass 3/);
    });
}
