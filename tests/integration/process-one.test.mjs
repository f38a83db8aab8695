// A server that is process 1 of its own world, as in a container without an init.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, launch, freePort, limit, mintToken, runCommand, startRedis, waitFor, BIN, SECRET, tempDir, removeDir } from './harness.mjs';
import { openClass } from './classroom.mjs';
import { png } from './pictures.mjs';

const unshare = [...(process.getuid() === 0 ? [] : ['--map-root-user']), '--pid', '--fork', '--kill-child', '--mount-proc', '--'];
const able = (await runCommand('unshare', [...unshare, 'true'])).code === 0;

test('takes images', { skip: !able && 'no process namespace may be made here' }, async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const dir = tempDir('data');
    t.after(() => removeDir(dir));
    const port = await freePort();
    const self = launch('unshare', [...unshare, BIN], { env: {
        PATH: process.env.PATH, LECTERN_DATA_DIR: dir, LECTERN_JWT_SECRET: SECRET, LECTERN_REDIS_URL: redis.url,
        LECTERN_LISTEN: `127.0.0.1:${port}`,
    } });
    t.after(async () => {
        self.kill('SIGKILL');
        await self.exited;
    });
    const url = `http://127.0.0.1:${port}`;
    const server = { url, wsUrl: url.replace('http', 'ws'), port, secret: SECRET };
    await waitFor(async () => (await api(server, 'GET', '/readyz')).status === 200, { what: '/readyz', timeout: limit(15000) });
    const { code, host } = await openClass(server);
    const { status, text } = await api(server, 'POST', `/rooms/${code}/images`,
        { token: mintToken({ type: 'teacher' }), body: png(30, 20), timeout: limit(20000) });
    assert.equal(status, 200, text);
    assert.doesNotMatch(self.stderr, /images will be refused/, 'it has tried');
    await host.close();
});
