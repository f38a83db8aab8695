// LECTERN_ROLE: REST and sockets in processes of their own, which make one service together.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { api, asTeacher, connect, refused, roomCode, runBinary, startRedis, startServer, tempDir, waitFor } from './harness.mjs';
import { granted, login, person, post, refusedWith, signUp } from './accounts.mjs';

describe('roles', () => {
    let redis;
    let rest;
    let sockets;

    before(async () => {
        redis = await startRedis();
        const dir = tempDir('roles');
        mkdirSync(`${dir}/web/student`, { recursive: true });
        writeFileSync(`${dir}/web/student/index.html`, 'hi');
        const env = { LECTERN_STORE_URL: `sqlite:${dir}/lectern.db`, LECTERN_WEB_DIR: `${dir}/web` };
        rest = await startServer({ redis, env: { ...env, LECTERN_ROLE: 'api' } });
        sockets = await startServer({ redis, env: { ...env, LECTERN_ROLE: 'socket' } });
    });
    after(async () => {
        await rest?.stop();
        await sockets?.stop();
        await redis?.stop();
    });

    test('a class: accounts and guests by the one, sockets by the other', async () => {
        const code = roomCode();
        const host = await asTeacher(sockets, code);
        const pupil = await signUp(rest);
        const guest = granted(await post(rest, '/guest', { room: code, name: '손님' }));
        const joined = [];
        for (const { token } of [pupil, guest]) joined.push(await connect(sockets, { room: code, token }));
        await waitFor(() => host.all('join').length === 2, { what: 'two joins' });
        assert.equal((await api(rest, 'GET', `/rooms/${code}`)).body.count, 2);
        assert.equal((await api(rest, 'GET', `/rooms/${code}/users`, { token: pupil.token })).body.count, 2);
        // Signing out by the one closes the socket at the other.
        assert.equal((await api(rest, 'POST', '/logout-all', { token: pupil.token, body: {} })).status, 200);
        assert.equal((await joined[0].closed).code, 4003);
        granted(await login(rest, pupil.id));
        host.terminate();
        joined[1].terminate();
    });

    test('each leaves to the other what is not its own', async () => {
        const code = roomCode();
        for (const where of ['/ws', '/echo']) {
            refusedWith(await refused(rest, { path: where, room: where === '/ws' ? code : undefined }), 421, 'wrong_role');
            refusedWith(await api(sockets, 'GET', where), 426, 'upgrade_required');
        }
        for (const [method, where] of [
            ['GET', `/rooms/${code}`], ['POST', '/login'], ['POST', '/signup'], ['GET', '/accounts'], ['GET', '/profile'],
            ['POST', '/guest'], ['POST', `/rooms/${code}/images`], ['GET', '/student/'],
        ]) {
            refusedWith(await api(sockets, method, where, method === 'POST' ? { body: person() } : {}), 421, 'wrong_role');
        }
        assert.equal((await api(rest, 'GET', '/student/')).text, 'hi');
        refusedWith(await api(sockets, 'GET', '/nothing/here'), 404, 'not_found');
        refusedWith(await api(sockets, 'DELETE', '/login'), 405, 'method_not_allowed');
        for (const server of [rest, sockets]) {
            for (const where of ['/healthz', '/readyz', '/metrics', '/version']) {
                assert.equal((await api(server, 'GET', where)).status, 200, where);
            }
        }
        const echo = await connect(sockets, { path: '/echo' });
        echo.sendRaw('hi');
        await echo.next(() => true);
        echo.terminate();
    });

    test('a role that is none ends the start', async () => {
        const { code, stderr } = await runBinary([], { env: { LECTERN_ROLE: 'both' } });
        assert.equal(code, 2);
        assert.match(stderr, /LECTERN_ROLE="both" is not allowed.*all, api or socket/);
    });
});
