/** The calls about accounts: what is asked, and how answers and refusals come back as data. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { load, test } from './support.mjs';

const { accounts, changePassword, login, logoutAll, profile, signup } = await load('index');

const env = {
    fetch: (...args) => fetch(...args),
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (timer) => clearTimeout(timer),
};

/** A server that gives one answer and remembers what it was asked. */
async function answering(t, status, body, headers = {}) {
    const asked = {};
    const server = http.createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        Object.assign(asked, {
            line: `${request.method} ${request.url}`,
            body: chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : undefined,
            type: request.headers['content-type'],
            authorization: request.headers.authorization,
        });
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    return { base: `http://127.0.0.1:${server.address().port}`, asked };
}

const SIGN_IN = { token: 'a.b.c', expiresIn: 60, user: { id: 'kim', name: '김', userType: 'teacher' } };

test('each call asks what the protocol says', async (t) => {
    const form = { id: 'kim', name: '김', email: '', password: 'p', userType: 'student' };
    const calls = [
        [(base) => accounts(env, base), 'GET /accounts', undefined, undefined],
        [(base) => login(env, base, 'kim', 'p "q"'), 'POST /login', { id: 'kim', password: 'p "q"' }, undefined],
        [(base) => signup(env, base, form), 'POST /signup', form, undefined],
        [(base) => profile(env, base, 'a.b.c'), 'GET /profile', undefined, 'Bearer a.b.c'],
        [
            (base) => changePassword(env, base, 'a.b.c', 'old', 'new'),
            'POST /profile/password',
            { password: 'old', newPassword: 'new' },
            'Bearer a.b.c',
        ],
        [(base) => logoutAll(env, base, 'a.b.c'), 'POST /logout-all', {}, 'Bearer a.b.c'],
    ];
    for (const [call, line, body, authorization] of calls) {
        const { base, asked } = await answering(t, 200, SIGN_IN);
        assert.deepEqual(await call(base), { ok: true, value: SIGN_IN }, line);
        const type = body === undefined ? undefined : 'application/json';
        assert.deepEqual(asked, { line, body, type, authorization });
    }
});

test('refusals come back as data, with the field or the time to wait', async (t) => {
    const error = (code, field) => ({ error: { code, message: `it is ${code}`, field } });
    const slowed = await answering(t, 429, error('too_many_attempts'), { 'retry-after': '4' });
    assert.deepEqual(await login(env, slowed.base, 'kim', 'x'), {
        ok: false,
        status: 429,
        code: 'too_many_attempts',
        message: 'it is too_many_attempts',
        retryAfterMs: 4000,
    });
    const taken = await answering(t, 409, error('id_taken'));
    assert.equal((await signup(env, taken.base, {})).code, 'id_taken');
    const bad = await answering(t, 400, error('bad_field', 'email'));
    assert.equal((await signup(env, bad.base, {})).field, 'email');
});

test('a server that is not there, or is not ours, is told apart', async (t) => {
    const { base } = await answering(t, 404, 'not JSON of ours');
    assert.equal((await accounts(env, base)).code, 'bad_answer');
    assert.equal((await accounts(env, 'http://127.0.0.1:1')).code, 'unreachable');
});
