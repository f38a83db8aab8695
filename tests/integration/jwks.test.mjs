// The public keys of a school's login service, from a JWK set: chosen by kid, changed by SIGHUP while the server runs.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
    api, asTeacher, connect, mintToken, refused, roomCode, runBinary, startRedis, startServer, tempDir, waitFor,
} from './harness.mjs';
import { refusedWith } from './accounts.mjs';

const dir = tempDir('jwks');
const file = path.join(dir, 'keys.json');

/** A key pair of the issuer's, known by `kid`. */
function issuerKey(kid, alg = 'RS256') {
    const { publicKey, privateKey } = alg === 'RS256'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return {
        jwk: { ...publicKey.export({ format: 'jwk' }), ...(kid ? { kid } : {}), alg, use: 'sig' },
        token: (options = {}) => mintToken({ alg, secret: privateKey, header: kid ? { kid } : {}, ...options }),
        privateKey,
    };
}

/** Writes the set as a careful operator does: whole or not at all. */
function publish(keys, text = JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })) {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
}

const settings = { LECTERN_JWT_SECRET: null, LECTERN_JWT_ALGORITHM: 'RS256', LECTERN_JWT_JWKS: file };

describe('a JWK set', () => {
    let redis;
    let server;
    const first = issuerKey('2026-a');
    const second = issuerKey('2026-b');

    before(async () => {
        publish([first, issuerKey('ec', 'ES256')]);
        redis = await startRedis();
        server = await startServer({ redis, env: settings });
    });
    after(async () => {
        await server?.stop();
        await redis?.stop();
    });

    const profile = (token) => api(server, 'GET', '/profile', { token });
    const accepted = async (token) => assert.equal((await profile(token)).status, 200);
    const invalid = async (token) => refusedWith(await profile(token), 401, 'token_invalid');

    /** Sends SIGHUP and waits until the log has another line with these words. */
    async function reload(words) {
        const lines = () => server.log().split(words).length;
        const before = lines();
        server.kill('SIGHUP');
        await waitFor(() => lines() > before, { what: `'${words}' in the log` });
    }

    test('the token\'s kid chooses the key', async () => {
        await accepted(first.token());
        await accepted(first.token({ header: {} })); // there is but one for this algorithm
        await invalid(second.token());
        await invalid(second.token({ header: { kid: '2026-a' } }));
        await invalid(first.token({ header: { kid: '2026-b' } }));
        await invalid(first.token({ header: { kid: 7 } }));
        await invalid(first.token({ header: { kid: 'x'.repeat(1000) } }));
        const host = await connect(server, { token: first.token({ type: 'teacher' }) });
        host.terminate();
    });

    test('SIGHUP brings new keys and drops old ones; sockets stay', async () => {
        const code = roomCode();
        const host = await connect(server, { room: code, token: first.token({ type: 'teacher' }) });
        publish([first, second]);
        await reload('2 public keys');
        await accepted(first.token());
        await accepted(second.token());
        await invalid(first.token({ header: {} })); // which of the two?
        publish([second]);
        await reload('1 public keys');
        await accepted(second.token());
        await invalid(first.token());
        refusedWith(await refused(server, { room: code, token: first.token({ sub: 's2' }) }), 401, 'token_invalid');
        await host.sync();
        host.terminate();
    });

    test('a file that cannot be used changes nothing', async () => {
        const secret = second.privateKey.export({ format: 'jwk' });
        for (const text of ['', '{"keys":[]}', '{"keys":[', JSON.stringify({ keys: [{ ...secret, kid: '2026-b' }] }),
            JSON.stringify({ keys: [{ ...second.jwk, n: 'AQAB' }] })]) {
            publish([], text);
            await reload('nothing is changed');
            await accepted(second.token());
        }
        assert.ok(!server.log().includes(secret.d), 'keys are not shown');
        publish([first]);
        await reload('1 public keys');
        await accepted(first.token());
    });

    test('readers are not disturbed by reloading', async () => {
        let going = true;
        const ask = async () => { while (going) await accepted(first.token()); };
        const askers = [ask(), ask(), ask()];
        for (let i = 0; i < 20; i++) {
            publish([first, ...(i % 2 ? [second] : [])]);
            await reload('public keys');
        }
        going = false;
        await Promise.all(askers);
    });

    test('at the start a file that cannot be used ends it with a sentence', async () => {
        const env = { ...settings, LECTERN_REDIS_URL: redis.url, LECTERN_DATA_DIR: tempDir('data'), LECTERN_JWT_JWKS: `${dir}/none` };
        delete env.LECTERN_JWT_SECRET;
        for (const [name, words] of [['none', /No such file/], ['bad', /no key for LECTERN_JWT_ALGORITHM/]]) {
            writeFileSync(`${dir}/bad`, '{"keys":[]}');
            const { code, stderr } = await runBinary([], { env: { ...env, LECTERN_JWT_JWKS: `${dir}/${name}` } });
            assert.equal(code, 1);
            assert.match(stderr, words);
            assert.match(stderr, /LECTERN_JWT_JWKS/);
        }
    });

    test('without keys of another service SIGHUP does no harm', async () => {
        const own = await startServer({ redis });
        const host = await asTeacher(own);
        own.kill('SIGHUP');
        await waitFor(() => own.log().includes('nothing is changed'), { what: 'a line about SIGHUP' });
        await host.sync();
        host.terminate();
        assert.equal(await own.stop(), 0);
    });
});
