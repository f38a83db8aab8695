// Images: sending them, reading them on every server, what is refused, and that nothing in a file moves the server.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
    api, limit, mintToken, rawHttp, rawSocket, roomCode, startRedis, startServer, waitFor,
} from './harness.mjs';
import { joinClass, openClass, roomGone, say } from './classroom.mjs';
import { bmp, deflateBomb, gif, jpeg, look, png, tinyBomb } from './pictures.mjs';

const IMAGE_MAX = 4 << 20;
let redis;
let server;
let other;

before(async () => {
    redis = await startRedis();
    const env = { LECTERN_IMAGE_MAX: IMAGE_MAX, LECTERN_IMAGE_TIMEOUT_MS: limit(10000), LECTERN_ORIGINS: 'https://pages.example' };
    server = await startServer({ redis, env });
    other = await startServer({ redis, env: { ...env, LECTERN_KEEP_S: 2 } });
});
after(async () => {
    await other?.stop();
    await server?.stop();
    await redis?.stop();
});

const teacher = (user = {}) => mintToken({ type: 'teacher', ...user });
const student = (user = {}) => mintToken({ type: 'student', ...user });
const post = (code, body, token = teacher(), { on = server, ...options } = {}) =>
    api(on, 'POST', `/rooms/${code}/images`, { token, body, timeout: limit(40000), ...options });
const get = (where, options = {}, on = server) => api(on, 'GET', where, options);

async function sent(code, body, token, options) {
    const answer = await post(code, body, token, options);
    assert.equal(answer.status, 200, answer.text);
    return answer.body;
}

async function assertError(promise, status, code) {
    const answer = await promise;
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error.code, code);
    assert.match(answer.body.error.message, /^[A-Z].{15,}\.$/, 'an error says what is wrong in a sentence');
    if (status === 503) assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
    return answer;
}

const metric = async (name, on = server) =>
    Number(new RegExp(`^lectern_${name} (\\d+)`, 'm').exec((await get('/metrics', {}, on)).text)[1]);

describe('an image', () => {
    test('of every kind is taken, and read on every server', async () => {
        const { code } = await openClass(server);
        const kinds = [
            [jpeg(640, 400), 'image/jpeg', 640, 400, 320, 200], [jpeg(640, 400, { progressive: true }), 'image/jpeg', 640, 400, 320, 200],
            [png(500, 900), 'image/jpeg', 500, 900, 178, 320], [bmp(100, 60), 'image/jpeg', 100, 60, 100, 60], [gif(31, 17), 'image/jpeg', 31, 17, 31, 17],
            [png(64, 32, { alpha: true, paint: (x) => [x, x, x, x * 4] }), 'image/png', 64, 32, 64, 32],
            [png(64, 32, { alpha: true, paint: (x) => [x, x, x, 255] }), 'image/jpeg', 64, 32, 64, 32],
        ];
        for (const [file, type, width, height, thumbWidth, thumbHeight] of kinds) {
            const image = await sent(code, file);
            assert.deepEqual(Object.keys(image), ['url', 'thumbUrl', 'width', 'height', 'bytes']);
            assert.deepEqual([image.width, image.height], [width, height]);
            for (const on of [server, other]) {
                const { status, headers, buffer } = await get(image.url, {}, on);
                assert.equal(status, 200);
                assert.equal(headers['content-type'], type);
                assert.equal(buffer.length, image.bytes);
                assert.deepEqual(look(buffer), { type, width, height, alpha: type === 'image/png' });
                assert.ok(!/secret-name|GPS|Exif/.test(buffer.toString('latin1')), 'metadata');
                const thumb = await get(image.thumbUrl, {}, on);
                assert.deepEqual(look(thumb.buffer), { type, width: thumbWidth, height: thumbHeight, alpha: type === 'image/png' });
            }
        }
    });

    test('is turned upright, and what the camera wrote into it is gone', async () => {
        const { code } = await openClass(server);
        for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
            const file = jpeg(320, 160, { orientation });
            assert.match(file.toString('latin1'), /Exif.*GPS 37.*secret-name/s);
            const image = await sent(code, file);
            assert.deepEqual([image.width, image.height], orientation < 5 ? [320, 160] : [160, 320]);
            assert.ok(!/Exif|GPS|secret-name/.test((await get(image.url)).buffer.toString('latin1')));
        }
    });

    test('of twelve megapixels becomes one of 2048 pixels', async () => {
        const { code } = await openClass(server);
        const file = jpeg(4032, 3024, { orientation: 6, paint: (x, y) => [x * y & 255, x >> 4, y >> 4] });
        assert.ok(file.length < IMAGE_MAX);
        const image = await sent(code, file);
        assert.deepEqual([image.width, image.height], [1536, 2048]);
        assert.deepEqual(look((await get(image.thumbUrl)).buffer), { type: 'image/jpeg', width: 240, height: 320, alpha: false });
    });

    test('may be of fifty megapixels, not of more', async () => {
        const { code } = await openClass(server);
        const flat = { paint: () => [90, 120, 200] };
        const image = await sent(code, jpeg(8160, 6120, flat));
        assert.deepEqual([image.width, image.height], [2048, 1536]);
        await assertError(post(code, jpeg(8200, 6400, flat)), 413, 'image_too_large');
        await assertError(post(code, jpeg(16400, 8, flat)), 413, 'image_too_large');
    });

    test('is answered with the heads that keep and protect it', async () => {
        const { code } = await openClass(server);
        const { url, thumbUrl } = await sent(code, jpeg(64, 64));
        for (const where of [url, thumbUrl]) {
            const { headers, buffer } = await get(where);
            assert.equal(headers['cache-control'], 'private, max-age=86400, immutable');
            assert.equal(headers['x-content-type-options'], 'nosniff');
            assert.match(headers['content-security-policy'], /default-src 'none'.*sandbox/);
            assert.equal(headers['content-disposition'], 'inline');
            assert.match(headers.etag, /^"[^"]+"$/);
            const head = await api(server, 'HEAD', where);
            assert.equal(head.headers['content-length'], String(buffer.length));
            assert.equal(head.headers.etag, headers.etag);
            assert.equal(head.buffer.length, 0);
            const again = await get(where, { headers: { 'If-None-Match': `"x", W/${headers.etag}` } });
            assert.equal(again.status, 304);
            assert.equal(again.buffer.length, 0);
            assert.equal(again.headers.etag, headers.etag);
            assert.equal((await get(where, { headers: { 'If-None-Match': '"x"' } })).status, 200);
        }
        assert.notEqual((await get(url)).headers.etag, (await get(thumbUrl)).headers.etag);
        const cors = await get(url, { headers: { Origin: 'https://pages.example' } });
        assert.equal(cors.headers['access-control-allow-origin'], 'https://pages.example');
        await assertError(api(server, 'DELETE', url), 405, 'method_not_allowed');
    });

    test('has an address that nobody guesses', async () => {
        const { code } = await openClass(server);
        const [a, b] = [await sent(code, png(8, 8)), await sent(code, png(8, 8))];
        assert.match(a.url, new RegExp(`^/files/${code}\\.[a-z2-7]{6}\\.[a-z2-7]{26}$`));
        assert.equal(a.thumbUrl, `${a.url}.t`);
        assert.notEqual(a.url, b.url);
        for (const wrong of [a.url.slice(0, -1), `${a.url}a`, `${a.url}.x`, a.url.replace(code, roomCode()), '/files/x',
            a.url.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))]) {
            await assertError(get(wrong), 404, 'file_not_found');
        }
    });
});

describe('who may send', () => {
    test('the host, also while away; participants where they may talk to all', async () => {
        const { code, host } = await openClass(server, { host: { sub: 'host' }, students: ['s1'], query: { hold: 60 } });
        const file = png(8, 8);
        await assertError(post(code, file, student({ sub: 's1' })), 403, 'talk_forbidden');
        await sent(code, file, teacher({ sub: 'host' }));
        await host.request({ messageType: 'settings', message: { talk: 'all' } });
        await sent(code, file, student({ sub: 's1' }));
        await assertError(post(code, file, student({ sub: 's2' })), 403, 'forbidden');
        await assertError(post(code, file, student({ sub: 'host' })), 403, 'forbidden');
        await assertError(post(code, file, teacher({ sub: 's1' })), 403, 'forbidden');
        await assertError(post(code, file, teacher({ sub: 't9' })), 403, 'forbidden');
        await assertError(post(code, file, mintToken({ type: 'service' })), 403, 'forbidden');
        await assertError(post(code, file, student({ sub: 's1', room: 'OTHER' })), 403, 'room_forbidden');
        host.terminate();
        await waitFor(async () => (await get(`/rooms/${code}`)).body.hostPresent === false, { what: 'the host to be away' });
        await sent(code, file, teacher({ sub: 'host' }));
    });

    test('nobody without a token, to a room that is not there, or from another page', async () => {
        const { code } = await openClass(server);
        const file = png(8, 8);
        await assertError(post(code, file, null), 401, 'token_missing');
        await assertError(post(code, file, 'nonsense'), 401, 'token_invalid');
        await assertError(post(code, file, teacher({ exp: 1 })), 401, 'token_expired');
        await assertError(post(roomCode(), file), 404, 'room_not_found');
        await assertError(post('abc', file), 400, 'bad_room');
        await assertError(post(code, file, teacher(), { headers: { Origin: 'https://evil.example' } }), 403, 'origin_forbidden');
        await assertError(get(`/rooms/${code}/images`), 405, 'method_not_allowed');
    });

    test('one who was removed may not', async () => {
        const { code, host } = await openClass(server, { students: ['s1'], query: { talk: 'all' } });
        await sent(code, png(8, 8), student({ sub: 's1' }));
        await host.request({ messageType: 'kick', target: 's1' });
        await assertError(post(code, png(8, 8), student({ sub: 's1' })), 403, 'forbidden');
    });

    test('whoever guesses at rooms is stopped', async () => {
        const own = await startServer({ redis, env: { LECTERN_TRUSTED_PROXIES: '127.0.0.1' } });
        try {
            let last;
            for (let i = 0; i < 70 && last?.status !== 429; i++) {
                last = await post(`Z${1000 + i}`, '', student(), { on: own, headers: { 'X-Forwarded-For': '192.0.2.9' } });
            }
            assert.equal(last.status, 429);
            assert.match(last.headers['retry-after'], /^\d+$/);
        } finally {
            await own.stop();
        }
    });
});

describe('what is no image', () => {
    let code;
    let host;
    before(async () => ({ code, host } = await openClass(server, { students: ['s1'] })));

    /** The class goes on as if nothing had happened. */
    const classGoesOn = () => say(host, 'student', 'still here');

    test('is refused, whatever it is called', async () => {
        for (const body of ['', 'I am photo.jpg, a text', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'BM', '\xff\xd8\xff', '{}', 'GIF89a']) {
            const answer = await post(code, Buffer.from(body, 'latin1'), teacher(), { headers: { 'Content-Type': 'image/jpeg' } });
            assert.equal(answer.status, 415, body);
            assert.match(answer.body.error.code, /^(not_an_image|image_broken)$/);
        }
        await assertError(post(code, 'I am photo.jpg'), 415, 'not_an_image');
        await classGoesOn();
    });

    test('files cut off anywhere are refused', async () => {
        for (const file of [jpeg(96, 64, { orientation: 6 }), jpeg(96, 64, { progressive: true }), png(24, 16), gif(9, 7), bmp(20, 10)]) {
            const one = file[0] === 0x47 ? file.indexOf(0x2c) + 30 : file.length - 4; // a GIF's first frame is enough, a BMP's last padding is not needed
            for (let n = 1; n < one; n += 1 + Math.floor(one / 12)) {
                const answer = await post(code, file.subarray(0, n));
                assert.equal(answer.status, 415, `${file.subarray(0, 4).toString('hex')} cut at ${n} of ${file.length}: ${answer.text}`);
            }
        }
        await classGoesOn();
    });

    test('a length that promises more than comes', async () => {
        const file = png(24, 16);
        const head = `POST /rooms/${code}/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${teacher()}\r\n`;
        const { status } = await rawHttp(server, [`${head}Content-Length: ${file.length + 100}\r\n\r\n`, file], { half: true });
        assert.ok([undefined, 400].includes(status), `status ${status}`);
        const chunked = await rawHttp(server, [`${head}Transfer-Encoding: chunked\r\n\r\n`, '0\r\n\r\n']);
        assert.equal(chunked.status, 411);
    });

    test('73 bytes that claim gigabytes, and bombs that really inflate', async () => {
        assert.equal(tinyBomb().length, 73);
        await assertError(post(code, tinyBomb()), 413, 'image_too_large');
        const before = readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1];
        const bomb = deflateBomb(1000);
        assert.ok(bomb.length < IMAGE_MAX);
        const answer = await post(code, bomb);
        assert.ok([413, 415].includes(answer.status), answer.text);
        await assertError(post(code, png(16, 16, { claim: [7000, 7000] })), 415, 'image_broken');
        const peak = readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1];
        assert.ok(peak - before < 64 << 10, `the server itself took ${peak - before} KiB`);
        await classGoesOn();
    });

    test('a JPEG of thousands of scans, each a pass over all pixels', async () => {
        const file = jpeg(320, 200, { progressive: true });
        const scan = file.subarray(file.indexOf(Buffer.from([0xff, 0xda])), -2);
        const of = (scans) => Buffer.concat([file.subarray(0, -2), ...Array(scans - 1).fill(scan), file.subarray(-2)]);
        await sent(code, of(10));
        await assertError(post(code, of(101)), 413, 'image_too_large');
        await classGoesOn();
    });

    test('30 megabytes are refused at once, before they are sent', async () => {
        const head = `POST /rooms/${code}/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${teacher()}\r\nContent-Length: 30000000\r\n\r\n`;
        const answer = await rawHttp(server, head);
        assert.equal(answer.status, 413);
        assert.equal(answer.body.error.code, 'body_too_large');
        assert.ok(answer.closed);
        await assertError(post(code, Buffer.alloc(IMAGE_MAX + 1)), 413, 'body_too_large');
        await classGoesOn();
    });

    test('the default limit takes photos of twenty megabytes, not thirty', async () => {
        const own = await startServer({ redis });
        try {
            const open = await openClass(own);
            const padded = (size) => Buffer.concat([png(8, 8), Buffer.alloc(size)]); // what follows the end is ignored
            await sent(open.code, padded(20_000_000), teacher(), { on: own });
            await assertError(post(open.code, padded(30_000_000), teacher(), { on: own }), 413, 'body_too_large');
        } finally {
            await own.stop();
        }
    });
});

describe('a decoder in trouble', () => {
    /** Ids of the processes that the server has started. */
    const children = (pid) => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((name) => {
        try {
            const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
            return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(pid);
        } catch {
            return false; // gone
        }
    }).map(Number);

    const lockedIn = (pid) => /^NoNewPrivs:\s*1$/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));

    /** Sends a large image and stops its decoder in the middle. Resolves with {answer (a promise), pid}. */
    async function stopped(on, code, token) {
        const answer = post(code, large, token, { on });
        const pid = await waitFor(() => children(on.pid).find(lockedIn), { what: 'a decoder', every: 1 });
        process.kill(pid, 'SIGSTOP');
        return { answer, pid };
    }

    let large;
    before(() => { large = jpeg(8000, 6000, { paint: (x, y) => [x * y & 255, x >> 5, y >> 5] }); });

    test('that hangs is ended; that crashes costs one upload; a class goes on meanwhile', async () => {
        const own = await startServer({ redis, env: { LECTERN_IMAGE_TIMEOUT_MS: limit(3000), LECTERN_IMAGE_WORKERS: 1 } });
        try {
            const { code, host, students: [s1] } = await openClass(own, { students: ['s1'] });
            const hanging = await stopped(own, code);
            await say(host, 'student', 'while it hangs');
            await s1.next({ message: 'while it hangs' });
            await assertError(hanging.answer, 413, 'image_too_large');
            assert.deepEqual(children(own.pid), [], 'ended and reaped');
            const crashing = await stopped(own, code);
            process.kill(crashing.pid, 'SIGABRT'); // as a failed assertion does
            process.kill(crashing.pid, 'SIGCONT');
            await assertError(crashing.answer, 415, 'image_broken');
            assert.equal(await metric('image_crashes_total', own), 1);
            await sent(code, png(8, 8), teacher(), { on: own });
            assert.equal(await metric('images_total', own), 1);
        } finally {
            await own.stop();
        }
    });

    test('is reaped also where whoever started the server ignores the end of children', async () => {
        const own = await startServer({ redis, wrap: ['env', '--ignore-signal=CHLD'] });
        try {
            const ignored = BigInt(`0x${/^SigIgn:\s*(\w+)/m.exec(readFileSync(`/proc/${own.pid}/status`, 'latin1'))[1]}`);
            assert.equal(ignored >> 16n & 1n, 0n, 'SIGCHLD');
            const { code } = await openClass(own);
            await sent(code, png(8, 8), teacher(), { on: own });
            assert.deepEqual(children(own.pid), []);
        } finally {
            await own.stop();
        }
    });

    test('does not hold up the end of the server', async () => {
        const own = await startServer({ redis, env: { LECTERN_IMAGE_TIMEOUT_MS: Math.min(limit(60000), 300_000), LECTERN_DRAIN_S: 0 } });
        const { code } = await openClass(own);
        const { answer, pid } = await stopped(own, code);
        answer.catch(() => {}); // its connection may be cut
        assert.equal(await own.stop(), 0);
        assert.ok(!readdirSync('/proc').includes(String(pid)), 'the decoder is gone too');
    });

    test('does not outlive a server that is killed', async () => {
        const own = await startServer({ redis });
        const { code } = await openClass(own);
        const { answer, pid } = await stopped(own, code);
        answer.catch(() => {});
        await own.kill('SIGKILL');
        await waitFor(() => !readdirSync('/proc').includes(String(pid)), { what: 'the end of the decoder' });
    });

    test('one user may send four at a time, others are not kept from it', async () => {
        const own = await startServer({ redis, env: { LECTERN_IMAGE_WORKERS: 2 } });
        try {
            const { code } = await openClass(own, { students: ['s1', 's2'], query: { talk: 'all' } });
            const token = student({ sub: 's1' });
            const head = (length) => `POST /rooms/${code}/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n`
                + `Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
            const file = png(8, 8);
            const slow = [];
            for (let i = 0; i < 4; i++) {
                const raw = await rawSocket(own);
                slow.push(raw);
                raw.write(head(file.length));
                await waitFor(() => /100 Continue/.test(raw.text()), { what: 'the server to receive' });
            }
            await assertError(post(code, file, token, { on: own }), 503, 'images_busy');
            await sent(code, file, student({ sub: 's2' }), { on: own });
            for (const raw of slow) raw.write(file);
            for (const raw of slow) await waitFor(() => /"thumbUrl"/.test(raw.text()), { what: 'the answer' });
            for (const raw of slow) raw.destroy();
            await sent(code, file, token, { on: own });
        } finally {
            await own.stop();
        }
    });

    test('of one user one at a time is decoded, others pass', async () => {
        const own = await startServer({ redis, env: { LECTERN_IMAGE_TIMEOUT_MS: Math.min(limit(60000), 300_000), LECTERN_IMAGE_WORKERS: 2 } });
        try {
            const { code } = await openClass(own, { students: ['s1', 's2'], query: { talk: 'all' } });
            const first = await stopped(own, code, student({ sub: 's1' }));
            let done = false;
            const second = sent(code, png(8, 8), student({ sub: 's1' }), { on: own }).then(() => { done = true; });
            for (let i = 0; i < 8; i++) await sent(code, png(8, 8), student({ sub: 's2' }), { on: own });
            assert.equal(done, false, 'it waits for the first');
            process.kill(first.pid, 'SIGKILL');
            await assertError(first.answer, 415, 'image_broken');
            await second;
        } finally {
            await own.stop();
        }
    });

    test('whoever has them work in vain has to wait, others do not', async () => {
        const own = await startServer({ redis, env: { LECTERN_IMAGE_TIMEOUT_MS: 21000 } });
        try {
            const { code } = await openClass(own, { students: ['s1', 's2'], query: { talk: 'all' } });
            const { answer } = await stopped(own, code, student({ sub: 's1' }));
            await assertError(answer, 413, 'image_too_large');
            const { headers } = await assertError(post(code, png(8, 8), student({ sub: 's1' }), { on: own }), 429, 'too_many_attempts');
            assert.match(headers['retry-after'], /^[1-9]\d*$/);
            await sent(code, png(8, 8), student({ sub: 's2' }), { on: own });
        } finally {
            await own.stop();
        }
    });

    test('many at once: each is taken or told to come again, and pages are served meanwhile', async () => {
        const own = await startServer({ redis, env: { LECTERN_HTTP_THREADS: 32, LECTERN_IMAGE_WORKERS: 1 } });
        try {
            const { code, host } = await openClass(own);
            const file = jpeg(1600, 1200);
            const answers = Array.from({ length: 12 }, () => post(code, file, teacher(), { on: own }));
            for (let i = 0; i < 10; i++) {
                assert.equal((await get('/healthz', {}, own)).status, 200);
                await say(host, 'student', i);
            }
            const statuses = (await Promise.all(answers)).map(({ status, body, headers }) => {
                if (status === 503) {
                    assert.equal(body.error.code, 'images_busy');
                    assert.match(headers['retry-after'], /^[1-9]\d*$/);
                }
                return status;
            });
            assert.ok(statuses.includes(200));
            assert.ok(statuses.every((status) => status === 200 || status === 503), statuses.join(' '));
        } finally {
            await own.stop();
        }
    });
});

describe('how long a file lives', () => {
    const gone = (url, on) => waitFor(async () => (await get(url, {}, on)).status === 404, { what: 'the end of the file', timeout: limit(15000), every: 100 });
    const fileKeys = (code) => redis.client.keys(`file:${code}:*`);

    test('as long as the room, and LECTERN_KEEP_S after it; then nothing is left', async () => {
        const { code, host } = await openClass(other);
        const { url, thumbUrl } = await sent(code, png(30, 20), teacher(), { on: other });
        const [key] = await fileKeys(code);
        assert.equal(await redis.client.pttl(key), -1);
        await host.request({ messageType: 'end' });
        await roomGone(redis, code);
        assert.equal((await get(url, {}, other)).status, 200);
        assert.equal((await get(thumbUrl)).status, 200);
        const left = await redis.client.pttl(key);
        assert.ok(left > 0 && left <= 2000, `${left} ms left`);
        await gone(url, other);
        await gone(thumbUrl, server);
        assert.deepEqual(await fileKeys(code), []);
        assert.deepEqual(await redis.client.keys(`*${code}*`), []);
    });

    test('ends with a host who is lost, too', async () => {
        const { code, host } = await openClass(other);
        const { url } = await sent(code, png(30, 20), teacher(), { on: other });
        host.terminate();
        await roomGone(redis, code);
        await gone(url, other);
        assert.deepEqual(await fileKeys(code), []);
    });

    test('an upload that the end of the room overtakes leaves nothing', async () => {
        const { code, host } = await openClass(server);
        const file = png(300, 200);
        const raw = await rawSocket(server);
        raw.write(`POST /rooms/${code}/images HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${teacher()}\r\nContent-Length: ${file.length}\r\nExpect: 100-continue\r\n\r\n`);
        await waitFor(() => /100 Continue/.test(raw.text()), { what: 'the server to receive' });
        await host.request({ messageType: 'end' });
        await roomGone(redis, code);
        await openClass(server, { code }); // another room with the same code
        raw.write(file);
        await waitFor(() => /room_not_found/.test(raw.text()), { what: 'the refusal' });
        raw.destroy();
        assert.deepEqual(await fileKeys(code), []);
    });

    test('a room has so much space', async () => {
        const own = await startServer({ redis, env: { LECTERN_IMAGES_ROOM_MAX: 65536 } });
        try {
            const { code } = await openClass(own);
            for (let i = 0; i < 4; i++) await sent(code, png(8, 8), teacher(), { on: own }); // each counts as 16 KiB at least
            await assertError(post(code, png(8, 8), teacher(), { on: own }), 409, 'room_files_full');
            const second = await openClass(own);
            await assertError(post(second.code, png(400, 400, { paint: () => [1, 2, 3].map(() => Math.random() * 256) }), teacher(), { on: own }), 409, 'room_files_full');
            await sent(second.code, png(8, 8), teacher(), { on: own });
        } finally {
            await own.stop();
        }
    });

    test('after Redis was emptied files come back with their room', async () => {
        const lone = await startRedis();
        const own = await startServer({ redis: lone, env: { LECTERN_LEASE_S: 2 } });
        try {
            const { code, host } = await openClass(own);
            const { url } = await sent(code, png(30, 20), teacher(), { on: own });
            const { buffer } = await get(url, {}, own);
            await lone.client.flushall();
            await waitFor(async () => (await lone.client.exists(`room:${code}:info`)) === 1, { what: 'the room', timeout: limit(15000) });
            await waitFor(async () => {
                await get(url, {}, own);
                return (await lone.client.keys(`file:${code}:*`)).length === 1;
            }, { what: 'the file', timeout: limit(15000), every: 100 });
            assert.deepEqual((await get(url, {}, own)).buffer, buffer);
            const second = await startServer({ redis: lone });
            assert.deepEqual((await get(url, {}, second)).buffer, buffer);
            await second.stop();
            await say(host, 'student', 'and the class goes on');
        } finally {
            await own.stop();
            await lone.stop();
        }
    });

    test('without Redis: what this server has is shown, nothing is taken', async () => {
        const lone = await startRedis();
        const own = await startServer({ redis: lone, env: { LECTERN_REDIS_TIMEOUT_MS: 300 } });
        try {
            const { code } = await openClass(own);
            const { url } = await sent(code, png(30, 20), teacher(), { on: own });
            lone.kill('SIGSTOP');
            await assertError(post(code, png(8, 8), teacher(), { on: own }), 503, 'unavailable');
            assert.equal((await get(url, {}, own)).status, 200);
            await assertError(get(url.replace(/.{4}$/, 'aaaa'), {}, own), 503, 'unavailable');
        } finally {
            lone.kill('SIGCONT');
            await own.stop();
            await lone.stop();
        }
    });
});

test('a class that is shown an image gets it, and Redis is asked a few times only', async () => {
    const { code, host } = await openClass(server, { students: ['s1'] });
    const s2 = await joinClass(other, code, host, 's2');
    const image = await sent(code, jpeg(1600, 1200, { paint: (x, y) => [x * y & 255, x >> 3 & 255, y >> 3 & 255] }));
    const before = await metric('files_fetched_total', other);
    await host.request({ targetType: 'student', messageType: 'image', message: image });
    const { message } = await s2.next('image');
    const answers = await Promise.all(Array.from({ length: 40 }, () => get(message.url, { timeout: limit(20000) }, other)));
    assert.ok(answers.every(({ status, buffer }) => status === 200 && buffer.length === image.bytes));
    const fetched = await metric('files_fetched_total', other) - before;
    assert.ok(fetched >= 1 && fetched <= 4, `${fetched} times`);
    assert.ok(await metric('file_cache_bytes', other) >= image.bytes);
});
