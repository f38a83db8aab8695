// The command line and the configuration: --help, --version, `token`, and every mistake that must stop the start.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
    ROOT, SECRET, api, asTeacher, connect, mintToken, refused, roomCode, runBinary, startRedis, startServer,
} from './harness.mjs';

let redis;
let dir;
before(async () => {
    redis = await startRedis();
    dir = mkdtempSync(path.join(tmpdir(), 'lectern-config-'));
});
after(async () => {
    await redis?.stop();
    rmSync(dir, { recursive: true, force: true });
});

const PROMISED = [
    'LISTEN', 'REDIS_URL', 'DATA_DIR', 'JWT_SECRET', 'JWT_ALGORITHM', 'JWT_PUBLIC_KEY', 'JWT_ISSUER', 'JWT_AUDIENCE',
    'ORIGINS', 'TRUSTED_PROXIES', 'LOOPS', 'HTTP_THREADS', 'SERVER_ID', 'MESSAGE_MAX', 'QUEUE_MAX', 'LOG_MAX',
    'RATE_STUDENT', 'RATE_HOST', 'ROOM_MAX', 'PING_S', 'KEEP_S', 'LOG_LEVEL',
].map((name) => `LECTERN_${name}`);
const ISSUER = 'https://login.school.example';
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

describe('the command line', () => {
    test('--help lists every setting with its default', async () => {
        const { code, stdout } = await runBinary(['--help']);
        assert.equal(code, 0);
        for (const name of PROMISED) assert.match(stdout, new RegExp(`^ *${name}\\b`, 'm'));
        assert.match(stdout, /0\.0\.0\.0:8080/);
        assert.match(stdout, /token/);
        assert.ok(stdout.split('\n').every((line) => line.length <= 110), 'no line is too long for a terminal');
    });

    test('docs/config.md names the same settings as --help', async () => {
        const { stdout } = await runBinary(['--help']);
        const names = (text) => [...new Set(text.match(/\bLECTERN_[A-Z_]*[A-Z]\b/g))].sort();
        assert.deepEqual(names(readFileSync(path.join(ROOT, 'docs/config.md'), 'utf8')), names(stdout));
    });

    test('--version', async () => {
        const { code, stdout } = await runBinary(['--version']);
        assert.equal(code, 0);
        assert.ok(stdout.includes(readFileSync(path.join(ROOT, 'VERSION'), 'utf8').trim()), stdout);
    });

    test('what it does not know is refused, with a hint', async () => {
        for (const args of [['--hepl'], ['start'], ['token', '--colour', 'red']]) {
            const { code, stdout, stderr } = await runBinary(args);
            assert.notEqual(code, 0, args.join(' '));
            assert.equal(stdout, '');
            assert.ok(stderr.includes(args.find((arg) => arg.startsWith('--')) ?? args[0]), stderr);
        }
    });
});

describe('configuration that stops the start', () => {
    const cases = [
        ['LECTERN_LISTEN', 'nowhere'], ['LECTERN_LISTEN', '127.0.0.1:99999'], ['LECTERN_LISTEN', '127.0.0.1'],
        ['LECTERN_REDIS_URL', 'http://x'], ['LECTERN_JWT_ALGORITHM', 'none'], ['LECTERN_JWT_ALGORITHM', 'hs256'],
        ['LECTERN_LOOPS', '-1'], ['LECTERN_LOOPS', 'two'], ['LECTERN_HTTP_THREADS', '1'], ['LECTERN_SERVER_ID', 'a b'],
        ['LECTERN_MESSAGE_MAX', '0'], ['LECTERN_MESSAGE_MAX', '64K'], ['LECTERN_LOG_MAX', '1e3'],
        ['LECTERN_RATE_STUDENT', '20'], ['LECTERN_RATE_HOST', '0/0'], ['LECTERN_ROOM_MAX', '0'], ['LECTERN_PING_S', '0'],
        ['LECTERN_KEEP_S', ' 5'], ['LECTERN_LOG_LEVEL', 'loud'], ['LECTERN_ORIGINS', 'school.example'],
        ['LECTERN_TRUSTED_PROXIES', '10.0.0.0/33'], ['LECTERN_QUEUE_MAX', '4096'],
    ];
    for (const [key, value] of cases) {
        test(`${key}=${value}: names the key, the value and what is allowed`, async () => {
            const env = { LECTERN_REDIS_URL: redis.url, LECTERN_DATA_DIR: dir, [key]: value };
            const { code, stderr } = await runBinary([], { env });
            assert.notEqual(code, 0);
            assert.ok(stderr.includes(key), stderr);
            if (key !== 'LECTERN_REDIS_URL') assert.ok(stderr.includes(value), stderr);
            assert.match(stderr, /allowed: /);
        });
    }

    test('an unknown LECTERN_ name, with the nearest known one', async () => {
        const { code, stderr } = await runBinary([], { env: { LECTERN_DATA_DIR: dir, LECTERN_LISTN: '0.0.0.0:1' } });
        assert.notEqual(code, 0);
        assert.match(stderr, /LECTERN_LISTN\b/);
        assert.match(stderr, /LECTERN_LISTEN/);
    });

    test('a secret is never shown', async () => {
        const { code, stderr } = await runBinary([], { env: { LECTERN_DATA_DIR: dir, LECTERN_JWT_SECRET: 'short-secret' } });
        assert.notEqual(code, 0);
        assert.match(stderr, /LECTERN_JWT_SECRET/);
        assert.doesNotMatch(stderr, /short-secret/);
    });

    test('a public key is no HS256 secret', async () => {
        const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        const pem = publicKey.export({ type: 'spki', format: 'pem' });
        const { code, stderr } = await runBinary([], { env: { LECTERN_DATA_DIR: dir, LECTERN_JWT_SECRET: pem } });
        assert.notEqual(code, 0);
        assert.match(stderr, /LECTERN_JWT_SECRET/);
    });

    test('RS256 needs a readable public key of its kind', async () => {
        const file = path.join(dir, 'not-a-key.pem');
        writeFileSync(file, 'hello\n');
        const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const other = path.join(dir, 'ec.pem');
        writeFileSync(other, publicKey.export({ type: 'spki', format: 'pem' }));
        for (const key of [undefined, path.join(dir, 'absent.pem'), file, other]) {
            const env = { LECTERN_DATA_DIR: dir, LECTERN_JWT_ALGORITHM: 'RS256', LECTERN_JWT_PUBLIC_KEY: key };
            const { code, stderr } = await runBinary([], { env });
            assert.notEqual(code, 0, String(key));
            assert.match(stderr, /LECTERN_JWT_PUBLIC_KEY|key/, stderr);
        }
    });

    test('a port that is taken is named', async () => {
        const port = new URL(redis.url).port;
        const env = { LECTERN_DATA_DIR: dir, LECTERN_REDIS_URL: redis.url, LECTERN_LISTEN: `127.0.0.1:${port}` };
        const { code, stderr } = await runBinary([], { env });
        assert.notEqual(code, 0);
        assert.ok(stderr.includes(port), stderr);
    });
});

describe('secrets and tokens', { concurrency: true }, () => {
    test('the secret is made at first start, kept with mode 0600, and used again', async (t) => {
        const data = path.join(dir, 'fresh');
        const env = { LECTERN_DATA_DIR: data };
        const minted = await runBinary(['token', '--type', 'teacher', '--sub', 't1', '--name', '김 선생님'], { env });
        const token = minted.stdout.trim();
        const files = path.join(data, 'jwt-secret');
        assert.ok(existsSync(files));
        assert.equal(statSync(files).mode & 0o777, 0o600);
        assert.equal(statSync(data).mode & 0o777, 0o700);
        const server = await startServer({ redis, dataDir: data, env: { LECTERN_JWT_SECRET: null } });
        t.after(() => server.stop());
        const host = await connect(server, { token });
        assert.deepEqual(host.welcome.message.user, { id: 't1', name: '김 선생님', userType: 'teacher' });
        assert.doesNotMatch(server.log() + server.output(),
            new RegExp(readFileSync(files, 'latin1').trim().replace(/[^\w]/g, '.')));
    });

    test('token: claims, validity, and what it refuses', async () => {
        const env = { LECTERN_JWT_SECRET: SECRET, LECTERN_DATA_DIR: dir };
        const asked = ['token', '--type', 'student', '--sub', 's1', '--name', 'Anna', '--room', 'FTYXPM'];
        const { code, stdout } = await runBinary(asked, { env });
        assert.equal(code, 0);
        const claims = claimsOf(stdout.trim());
        assert.deepEqual([claims.sub, claims.name, claims.userType, claims.room], ['s1', 'Anna', 'student', 'FTYXPM']);
        assert.ok(claims.exp > Date.now() / 1000 + 60);
        assert.equal(stdout.trim().split('\n').length, 1, 'the token and nothing else, for scripts');
        for (const args of [['--type', 'king', '--sub', 'x'], ['--type', 'teacher'], ['--type', 'teacher', '--sub', 'a b'],
            ['--type', 'student', '--sub', 's', '--room', 'bad'], ['--sub']]) {
            const bad = await runBinary(['token', ...args], { env });
            assert.notEqual(bad.code, 0, args.join(' '));
            assert.equal(bad.stdout, '');
            assert.notEqual(bad.stderr, '');
        }
    });

    for (const [alg, options] of [['RS256', ['rsa', { modulusLength: 2048 }]], ['ES256', ['ec', { namedCurve: 'P-256' }]]]) {
        test(`${alg}: tokens of a school's own service, and no others`, async (t) => {
            const { publicKey, privateKey } = generateKeyPairSync(...options);
            const pem = publicKey.export({ type: 'spki', format: 'pem' });
            const file = path.join(dir, `${alg}.pem`);
            writeFileSync(file, pem);
            const env = {
                LECTERN_JWT_SECRET: null, LECTERN_JWT_ALGORITHM: alg, LECTERN_JWT_PUBLIC_KEY: file,
                LECTERN_JWT_ISSUER: ISSUER, LECTERN_JWT_AUDIENCE: 'lectern', LECTERN_JWT_CLAIM_ID: 'uid',
                LECTERN_JWT_CLAIM_NAME: 'display', LECTERN_JWT_CLAIM_TYPE: 'role',
            };
            const server = await startServer({ redis, env });
            t.after(() => server.stop());
            const claims = {
                iss: ISSUER, aud: ['other', 'lectern'], uid: 't9', display: 'Frau Groß', role: 'teacher',
                sub: undefined, name: undefined, userType: undefined,
            };
            const mint = (more = {}, how = {}) => mintToken({ alg, secret: privateKey, ...how,
                claims: { ...claims, ...more } });
            const host = await connect(server, { token: mint() });
            assert.deepEqual(host.welcome.message.user, { id: 't9', name: 'Frau Groß', userType: 'teacher' });
            const stranger = generateKeyPairSync(...options).privateKey;
            for (const [what, token] of Object.entries({
                issuer: mint({ iss: 'https://evil.example' }),
                'no issuer': mint({ iss: undefined }),
                audience: mint({ aud: 'x' }),
                'no audience': mint({ aud: undefined }),
                key: mint({}, { secret: stranger }),
                'HS256 with the public key': mint({}, { alg: 'HS256', secret: pem }),
                none: mint({}, { alg: 'none' }),
                'the default claims': mintToken({ alg, secret: privateKey, claims: { iss: ISSUER, aud: 'lectern' } }),
            })) {
                const answer = await refused(server, { room: roomCode(), token });
                assert.deepEqual([answer.status, answer.body.error.code], [401, 'token_invalid'], what);
            }
            const expired = await refused(server, { room: roomCode(), token: mint({}, { exp: 1000 }) });
            assert.equal(expired.body.error.code, 'token_expired');
        });
    }

    test('LECTERN_SERVER_ID names the server, otherwise each start draws a name', async (t) => {
        const names = new Set();
        const servers = await Promise.all(['school-1', null, null].map((id) =>
            startServer({ redis, env: { LECTERN_SERVER_ID: id } })));
        t.after(() => Promise.all(servers.map((server) => server.stop())));
        for (const server of servers) {
            const host = await asTeacher(server);
            names.add(host.welcome.message.server.id);
            assert.equal((await api(server, 'GET', '/version')).status, 200);
        }
        assert.equal(names.size, 3);
        assert.ok(names.has('school-1'));
    });
});
