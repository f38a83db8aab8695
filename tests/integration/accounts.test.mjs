// Accounts, on each kind of store: signing up and in, what a token of an account is good for and until when, operators'
// commands, and what is left of it all while the store or Redis is away.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import {
    api, asTeacher, BIN, connect, limit, mintToken, randomId, refused, roomCode, runCommand, startRedis, startServer, tempDir,
    waitFor, within,
} from './harness.mjs';
import {
    address, BEHIND_PROXY, claimsOf, granted, login, PASSWORD, person, post, refusedWith, signUp, userCommand,
} from './accounts.mjs';
import { startPair, stores } from './postgres.mjs';

// Made by libsodium with one pass over 8 MiB, as an earlier version might have.
const OLD_PASSWORD = 'old password';
const OLD_HASH = '$argon2id$v=19$m=8192,t=1,p=1$nafQufCYWCmCgKuXAIVPOA$OODCUzvJXloxJZDp2PH7jRaP3enyIaQOrFOuqfM1u6o';

const profile = (server, token) => api(server, 'GET', '/profile', { token });

/** Waits for the end of a socket whose token is void by now: they are looked after every five seconds. */
async function signedOut(client) {
    const { code, reason } = await within(client.closed, limit(30000), 'close 4003');
    assert.deepEqual([code, reason], [4003, 'signed out']);
}

for (const kind of stores) {
    describe(`accounts on ${kind.name}`, () => {
        let redis, store, env, server, second, stop;
        before(async () => { ({ redis, store, env, server, second, stop } = await startPair(kind, BEHIND_PROXY)); });
        after(() => stop?.());

        test('a student signs up, signs in by id or e-mail, and is who the account says', async () => {
            const who = person({ email: `${randomId('Mail')}@School.example` });
            const first = granted(await post(server, '/signup', { ...who, userType: 'student' }));
            assert.deepEqual(first.user, { id: who.id, name: who.name, userType: 'student' });
            assert.equal(first.expiresIn, 43200);
            const claims = claimsOf(first.token);
            assert.equal(claims.gen, 1);
            assert.ok([43200, 43201].includes(claims.exp - claims.iat), 'whole seconds, rounded up');
            for (const name of [who.id, who.id.toUpperCase(), who.email, who.email.toUpperCase()]) {
                const { user } = granted(await login(second, name));
                assert.equal(user.id, who.id, name);
            }
            const mine = await profile(server, first.token);
            assert.equal(mine.status, 200);
            const { createdAt, ...rest } = mine.body;
            assert.deepEqual(rest, {
                id: who.id, name: who.name, userType: 'student', account: true, email: who.email.toLowerCase(),
            });
            assert.ok(Math.abs(createdAt - Date.now()) < limit(600000));
        });

        test('the token opens classes, on every server', async () => {
            const who = await signUp(server);
            const code = roomCode();
            const host = await asTeacher(server, code);
            const pupil = await connect(second, { room: code, token: who.token });
            assert.deepEqual(pupil.welcome.message.user, { id: who.id, name: who.name, userType: 'student' });
            await host.next({ messageType: 'join', sender: who.id });
            assert.equal((await api(second, 'GET', `/rooms/${code}/users`, { token: who.token })).status, 200);
            host.terminate();
            pupil.terminate();
        });

        test('what a form may not hold is named', async () => {
            const bad = {
                id: ['', 'a b', 'x'.repeat(65), 'g-abcdefghijklmnopqrst', 'G-x', 'lectern', 'Lectern', "x';DROP TABLE users;--",
                    '<b>x</b>', 'é', 7, null],
                name: ['', '   ', 'x'.repeat(65), 'a\u0007b', 'a\u202eb', 1, {}],
                email: ['x', 'x@', '@x.example', 'x@y', 'x y@z.example', 'x@y..example', 'x@-y.example', `${'x'.repeat(65)}@y.example`,
                    `x@${'y'.repeat(250)}.example`, 'x@y.example\n', "x'@y.example;--", 1],
                password: ['', '1234567', 'x'.repeat(129), '비밀', 12345678, null],
                userType: ['service', 'admin', 'Teacher', 1],
            };
            for (const [field, values] of Object.entries(bad)) {
                for (const value of values) {
                    const answer = await post(server, '/signup', person({ [field]: value }));
                    refusedWith(answer, 400, 'bad_field', field);
                }
            }
            for (const field of ['id', 'name', 'password']) {
                refusedWith(await post(server, '/signup', person({ [field]: undefined })), 400, 'bad_field', field);
                if (field !== 'name') {
                    refusedWith(await post(server, '/login', person({ [field]: undefined })), 400, 'bad_field', field);
                }
            }
            refusedWith(await post(server, '/signup', person({ name: 'x'.repeat(1 << 20) })), 413, 'body_too_large');
            refusedWith(await post(server, '/signup', '[1]', { headers: { 'Content-Type': 'application/json' } }), 400, 'bad_json');
            refusedWith(await post(server, '/login', 'id=x'), 415, 'unsupported_media_type');
        });

        test('what looks like SQL or markup is text', async () => {
            const name = "'); DROP TABLE users;-- <script>alert(1)</script>";
            const password = "' OR 1=1;-- \\ \" % _";
            const who = await signUp(server, { name, password });
            assert.equal((await profile(server, who.token)).body.name, name);
            granted(await login(server, who.id, password));
            for (const id of ["' OR '1'='1", `${who.id}' --`, '%', `${who.id.slice(0, -1)}_`, '한글', '\u0001']) {
                refusedWith(await login(server, id, password), 401, 'login_failed');
            }
        });

        test('ids and addresses belong to one account each', async () => {
            const email = `${randomId('m')}@school.example`;
            const who = await signUp(server, { email });
            refusedWith(await post(server, '/signup', person({ id: who.id })), 409, 'id_taken');
            refusedWith(await post(server, '/signup', person({ id: who.id.toUpperCase() })), 409, 'id_taken');
            refusedWith(await post(server, '/signup', person({ email: email.toUpperCase() })), 409, 'email_taken');
            refusedWith(await post(server, '/signup', person({ id: email })), 409, 'id_taken');
            refusedWith(await post(server, '/signup', person({ id: email.toUpperCase() })), 409, 'id_taken');
            assert.equal(granted(await login(server, who.id)).user.name, who.name, 'the first one is untouched');
        });

        test('of many who want one id at once, one gets it', async () => {
            const who = person();
            const answers = await Promise.all(Array.from({ length: 8 }, (_, i) =>
                post(i % 2 ? server : second, '/signup', { ...who, name: `N${i}` })));
            const winners = answers.filter(({ status }) => status === 200);
            assert.equal(winners.length, 1, answers.map(({ text }) => text).join('\n'));
            for (const answer of answers.filter(({ status }) => status !== 200)) refusedWith(answer, 409, 'id_taken');
            assert.equal((await profile(server, winners[0].body.token)).body.name, winners[0].body.user.name);
        });

        test('a wrong password and an unknown account look the same', async () => {
            const who = await signUp(server);
            const wrong = refusedWith(await login(server, who.id, 'wrong horse'), 401, 'login_failed');
            const unknown = refusedWith(await login(server, randomId('nobody'), 'wrong horse'), 401, 'login_failed');
            assert.equal(wrong.text, unknown.text);
            assert.equal(wrong.headers['set-cookie'], undefined);
        });

        test('changing the password signs out everywhere else', async () => {
            const who = await signUp(server);
            const other = granted(await login(second, who.id)).token;
            const change = (token, password, newPassword, where = server) =>
                post(where, '/profile/password', { password, newPassword }, { token });
            refusedWith(await change(who.token, 'wrong horse', 'new password'), 401, 'login_failed');
            refusedWith(await change(who.token, PASSWORD, 'short'), 400, 'bad_field', 'newPassword');
            assert.equal((await profile(server, other)).status, 200, 'nothing has changed yet');

            const changed = granted(await change(who.token, PASSWORD, 'new password'));
            assert.equal(claimsOf(changed.token).gen, 2);
            assert.equal((await profile(second, changed.token)).status, 200);
            for (const token of [who.token, other]) {
                for (const where of [server, second]) refusedWith(await profile(where, token), 401, 'token_revoked');
                refusedWith(await change(token, PASSWORD, 'another one'), 401, 'token_revoked');
            }
            refusedWith(await login(server, who.id, PASSWORD), 401, 'login_failed');
            granted(await login(server, who.id, 'new password'));
        });

        test('of changes at the same time one counts, and its token goes on', async () => {
            const who = await signUp(server);
            const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => post(i % 2 ? server : second,
                '/profile/password', { password: PASSWORD, newPassword: `new password ${i}` }, { token: who.token })));
            const won = answers.findIndex(({ status }) => status === 200);
            for (const [i, answer] of answers.entries()) {
                if (i === won) continue;
                assert.equal(answer.status, 401, answer.text);
                assert.match(answer.body.error.code, /^(login_failed|token_revoked)$/);
                refusedWith(await login(server, who.id, `new password ${i}`), 401, 'login_failed');
            }
            assert.equal((await profile(second, granted(answers[won]).token)).status, 200);
            granted(await login(server, who.id, `new password ${won}`));
        });

        test('a store that was restored from a back-up catches up with Redis', async () => {
            const who = await signUp(server);
            const newest = () => redis.client.get(`account:${who.id}:gen`);
            await redis.client.set(`account:${who.id}:gen`, 5, 'PX', 600000);
            refusedWith(await profile(server, who.token), 401, 'token_revoked');
            const { token } = granted(await login(server, who.id));
            assert.equal(claimsOf(token).gen, 5);
            assert.equal((await profile(second, token)).status, 200);
            // It has done so for good.
            await redis.client.del(`account:${who.id}:gen`);
            assert.equal(claimsOf(granted(await login(second, who.id)).token).gen, 5);

            // Where tokens are newer than the store, signing out and changing go beyond them.
            await redis.client.set(`account:${who.id}:gen`, 9, 'PX', 600000);
            const newer = mintToken({ sub: who.id, claims: { gen: 9 } });
            assert.equal((await api(server, 'POST', '/logout-all', { token: newer, body: {} })).status, 200);
            assert.equal(await newest(), '10');
            refusedWith(await profile(second, newer), 401, 'token_revoked');
            await redis.client.set(`account:${who.id}:gen`, 12, 'PX', 600000);
            const changed = granted(await post(server, '/profile/password', { password: PASSWORD, newPassword: 'new password' },
                { token: mintToken({ sub: who.id, claims: { gen: 12 } }) }));
            assert.deepEqual([claimsOf(changed.token).gen, await newest()], [13, '13']);

            // An account that the back-up has not got, made anew.
            const lost = person();
            await redis.client.set(`account:${lost.id}:gen`, 3, 'PX', 600000);
            const made = granted(await post(server, '/signup', lost));
            assert.equal((await profile(server, made.token)).status, 200);
        });

        test('signing out everywhere voids tokens and closes sockets, on every server', async () => {
            const who = await signUp(server);
            const code = roomCode();
            const host = await asTeacher(server, code);
            const here = await connect(server, { room: code, token: who.token });
            const answer = await api(second, 'POST', '/logout-all', { token: who.token, body: {} });
            assert.deepEqual([answer.status, answer.body], [200, { signedOut: true }]);
            for (const where of [server, second]) {
                refusedWith(await profile(where, who.token), 401, 'token_revoked');
                const door = await refused(where, { room: code, token: who.token });
                refusedWith(door, 401, 'token_revoked');
            }
            await signedOut(here);

            // Doing it again with a void token is no error, and voids nothing that came after.
            const { token } = granted(await login(server, who.id));
            const again = await api(server, 'POST', '/logout-all', { token: who.token, body: {} });
            assert.deepEqual([again.status, again.body], [200, { signedOut: true }]);
            assert.equal((await profile(second, token)).status, 200);
            const back = await connect(server, { room: code, token });
            assert.equal(back.welcome.message.user.id, who.id);
            // A socket that is given the old token is not better off than one that was opened with it.
            back.send({ messageType: 'token', message: who.token });
            await signedOut(back);
            host.terminate();
        });

        test('an account that was answered is there after SIGKILL', async () => {
            const own = { ...BEHIND_PROXY, ...await store.fresh() };
            const dying = await startServer({ redis, env: own });
            const who = await signUp(dying);
            await dying.kill();
            const next = await startServer({ redis, env: own });
            assert.equal((await profile(next, who.token)).body.id, who.id);
            granted(await login(next, who.id));
            const changed = granted(await post(next, '/profile/password', { password: PASSWORD, newPassword: 'new password' },
                { token: who.token }));
            await next.kill();
            const last = await startServer({ redis, env: own });
            assert.equal((await profile(last, changed.token)).status, 200);
            refusedWith(await profile(last, who.token), 401, 'token_revoked');
            refusedWith(await login(last, who.id, PASSWORD), 401, 'login_failed');
            await last.stop();
        });

        test('no line of the log holds a password, a hash or a token', async () => {
            const who = await signUp(server, { password: `secret ${randomId('x')}` });
            granted(await login(server, who.id, who.password));
            refusedWith(await login(server, who.id, `${who.password}!`), 401, 'login_failed');
            await waitFor(() => server.log().includes(`account: ${who.id} has made an account`), { what: 'a line of the log' });
            for (const secret of [who.password, '$argon2', who.token.split('.')[2]]) {
                for (const log of [server.log(), second.log()]) assert.ok(!log.includes(secret));
            }
        });

        test('tokens that are no account\'s go on as before', async () => {
            const guest = mintToken({ sub: 'teacher-by-command', type: 'teacher', name: 'Kim' });
            assert.deepEqual((await profile(server, guest)).body,
                { id: 'teacher-by-command', name: 'Kim', userType: 'teacher', account: false });
            refusedWith(await api(server, 'POST', '/logout-all', { token: guest, body: {} }), 403, 'account_required');
            refusedWith(await post(server, '/profile/password', { password: PASSWORD, newPassword: PASSWORD }, { token: guest }),
                403, 'account_required');
            for (const where of ['/profile', '/profile/password', '/logout-all']) {
                refusedWith(await api(server, where === '/profile' ? 'GET' : 'POST', where, { body: {} }), 401, 'token_missing');
            }
            for (const gen of [0, -1, 1.5, '1', 2 ** 32, null]) {
                refusedWith(await profile(server, mintToken({ claims: { gen } })), 401, 'token_invalid');
            }
            // Signed by our secret, but of an account that is not there.
            refusedWith(await profile(server, mintToken({ sub: randomId('x'), claims: { gen: 1 } })), 401, 'token_revoked');
        });

        test('an emptied Redis brings no old token back', async () => {
            const who = await signUp(server);
            granted(await post(server, '/profile/password', { password: PASSWORD, newPassword: 'new password' }, { token: who.token }));
            await redis.client.flushall();
            refusedWith(await profile(server, who.token), 401, 'token_revoked');
            const door = await waitFor(async () => {
                const answer = await refused(second, { room: roomCode(), token: who.token });
                return answer.status !== 503 && answer;
            }, { what: 'an answer that is not about Redis', timeout: limit(15000) });
            refusedWith(door, 401, 'token_revoked');
        });

        test('operators add, list and reset; only they make teachers here', async () => {
            const cli = { ...env, LECTERN_REDIS_URL: redis.url, LECTERN_DATA_DIR: server.dataDir, LECTERN_JWT_SECRET: server.secret };
            delete cli.LECTERN_TRUSTED_PROXIES;
            refusedWith(await post(server, '/signup', person({ userType: 'teacher' })), 403, 'signup_closed');
            const id = randomId('t');
            const email = `${id}@school.example`;
            const added = await userCommand(['add', '--type', 'teacher', '--name', '이 선생님', '--email', email, id], cli);
            assert.equal(added.code, 0, added.stderr);
            assert.match(added.stdout, /^[a-z2-7]{16}\n$/, 'the password and nothing else');
            const { token, user } = granted(await login(server, email, added.stdout.trim()));
            assert.deepEqual(user, { id, name: '이 선생님', userType: 'teacher' });
            const host = await connect(server, { token });

            // A password that nobody could read is not passed over in silence.
            const full = await runCommand('sh', ['-c', '"$0" user passwd "$1" >/dev/full', BIN, id],
                { env: { PATH: process.env.PATH, ...cli } });
            assert.equal(full.code, 1);
            assert.match(full.stderr, /standard output could not be written: .*user passwd/);

            const again = await userCommand(['add', '--type', 'teacher', id], cli);
            assert.deepEqual([again.code, again.stdout], [1, '']);
            assert.match(again.stderr, /already/);
            const listed = await userCommand(['list'], cli);
            assert.equal(listed.code, 0, listed.stderr);
            const row = listed.stdout.split('\n').map((line) => line.split('\t')).find((fields) => fields[0] === id);
            assert.deepEqual(row.slice(0, 4), [id, 'teacher', '이 선생님', email]);
            assert.ok(!listed.stdout.includes('argon2'));

            const reset = await userCommand(['passwd', '--stdin', id], cli, 'chosen by hand\n');
            assert.deepEqual([reset.code, reset.stdout], [0, ''], reset.stderr);
            refusedWith(await profile(second, token), 401, 'token_revoked');
            await signedOut(host);
            refusedWith(await login(server, id, added.stdout.trim()), 401, 'login_failed');
            granted(await login(server, id, 'chosen by hand'));

            for (const [args, input, code] of [
                [[], '', 2], [['remove', id], '', 2], [['add', id], '', 2], [['add', '--type', 'king', id], '', 2],
                [['add', '--type', 'student'], '', 2], [['add', '--type', 'student', 'a b'], '', 2],
                [['add', '--type', 'student', 'g-x'], '', 2], [['add', '--type', 'student', '--email', 'x', 'y1'], '', 2],
                [['add', '--type', 'student', '--stdin', 'y1'], 'short\n', 2], [['add', '--type', 'student', '--stdin', 'y1'], '', 2],
                [['passwd', '--type', 'teacher', id], '', 2], [['passwd', randomId('nobody')], '', 1], [['list', 'x'], '', 2],
            ]) {
                const result = await userCommand(args, cli, input);
                assert.equal(result.code, code, `${args}: ${result.stderr}`);
                assert.equal(result.stdout, '');
                assert.match(result.stderr, /\w/);
            }
        });

        if (kind.name === 'PostgreSQL') {
            test('while the store is away, classes go on and logins say so', async () => {
                const who = await signUp(server);
                const code = roomCode();
                const host = await asTeacher(server, code);
                await store.postgres.kill();
                await redis.client.del(`account:${who.id}:gen`);
                const pupil = await connect(server, { room: code, token: who.token });
                await host.next({ messageType: 'join', sender: who.id });
                const answer = refusedWith(await login(server, who.id), 503, 'unavailable');
                assert.ok(Number(answer.headers['retry-after']) > 0);
                refusedWith(await post(server, '/signup', person()), 503, 'unavailable');
                refusedWith(await profile(server, who.token), 503, 'unavailable');
                refusedWith(await api(server, 'POST', '/logout-all', { token: who.token, body: {} }), 503, 'unavailable');
                await store.postgres.restart();
                await waitFor(async () => (await login(server, who.id)).status === 200,
                    { what: 'logins again', timeout: limit(30000), every: 200 });
                await pupil.sync();
                host.terminate();
                pupil.terminate();
            });

            test('a store that hangs holds up neither guests nor those with accounts', async () => {
                const own = await startServer({ redis, env: { ...env, LECTERN_HTTP_THREADS: 32, LECTERN_STORE_TIMEOUT_MS: 60000 } });
                const who = await signUp(own);
                const code = roomCode();
                const host = await asTeacher(own, code);
                const pupil = await connect(own, { room: code, token: who.token });
                await redis.client.del(`account:${who.id}:gen`);
                store.postgres.pause();
                let profiles;
                try {
                    // Eight of 32 threads may read accounts, which takes a minute now, and four may ask about tokens.
                    profiles = Promise.all(Array.from({ length: 16 }, () =>
                        api(own, 'GET', '/profile', { token: who.token, timeout: limit(60000) })));
                    const many = await Promise.all(Array.from({ length: 64 }, () =>
                        api(own, 'GET', `/rooms/${code}/users`, { token: who.token })));
                    assert.deepEqual(new Set(many.map(({ status }) => status)), new Set([200]), 'nobody can tell: the token counts');
                    const { token } = granted(await post(own, '/guest', { room: code, name: 'Guest' }));
                    const guest = await connect(own, { room: code, token });
                    await guest.sync();
                    assert.equal((await api(own, 'GET', '/healthz')).status, 200);
                    guest.terminate();
                } finally {
                    store.postgres.resume();
                }
                for (const answer of await profiles) {
                    if (answer.status !== 200) refusedWith(answer, 503, answer.body.error.code === 'busy' ? 'busy' : 'unavailable');
                }
                await waitFor(async () => (await profile(own, who.token)).status === 200,
                    { what: 'the store again', timeout: limit(30000), every: 200 });
                host.terminate();
                pupil.terminate();
                await own.stop();
            });

            test('signing up while the store is away costs an address nothing', async () => {
                const from = address();
                await store.postgres.kill();
                refusedWith(await post(server, '/signup', person(), { from }), 503, 'unavailable');
                assert.equal(await redis.client.get(`login:signup:${from}`), null);
                const cli = { ...env, LECTERN_REDIS_URL: redis.url, LECTERN_DATA_DIR: server.dataDir, LECTERN_JWT_SECRET: server.secret };
                delete cli.LECTERN_TRUSTED_PROXIES;
                const added = await userCommand(['add', '--type', 'teacher', randomId('t')], cli);
                assert.deepEqual([added.code, added.stdout], [1, '']);
                assert.match(added.stderr, /may exist .*user passwd/);
                await store.postgres.restart();
                await waitFor(async () => (await post(server, '/signup', person(), { from })).status === 200,
                    { what: 'signing up again', timeout: limit(30000), every: 200 });
                assert.ok(Number(await redis.client.get(`login:signup:${from}`)) > 0);
            });

            test('an account without a password lets nobody in, and long lists are whole', async () => {
                const fresh = await store.fresh();
                const database = new URL(fresh.LECTERN_STORE_URL).pathname.slice(1);
                const own = await startServer({ redis, env: fresh });
                await store.postgres.query(`INSERT INTO users SELECT 'u' || n, 'N', '', 'student', '', 1, 0
                    FROM generate_series(1000, 1449) n; INSERT INTO logins SELECT id, id FROM users`, database);
                for (const password of ['', ' ', PASSWORD]) {
                    refusedWith(await login(own, 'u1000', password), 401, 'login_failed');
                }
                const { stdout } = await userCommand(['list'], { ...fresh, LECTERN_REDIS_URL: redis.url, LECTERN_DATA_DIR: own.dataDir });
                const ids = stdout.trim().split('\n').map((line) => line.split('\t')[0]);
                assert.deepEqual(ids, Array.from({ length: 450 }, (_, i) => `u${1000 + i}`));
                await own.stop();
            });

            test('a password hashed with old parameters is hashed anew at the next login', async () => {
                const who = await signUp(server);
                const database = new URL(env.LECTERN_STORE_URL).pathname.slice(1);
                const hash = () => store.postgres.query(`SELECT password FROM users WHERE id = '${who.id}'`, database);
                await store.postgres.query(`UPDATE users SET password = '${OLD_HASH}' WHERE id = '${who.id}'`, database);
                refusedWith(await login(server, who.id), 401, 'login_failed');
                assert.equal(await hash(), OLD_HASH);
                granted(await login(server, who.id, OLD_PASSWORD));
                assert.match(await hash(), /^\$argon2id\$v=19\$m=32768,t=3,p=1\$/);
                granted(await login(server, who.id, OLD_PASSWORD));
                assert.equal((await profile(server, who.token)).status, 200, 'that is no change of the password');
            });
        }
    });
}

describe('raises while Redis is away', () => {
    let redis;
    let env;
    let server;
    let who;
    let thief;

    before(() => { env = { ...BEHIND_PROXY, LECTERN_REDIS_TIMEOUT_MS: 300, LECTERN_STORE_URL: `sqlite:${tempDir('raises')}/lectern.db` }; });
    // Redis knows an earlier raise of the account, for longer than this takes.
    beforeEach(async () => {
        redis = await startRedis({ persist: true });
        server = await startServer({ redis, env });
        who = await signUp(server);
        assert.equal((await api(server, 'POST', '/logout-all', { token: who.token, body: {} })).status, 200);
        thief = granted(await login(server, who.id)).token;
    });
    afterEach(async () => {
        await server.stop();
        await redis.stop();
    });

    const newest = () => redis.client.get(`account:${who.id}:gen`);
    const back = (where) => waitFor(async () => (await api(where, 'GET', '/readyz')).status === 200,
        { what: 'Redis again', timeout: limit(15000), every: 50 });
    const change = async () => granted(await post(server, '/profile/password',
        { password: PASSWORD, newPassword: 'new password' }, { token: thief })).token;

    test('are told when it is back, and count here at once', async () => {
        await redis.kill();
        const token = await change();
        refusedWith(await profile(server, thief), 401, 'token_revoked');
        assert.equal((await profile(server, token)).status, 200);
        await redis.restart();
        await waitFor(async () => await newest() === '3', { what: 'the raise in Redis', timeout: limit(15000) });
        assert.ok(await redis.client.pttl(`account:${who.id}:gen`) > 12 * 3600000 - limit(60000));
        refusedWith(await profile(server, thief), 401, 'token_revoked');
    });

    test('a newer token that is shown to another server tells it too', async () => {
        await redis.kill();
        const token = await change();
        await server.kill(); // and with it what it wanted to tell
        await redis.restart();
        server = await startServer({ redis, env });
        await back(server);
        assert.equal(await newest(), '2');
        assert.equal((await profile(server, token)).status, 200);
        assert.equal(await newest(), '3');
        const code = roomCode();
        const host = await asTeacher(server, code);
        refusedWith(await refused(server, { room: code, token: thief }), 401, 'token_revoked');
        host.terminate();
    });

    test('signing out everywhere says so, and done again it is done', async () => {
        await redis.kill();
        const signOut = () => api(server, 'POST', '/logout-all', { token: thief, body: {} });
        refusedWith(await signOut(), 503, 'unavailable');
        refusedWith(await signOut(), 503, 'unavailable');
        await server.kill();
        await redis.restart();
        await redis.client.del(`account:${who.id}:gen`);
        server = await startServer({ redis, env });
        await back(server);
        const again = await signOut();
        assert.deepEqual([again.status, again.body], [200, { signedOut: true }]);
        assert.equal(await newest(), '3', 'once');
        assert.ok(await redis.client.pttl(`account:${who.id}:gen`) > 12 * 3600000 - limit(60000), 'as long as a token lives');
        assert.equal(claimsOf(granted(await login(server, who.id)).token).gen, 3);
    });

    test('what the store says of an older token is remembered as long as one lives', async () => {
        await api(server, 'POST', '/logout-all', { token: thief, body: {} });
        await redis.client.del(`account:${who.id}:gen`);
        refusedWith(await profile(server, thief), 401, 'token_revoked');
        assert.ok(await redis.client.pttl(`account:${who.id}:gen`) > 12 * 3600000 - limit(60000));
    });
});

describe('what is on offer', () => {
    let redis;
    before(async () => { redis = await startRedis(); });
    after(async () => { await redis?.stop(); });

    for (const [signup, student, teacher] of [['students', 200, 403], ['open', 200, 200], ['closed', 403, 403]]) {
        test(`LECTERN_SIGNUP=${signup}`, async () => {
            const server = await startServer({ redis, env: { LECTERN_SIGNUP: signup, LECTERN_TOKEN_S: 60 } });
            assert.deepEqual((await api(server, 'GET', '/accounts')).body, { login: true, signup });
            for (const [userType, status] of [['student', student], ['teacher', teacher]]) {
                const answer = await post(server, '/signup', person({ userType }));
                assert.equal(answer.status, status, answer.text);
                if (status === 403) refusedWith(answer, 403, 'signup_closed');
                else assert.deepEqual([answer.body.user.userType, answer.body.expiresIn], [userType, 60]);
            }
            await server.stop();
        });
    }

    test('with a login service of the school\'s own there are no accounts here', async () => {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const file = path.join(redis.dir, 'key.pem');
        writeFileSync(file, publicKey.export({ type: 'spki', format: 'pem' }));
        const env = { LECTERN_JWT_ALGORITHM: 'ES256', LECTERN_JWT_PUBLIC_KEY: file };
        const server = await startServer({ redis, env });
        assert.deepEqual((await api(server, 'GET', '/accounts')).body, { login: false, signup: 'closed' });
        refusedWith(await login(server, 'kim'), 403, 'accounts_off');
        refusedWith(await post(server, '/signup', person()), 403, 'accounts_off');
        // What that service calls `gen` is its own business.
        const token = mintToken({ alg: 'ES256', secret: privateKey, claims: { gen: 'x' } });
        assert.equal((await profile(server, token)).body.account, false);
        refusedWith(await api(server, 'POST', '/logout-all', { token, body: {} }), 403, 'accounts_off');
        const { code, stderr } = await userCommand(['list'], { ...env, LECTERN_DATA_DIR: server.dataDir });
        assert.equal(code, 1);
        assert.match(stderr, /HS256/);
        await server.stop();
    });
});
