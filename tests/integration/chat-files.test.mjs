// Files in chats: uploaded in pieces, shown as messages with a state, read whole and in parts, erased with their message. The same
// with files in a directory and in an S3-compatible bucket.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bmp, jpeg, look, png } from './pictures.mjs';
import { granted, login, signUp } from './accounts.mjs';
import { begin, bytesOf, fetchFile, listen, upload } from './chat-files.mjs';
import { chat, group, known, ok, refusedWith, somebody } from './chat-rest.mjs';
import { api, connect, limit, mintToken, rawSocket, startRedis, startServer, waitFor } from './harness.mjs';
import { stores } from './postgres.mjs';
import { startS3 } from './s3.mjs';

const FILE_MAX = 6_000_000;
const YOUNG_MS = 3000; // an upload that began so lately is nobody's business (src/chat/sweeper.c)
let redis;
before(async () => { redis = await startRedis(); });
after(() => redis.stop());

const fileId = ({ message }) => /^\/files\/(f[a-z2-7]{26})$/.exec(message.url)[1];
const stateOf = async (server, who, room, id) => {
    const { messages } = ok(await chat(server, who).history(room));
    return messages.find((message) => message.id === id)?.message.state;
};
const metric = async (server, name) => {
    const { text } = await api(server, 'GET', '/metrics');
    return Number(new RegExp(`^lectern_${name} (\\S+)$`, 'm').exec(text)[1]);
};

/** The names of what a directory of files holds, parts left out. */
function kept(dir) {
    return readdirSync(dir).filter((name) => name.length === 2)
        .flatMap((shard) => readdirSync(path.join(dir, shard)));
}
const parts = (dir) => readdirSync(path.join(dir, 'part'));

// Where the bytes are, and in which store what is known of them.
const places = [
    { name: 'a directory', store: stores[0], start: async () => ({ env: {}, names: (server) => kept(path.join(server.dataDir, 'files')), stop() {} }) },
    {
        name: 'a bucket', store: stores[1],
        start: async () => {
            const s3 = await startS3();
            return { s3, env: { LECTERN_FILES_URL: s3.url() }, names: () => [...s3.objects.keys()], stop: () => s3.stop() };
        },
    },
];

for (const kind of places) {
    describe(`files in ${kind.name}, with ${kind.store.name}`, () => {
        let place, store, server, owner, member, stranger, room;
        before(async () => {
            place = await kind.start();
            store = await kind.store.start();
            server = await startServer({ redis, env: { ...place.env, ...await store.fresh(), LECTERN_FILE_MAX: FILE_MAX, LECTERN_HTTP_THREADS: 32,
                LECTERN_RATE_STUDENT: '1000/1000' } });
            [owner, member, stranger] = [somebody({ type: 'teacher' }), somebody(), somebody()];
            await known(server, stranger);
            room = (await group(server, '파일 방', owner, member)).id;
        });
        after(async () => {
            await server.stop();
            await store.stop();
            await place.stop();
        });

        test('one that is uploaded is announced, kept, told of, and read by everybody who has its address', async () => {
            const heard = await listen(redis, room);
            const body = bytesOf(300_001);
            const message = ok(await upload(server, member, room, body, { name: '숙제 3.hwp', type: 'Application/X-HWP; v=5', ref: 'r1' }), 201);
            assert.match(message.id, new RegExp(`^${room}\\.\\d+$`));
            assert.equal(message.room, `room:${room}`);
            assert.equal(message.sender, member.id);
            assert.equal(message.senderName, member.name);
            assert.equal(message.messageType, 'file');
            assert.equal(message.ref, 'r1');
            assert.deepEqual(message.message, {
                url: `/files/${fileId(message)}`, name: '숙제 3.hwp', type: 'application/x-hwp', bytes: body.length, state: 'ready',
            });
            const begun = await heard.next(({ id }) => id === message.id);
            assert.equal(begun.messageType, 'file');
            assert.deepEqual(begun.message, { ...message.message, state: 'uploading' });
            assert.equal(begun.ref, undefined);
            const done = await heard.next(({ messageType, message: m }) => messageType === 'file-state' && m.id === message.id);
            assert.deepEqual(done.message, { id: message.id, state: 'ready' });
            assert.match(done.seal, /^[a-z2-7]{12}$/);
            heard.stop();
            const shown = ok(await chat(server, owner).history(room)).messages.find(({ id }) => id === message.id);
            assert.deepEqual(shown.message, message.message);
            assert.equal(shown.ref, undefined);
            const answer = await fetchFile(server, message.message.url);
            assert.equal(answer.status, 200);
            assert.deepEqual(answer.buffer, body);
            assert.equal(answer.headers['content-type'], 'application/x-hwp');
            assert.equal(answer.headers['x-content-type-options'], 'nosniff');
            assert.match(answer.headers['content-security-policy'], /default-src 'none'.*sandbox/);
            assert.equal(answer.headers['content-disposition'],
                'attachment; filename="__ 3.hwp"; filename*=UTF-8\'\'%EC%88%99%EC%A0%9C%203.hwp');
            assert.match(answer.headers['cache-control'], /^private, .*immutable/);
            assert.ok(place.names(server).includes(fileId(message)));
        });

        test('sockets that follow the room see it come and become ready, or fail', async () => {
            const socket = await connect(server, { room, token: owner.token, query: { history: 0 } });
            const { id, message } = ok(await upload(server, member, room, bytesOf(2000), { name: 'seen.txt' }), 201);
            const begun = await socket.next((heard) => heard.id === id);
            assert.deepEqual(begun.message, { ...message, state: 'uploading' });
            const ready = await socket.next('file-state');
            assert.deepEqual(ready.message, { id, state: 'ready' });
            const read = await socket.next('read');
            assert.deepEqual([read.sender, read.message], [member.id, { lastReadMessage: id }], 'who sends has read all before');
            assert.equal(await redis.client.hget(`room:${room}:read`, member.id), id);
            const raw = await begin(server, member, room, 5000);
            const { id: cut } = await socket.next('file');
            raw.destroy();
            const failed = await socket.next('file-state');
            assert.deepEqual([failed.message.id, failed.message.state], [cut, 'failed']);
            await socket.close();
            const later = await connect(server, { room, token: member.token, query: { history: 2 } });
            const replayed = await later.next((heard) => heard.id === id);
            assert.equal(replayed.message.state, 'ready');
            await later.close();
        });

        test('found by its name in a search', async () => {
            const name = `보고서${Date.now()}.pdf`;
            const { id } = ok(await upload(server, member, room, bytesOf(10), { name, type: 'application/pdf' }), 201);
            const { messages } = ok(await chat(server, owner).search(name.slice(0, 8)));
            assert.deepEqual(messages.map((message) => message.id), [id]);
        });

        test('of any size up to the limit, none and one byte included', async () => {
            for (const size of [0, 1, 16_384, 16_385, 65_536, 65_537, FILE_MAX]) {
                const body = bytesOf(size, size + 1);
                const { message } = ok(await upload(server, member, room, body), 201);
                assert.equal(message.bytes, size);
                const answer = await fetchFile(server, message.url);
                assert.equal(answer.status, 200);
                assert.ok(answer.buffer.equals(body), `${size} bytes`);
            }
            refusedWith(await upload(server, member, room, bytesOf(FILE_MAX + 1)), 413, 'body_too_large');
        });

        test('read in ranges, as players of videos do', async () => {
            const body = bytesOf(3_000_000, 7);
            const { message } = ok(await upload(server, member, room, body, { name: 'film.mp4', type: 'video/mp4' }), 201);
            const part = async (range, first, last, extra = {}) => {
                const answer = await fetchFile(server, message.url, { headers: { Range: range, ...extra } });
                assert.equal(answer.status, 206, range);
                assert.equal(answer.headers['content-range'], `bytes ${first}-${last}/${body.length}`);
                assert.equal(answer.headers['content-length'], String(last - first + 1));
                assert.ok(answer.buffer.equals(body.subarray(first, last + 1)), range);
                return answer;
            };
            const whole = await fetchFile(server, message.url);
            const etag = whole.headers.etag;
            assert.equal(whole.headers['accept-ranges'], 'bytes');
            assert.match(whole.headers['content-disposition'], /^inline; /);
            await part('bytes=0-', 0, 2_999_999);
            await part('bytes=0-1', 0, 1);
            await part('bytes=1000000-1999999', 1_000_000, 1_999_999);
            await part('bytes=2999999-', 2_999_999, 2_999_999);
            await part('bytes=-500', 2_999_500, 2_999_999);
            await part('bytes=2900000-9999999', 2_900_000, 2_999_999);
            await part('bytes=5-9', 5, 9, { 'If-Range': etag });
            for (const headers of [{ Range: 'bytes=0-1,5-6' }, { Range: 'bytes=x' }, { Range: 'bytes=5-9', 'If-Range': '"other"' }]) {
                const answer = await fetchFile(server, message.url, { headers });
                assert.equal(answer.status, 200);
                assert.ok(answer.buffer.equals(body));
            }
            for (const range of ['bytes=3000000-', 'bytes=-0']) {
                const { headers } = refusedWith(await fetchFile(server, message.url, { headers: { Range: range } }), 416, 'range_not_satisfiable');
                assert.equal(headers['content-range'], 'bytes */3000000');
            }
            const head = await fetchFile(server, message.url, { method: 'HEAD', headers: { Range: 'bytes=0-1' } });
            assert.equal(head.status, 200);
            assert.equal(head.headers['content-length'], '3000000');
            assert.equal(head.buffer.length, 0);
            const same = await fetchFile(server, message.url, { headers: { 'If-None-Match': etag } });
            assert.equal(same.status, 304);
            assert.equal(same.buffer.length, 0);
        });

        test('images go through the decoder, as in class rooms', async () => {
            const { message, messageType, id } = ok(await upload(server, member, room, jpeg(300, 200, { orientation: 6 }),
                { name: '사진.jpeg', type: 'image/jpeg' }), 201);
            assert.equal(messageType, 'image');
            assert.equal(message.width, 200);
            assert.equal(message.height, 300);
            assert.equal(message.state, 'ready');
            assert.equal(message.name, '사진.jpeg');
            assert.equal(message.thumbUrl, `${message.url}.t`);
            const image = await fetchFile(server, message.url);
            assert.equal(image.buffer.length, message.bytes);
            assert.equal(look(image.buffer).width, 200);
            assert.match(image.headers['content-disposition'], /^inline; /);
            const thumb = await fetchFile(server, message.thumbUrl);
            assert.equal(thumb.status, 200);
            assert.equal(thumb.headers['content-type'], 'image/jpeg');
            assert.equal(look(thumb.buffer).height, 300);
            assert.equal((await fetchFile(server, message.thumbUrl, { method: 'HEAD' })).status, 200);
            assert.equal(await stateOf(server, owner, room, id), 'ready');
            const clear = ok(await upload(server, member, room, png(20, 10, { alpha: true, paint: (x) => [x, x, x, x * 4] }), { name: 'a.bmp', type: 'image/png' }), 201);
            assert.equal(clear.message.name, 'a.png');
            assert.equal((await fetchFile(server, clear.message.thumbUrl)).headers['content-type'], 'image/png');
            const asked = ok(await upload(server, member, room, bmp(30, 20), { type: 'application/octet-stream', as: 'image', name: null }), 201);
            assert.equal(asked.messageType, 'image');
            assert.equal(asked.message.name, 'file.jpg');
        });

        test('what only calls itself an image is a file, and an image can be sent as one', async () => {
            const picture = jpeg(30, 20, { orientation: 6 });
            const asFile = ok(await upload(server, member, room, picture, { name: 'raw.jpg', type: 'image/jpeg', as: 'file' }), 201);
            assert.equal(asFile.messageType, 'file');
            assert.deepEqual((await fetchFile(server, asFile.message.url)).buffer, picture);
            const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
            const drawn = ok(await upload(server, member, room, svg, { name: 'x.svg', type: 'image/svg+xml' }), 201);
            assert.equal(drawn.messageType, 'file');
            assert.match((await fetchFile(server, drawn.message.url)).headers['content-disposition'], /^attachment; /);
            const lie = ok(await upload(server, member, room, svg, { name: 'x.png', type: 'image/png' }), 201);
            assert.equal(lie.messageType, 'file');
            assert.equal(lie.message.type, 'application/octet-stream');
            assert.deepEqual((await fetchFile(server, lie.message.url)).text, svg);
            const before_ = place.names(server).length;
            refusedWith(await upload(server, member, room, svg, { as: 'image' }), 415, 'not_an_image');
            refusedWith(await upload(server, member, room, jpeg(300, 200).subarray(0, 2000), { type: 'image/jpeg' }), 415, 'image_broken');
            assert.equal(place.names(server).length, before_);
        });

        test('a page that somebody uploads is never shown as one', async () => {
            for (const type of ['text/html', 'application/xhtml+xml', 'image/svg+xml', 'text/xml', 'application/pdf', 'text/javascript', 'audio/x+xml']) {
                const { message } = ok(await upload(server, member, room, '<script>alert(1)</script>', { name: 'x.html', type }), 201);
                const { headers } = await fetchFile(server, message.url);
                assert.match(headers['content-disposition'], /^attachment; /, type);
                assert.equal(headers['x-content-type-options'], 'nosniff');
                assert.match(headers['content-security-policy'], /sandbox/);
            }
        });

        test('names lose what is no name', async () => {
            const names = {
                '../../etc/passwd': 'passwd', 'C:\\temp\\a.txt': 'a.txt', 'a\r\nX-Evil: 1.txt': 'aX-Evil_ 1.txt', '': 'file', '..': 'file',
                'photo\u202egnp.exe': 'photognp.exe', 'a"b\\c.txt': 'c.txt', '<script>.txt': '_script_.txt', 'CON.txt': '_CON.txt',
                '🎉 그림.png.exe': '🎉 그림.png.exe',
            };
            for (const [given, expected] of Object.entries(names)) {
                const { message } = ok(await upload(server, member, room, 'x', { name: given }), 201);
                assert.equal(message.name, expected);
                const { headers } = await fetchFile(server, message.url);
                const [, encoded] = /^attachment; filename="[^"\\\r\n]*"; filename\*=UTF-8''([A-Za-z0-9%!#$&+.^_`|~-]+)$/
                    .exec(headers['content-disposition']);
                assert.equal(decodeURIComponent(encoded), expected);
            }
            const long = ok(await upload(server, member, room, 'x', { name: `${'가'.repeat(400)}.hwp` }), 201);
            assert.match(long.message.name, /^가+\.hwp$/);
            assert.ok(Buffer.byteLength(long.message.name) <= 180);
            assert.equal(ok(await upload(server, member, room, 'x', { name: null }), 201).message.name, 'file');
        });

        test('what cannot be understood is refused, and the room hears nothing of it', async () => {
            const heard = await listen(redis, room);
            const bad = (options, field) => upload(server, member, room, 'x', options).then((answer) => {
                refusedWith(answer, 400, 'bad_field', field);
            });
            const header = (value) => ({ name: null, headers: { 'X-File-Name': value } });
            await bad(header('%zz'), 'X-File-Name');
            await bad(header('%ff%fe'), 'X-File-Name');
            await bad(header('a%00b'), 'X-File-Name');
            await bad(header('a'.repeat(5000)), 'X-File-Name');
            for (const type of ['text', 'text/', '/html', 'text/html/x', 'a b/c', '<x>/y']) await bad({ type }, 'Content-Type');
            for (const ref of ['a b', 'x'.repeat(65), '한글', '"']) await bad({ headers: { 'X-Ref': Buffer.from(ref).toString('latin1') } }, 'X-Ref');
            await bad({ as: 'page' }, 'as');
            const raw = async (lines) => {
                const socket = await rawSocket(server);
                socket.write(`POST /chat/room/${room}/files HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${member.token}\r\n${lines}\r\n\r\n`);
                await waitFor(() => /"code"/.test(socket.text()), { what: 'an answer' });
                socket.destroy();
                return socket.text();
            };
            assert.match(await raw('X-File-Name: a'), /^HTTP\/1\.1 411 [^]*length_required/);
            assert.match(await raw('Transfer-Encoding: chunked'), /^HTTP\/1\.1 411 /);
            assert.match(await raw('Content-Length: 12345678901234'), /^HTTP\/1\.1 413 /);
            assert.match(await raw('Content-Length: -5'), /^HTTP\/1\.1 400 /);
            refusedWith(await api(server, 'GET', `/chat/room/${room}/files`, { token: member.token }), 405, 'method_not_allowed');
            assert.deepEqual(heard.messages, []);
            heard.stop();
        });

        test('other people\'s rooms stay closed', async () => {
            const direct = ok(await chat(server, owner).direct(member.id), 201).id;
            const body = bytesOf(1000);
            for (const type of ['application/pdf', 'image/png']) {
                refusedWith(await upload(server, stranger, room, body, { type }), 403, 'not_member');
                refusedWith(await upload(server, stranger, direct, body, { type }), 404, 'room_not_found');
                refusedWith(await upload(server, member, 'caaaaaaaaaaaaaaa', body, { type }), 404, 'room_not_found');
                refusedWith(await upload(server, member, 'FTYXPM', body, { type }), 404, 'room_not_found');
            }
            refusedWith(await upload(server, null, room, body), 401, 'token_missing');
            refusedWith(await upload(server, { token: mintToken({ room: 'FTYXPM', device: 'a'.repeat(26) }) }, room, body), 403, 'account_required');
            refusedWith(await upload(server, { token: mintToken({ type: 'service' }) }, room, body), 403, 'account_required');
            const shared = ok(await upload(server, owner, direct, body), 201);
            assert.equal(shared.room, `room:${direct}`);
        });

        test('addresses that nobody was given lead to nothing', async () => {
            for (const id of ['f', `f${'a'.repeat(26)}`, `f${'a'.repeat(25)}1`, `f${'a'.repeat(27)}`, `F${'a'.repeat(26)}`, `f${'a'.repeat(26)}.x`, `f${'a'.repeat(26)}.t`]) {
                refusedWith(await fetchFile(server, `/files/${id}`), 404, 'file_not_found');
            }
        });

        test('a repeated ref is the first message again', async () => {
            const first = ok(await upload(server, member, room, bytesOf(70_000), { ref: 'same' }), 201);
            const names = place.names(server).length;
            const again = ok(await upload(server, member, room, bytesOf(70_000), { ref: 'same' }));
            assert.deepEqual(again, first);
            const image = ok(await upload(server, member, room, png(8, 8), { ref: 'pic', type: 'image/png' }), 201);
            assert.deepEqual(ok(await upload(server, member, room, png(8, 8), { ref: 'pic', type: 'image/png' })), image);
            await waitFor(() => place.names(server).length === names + 2, { what: 'the end of the second bytes' });
        });

        test('one that is cut off is told to have failed, and nothing of it is left', async () => {
            const heard = await listen(redis, room);
            const names = place.names(server);
            const raw = await begin(server, member, room, 2_000_000);
            raw.write(bytesOf(500_000));
            const { id } = await heard.next(({ messageType }) => messageType === 'file');
            assert.equal(await stateOf(server, owner, room, id), 'uploading');
            raw.destroy();
            const { message } = await heard.next(({ messageType }) => messageType === 'file-state');
            assert.deepEqual(message, { id, state: 'failed' });
            const shown = ok(await chat(server, owner).history(room)).messages.find((said) => said.id === id);
            assert.deepEqual(shown.message, { name: 'slow.bin', type: 'application/octet-stream', bytes: 2_000_000, state: 'failed' });
            assert.equal(await stateOf(server, owner, room, id), 'failed');
            assert.deepEqual(place.names(server), names);
            heard.stop();
        });

        test('is erased with its message, also while it is read or still on its way', async () => {
            const { id, message } = ok(await upload(server, member, room, png(400, 300), { type: 'image/png' }), 201);
            const file = fileId({ message });
            assert.ok(place.names(server).includes(`${file}.t`));
            assert.equal((await chat(server, member).erase(id)).status, 204);
            refusedWith(await fetchFile(server, message.url), 404, 'file_not_found');
            refusedWith(await fetchFile(server, message.thumbUrl), 404, 'file_not_found');
            await waitFor(() => !place.names(server).some((name) => name.startsWith(file)), { what: 'the end of its bytes', timeout: limit(30_000), every: 50 });
            const heard = await listen(redis, room);
            const raw = await begin(server, member, room, 100_000);
            const begun = await heard.next(({ messageType }) => messageType === 'file');
            assert.equal((await chat(server, owner).erase(begun.id)).status, 204);
            raw.write(bytesOf(100_000));
            await waitFor(() => /message_not_found/.test(raw.text()), { what: 'the answer' });
            raw.destroy();
            heard.stop();
            await waitFor(() => !place.names(server).includes(fileId(begun)), { what: 'the end of its bytes', timeout: limit(30_000), every: 50 });
        });

        test('of one whose message was deleted nothing is given out again, not even its name', async () => {
            const name = `비밀${Date.now()}.pdf`;
            const { id, message } = ok(await upload(server, member, room, bytesOf(3000), { name }), 201);
            const page = () => chat(server, owner).history(room, { after: Number(id.split('.')[1]) - 1, limit: 200 });
            assert.match((await page()).text, /file-state/);
            assert.equal((await chat(server, member).erase(id)).status, 204);
            const { text, status } = await page();
            assert.equal(status, 200);
            assert.ok(!text.includes(name) && !text.includes(fileId({ message })), text);
        });

        test('goes with its room', async () => {
            const own = (await group(server, '잠깐', owner)).id;
            const { message } = ok(await upload(server, owner, own, bytesOf(5000)), 201);
            ok(await chat(server, owner).leave(own), 204);
            await waitFor(async () => (await fetchFile(server, message.url)).status === 404, { what: 'the end of the file', timeout: limit(30_000), every: 50 });
            await waitFor(() => !place.names(server).includes(fileId({ message })), { what: 'the end of its bytes', timeout: limit(30_000), every: 50 });
        });

        test('one on its way outlives that its sender signs out or leaves, but not its room', async () => {
            const who = await signUp(server);
            const own = (await group(server, '나가는 중', who, member)).id;
            const ended = async (raw) => waitFor(() => /\r\n\r\n[^]*\r\n\r\n(\{.*\})$/.exec(raw.text())?.[1], { what: 'the answer' });
            const [first, second] = [await begin(server, who, own, 100_000), await begin(server, member, own, 100_000)];
            assert.equal((await api(server, 'POST', '/logout-all', { token: who.token, body: {} })).status, 200);
            refusedWith(await chat(server, who).mine(), 401, 'token_revoked');
            first.write(bytesOf(100_000));
            const { id, message } = JSON.parse(await ended(first));
            assert.equal(message.state, 'ready');
            assert.equal(await stateOf(server, member, own, id), 'ready');
            const again = { ...who, token: granted(await login(server, who.id)).token };
            ok(await chat(server, again).leave(own), 204);
            const heard = await listen(redis, own);
            ok(await chat(server, member).leave(own), 204);
            await heard.next(({ messageType }) => messageType === 'close');
            heard.stop();
            second.write(bytesOf(100_000));
            assert.match(await ended(second), /"message_not_found"/);
            await waitFor(() => !place.names(server).includes(fileId({ message })), { what: 'the end of its bytes', timeout: limit(30_000), every: 50 });
            for (const raw of [first, second]) raw.destroy();
        });

        test('one user may send four at a time, others are not kept from it', async () => {
            const slow = [];
            for (let i = 0; i < 4; i++) slow.push(await begin(server, member, room, 10_000, { name: `many${i}` }));
            const { headers } = refusedWith(await upload(server, member, room, 'x'), 503, 'files_busy');
            assert.match(headers['retry-after'], /^[1-9]/);
            ok(await upload(server, owner, room, 'x'), 201);
            for (const raw of slow) raw.write(bytesOf(10_000));
            for (const raw of slow) await waitFor(() => /"ready"/.test(raw.text()), { what: 'the answer' });
            for (const raw of slow) raw.destroy();
            ok(await upload(server, member, room, 'x'), 201);
        });

        test('many who read slowly hold no thread', async () => {
            const body = bytesOf(FILE_MAX, 9);
            const { message } = ok(await upload(server, member, room, body), 201);
            const open = () => new Promise((resolve, reject) => {
                const { port } = server;
                http.get({ host: '127.0.0.1', port, path: message.url, agent: false }, (response) => {
                    response.pause();
                    resolve(response);
                }).on('error', reject);
            });
            const readers = [];
            for (let i = 0; i < 60; i++) readers.push(await open()); // there are 32 threads
            for (let i = 0; i < 20; i++) assert.equal((await api(server, 'GET', '/healthz')).status, 200);
            const read = async (response) => {
                const chunks = [];
                for await (const chunk of response) chunks.push(chunk);
                return Buffer.concat(chunks);
            };
            const small = ok(await upload(server, member, room, bytesOf(100)), 201);
            const all = await Promise.all(Array.from({ length: 200 }, () => fetchFile(server, small.message.url, { timeout: limit(30_000) })));
            assert.ok(all.every(({ status, buffer }) => status === 200 && buffer.length === 100));
            readers.splice(0, 20).forEach((response) => response.destroy());
            for (const got of await Promise.all(readers.map(read))) assert.ok(got.equals(body));
        });
    });
}

describe('what the server holds of a large file', () => {
    const peak = (pid) => Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) * 1024;

    for (const kind of places) {
        test(`is a piece, on its way into ${kind.name} and out of it`, async () => {
            const place = await kind.start();
            const server = await startServer({ redis, env: place.env });
            try {
                const who = somebody({ type: 'teacher' });
                const room = (await group(server, 'large', who)).id;
                ok(await upload(server, who, room, bytesOf(1000)), 201);
                const before_ = peak(server.pid);
                const body = bytesOf(50 * 1024 * 1024, 3);
                const { message } = ok(await upload(server, who, room, body, { timeout: limit(60_000) }), 201);
                const answer = await fetchFile(server, message.url, { timeout: limit(60_000) });
                assert.ok(answer.buffer.equals(body));
                const grown = peak(server.pid) - before_;
                // Sanitizers keep what is freed; without them it is less than a tenth of the file.
                const most = /asan|tsan|address|thread/.test(process.env.LECTERN_BIN ?? '') ? 40 : 5;
                assert.ok(grown < most * 1024 * 1024, `${grown} bytes more`);
                const raw = await begin(server, who, room, body.length + 1);
                assert.match(raw.text(), /^HTTP\/1\.1 413 [^]*body_too_large/);
                raw.destroy();
            } finally {
                await server.stop();
                await place.stop();
            }
        });
    }
});

test('an upload that pauses for too long has failed', async () => {
    const server = await startServer({ redis });
    try {
        const who = somebody({ type: 'teacher' });
        const room = (await group(server, 'pause', who)).id;
        const raw = await begin(server, who, room, 2_000_000);
        raw.write(bytesOf(1_000_000)); // far ahead of the least rate
        await waitFor(() => /408[^]*request_timeout/.test(raw.text()), { what: 'the end of patience', timeout: limit(30_000), every: 50 });
        raw.destroy();
        const { messages } = ok(await chat(server, who).history(room));
        assert.equal(messages.at(-1).message.state, 'failed');
    } finally {
        await server.stop();
    }
});

test('without Redis files are taken and read; the room finds them in the store', async () => {
    const lone = await startRedis();
    const server = await startServer({ redis: lone, env: { LECTERN_REDIS_TIMEOUT_MS: 200 } });
    try {
        const who = somebody({ type: 'teacher' });
        const room = (await group(server, 'no Redis', who)).id;
        lone.kill('SIGSTOP');
        const { id, message } = ok(await upload(server, who, room, bytesOf(100_000)), 201);
        assert.equal(await stateOf(server, who, room, id), 'ready');
        assert.equal((await fetchFile(server, message.url)).buffer.length, 100_000);
    } finally {
        lone.kill('SIGCONT');
        await server.stop();
        await lone.stop();
    }
});

describe('when there is no space', () => {
    test('a disk that is full ends the upload, not the server', async () => {
        const server = await startServer({ redis, wrap: ['prlimit', '--fsize=4000000'] }); // files may not be larger
        try {
            const who = somebody({ type: 'teacher' });
            const room = (await group(server, 'full', who)).id;
            const heard = await listen(redis, room);
            const raw = await begin(server, who, room, 5_000_000);
            raw.write(bytesOf(100_000));
            await waitFor(() => /files_full/.test(raw.text()), { what: 'the refusal' });
            assert.match(raw.text(), /507/);
            raw.destroy();
            await heard.next(({ messageType, message }) => messageType === 'file-state' && message.state === 'failed');
            heard.stop();
            assert.deepEqual(parts(path.join(server.dataDir, 'files')), []);
            ok(await upload(server, who, room, bytesOf(3_000_000)), 201);
        } finally {
            await server.stop();
        }
    });

    test('LECTERN_FILES_MAX bounds all files together; those that are erased leave their space', async () => {
        const server = await startServer({ redis, env: { LECTERN_FILES_MAX: 100_000 } });
        try {
            const who = somebody({ type: 'teacher' });
            const room = (await group(server, 'budget', who)).id;
            const { id } = ok(await upload(server, who, room, bytesOf(60_000)), 201);
            refusedWith(await upload(server, who, room, bytesOf(60_000)), 507, 'files_full');
            ok(await upload(server, who, room, bytesOf(40_000)), 201);
            refusedWith(await upload(server, who, room, png(8, 8), { type: 'image/png' }), 507, 'files_full');
            ok(await chat(server, who).erase(id), 204);
            ok(await upload(server, who, room, bytesOf(60_000)), 201);
        } finally {
            await server.stop();
        }
    });

    test('a directory that cannot be used stops the start', async () => {
        await assert.rejects(startServer({ redis, env: { LECTERN_FILES_URL: 'file:/proc/nothing/here' } }), /files: \/proc\/nothing\/here/);
    });
});

describe('uploads that nobody will finish', () => {
    test('those of a server that was killed are told to have failed by another one, which can read what was ready', async () => {
        const dir = (await startServer({ redis })); // only to have a directory that outlives the others
        const env = { LECTERN_LEASE_S: 2, LECTERN_FILES_URL: `file:${path.join(dir.dataDir, 'shared')}`, LECTERN_STORE_URL: `sqlite:${path.join(dir.dataDir, 'shared.db')}` };
        const [first, second] = [await startServer({ redis, env }), await startServer({ redis, env })];
        try {
            const who = somebody({ type: 'teacher' });
            const room = (await group(first, 'killed', who)).id;
            const { message: ready } = ok(await upload(first, who, room, bytesOf(100_000)), 201);
            const heard = await listen(redis, room);
            const raw = await begin(first, who, room, 1_000_000);
            raw.write(bytesOf(500_000));
            const { id } = await heard.next(({ messageType }) => messageType === 'file');
            await first.kill('SIGKILL');
            raw.destroy();
            const { message } = await heard.next(({ messageType }) => messageType === 'file-state', { timeout: limit(40_000), every: 50 });
            assert.equal(message.id, id);
            assert.equal(message.state, 'failed');
            assert.equal(await stateOf(second, who, room, id), 'failed');
            assert.equal((await fetchFile(second, ready.url)).buffer.length, 100_000);
            assert.equal(heard.messages.filter(({ messageType }) => messageType === 'file-state').length, 1);
            heard.stop();
        } finally {
            await second.stop();
            await dir.stop();
        }
    });

    test('those of its own earlier life, and what it left on disk', async () => {
        const env = { LECTERN_SERVER_ID: `again-${process.pid}`, LECTERN_LEASE_S: 2 };
        const first = await startServer({ redis, env });
        const files = path.join(first.dataDir, 'files');
        const who = somebody({ type: 'teacher' });
        const room = (await group(first, 'again', who)).id;
        ok(await upload(first, who, room, bytesOf(100)), 201);
        const raw = await begin(first, who, room, 1_000_000, { name: 'left.bin' });
        raw.write(bytesOf(500_000));
        await waitFor(() => parts(files).length === 1, { what: 'a part' });
        await first.kill('SIGKILL');
        raw.destroy();
        const old = new Date(Date.now() - 3 * 3600 * 1000);
        utimesSync(path.join(files, 'part', parts(files)[0]), old, old);
        writeFileSync(path.join(files, 'part', 'young'), 'still being written by somebody');
        const [owned] = kept(files);
        const orphan = `f${owned.slice(1, 3)}${'a'.repeat(24)}`;
        for (const name of [owned, orphan]) {
            const at = path.join(files, name.slice(1, 3), name);
            if (name === orphan) writeFileSync(at, 'nobody\'s');
            utimesSync(at, old, old);
        }
        const second = await startServer({ redis, env, dataDir: first.dataDir });
        try {
            await waitFor(async () => {
                const { messages } = ok(await chat(second, who).history(room));
                return messages.find(({ message }) => message?.name === 'left.bin').message.state === 'failed';
            }, { what: 'the end of the upload', timeout: limit(30_000), every: 50 });
            await waitFor(() => !kept(files).includes(orphan), { what: 'the end of the file without owner', timeout: limit(30_000) });
            assert.deepEqual(readdirSync(path.join(files, 'lost')), [orphan]);
            assert.ok(existsSync(path.join(files, owned.slice(1, 3), owned)));
            assert.deepEqual(parts(files), ['young']);
        } finally {
            await second.stop();
        }
    });

    test('one whose end the store does not hear of, for it is away: told when it is back', async () => {
        const store = await stores[1].start();
        const server = await startServer({ redis, env: { ...await store.fresh(), LECTERN_LEASE_S: 2, LECTERN_STORE_TIMEOUT_MS: 1000 } });
        try {
            const who = somebody({ type: 'teacher' });
            const room = (await group(server, 'away', who)).id;
            const heard = await listen(redis, room);
            const raw = await begin(server, who, room, 100_000);
            const { id } = await heard.next(({ messageType }) => messageType === 'file');
            await store.postgres.kill();
            raw.write(bytesOf(100_000));
            await waitFor(() => /^HTTP\/1\.1 503 [^]*unavailable/m.test(raw.text()), { what: 'the answer', timeout: limit(20_000) });
            raw.destroy();
            await store.postgres.restart();
            const { message } = await heard.next(({ messageType }) => messageType === 'file-state', { timeout: limit(60_000), every: 50 });
            assert.deepEqual([message.id, message.state], [id, 'failed']);
            await waitFor(() => kept(path.join(server.dataDir, 'files')).length === 0, { what: 'the end of its bytes' });
            heard.stop();
        } finally {
            await server.stop();
            await store.stop();
        }
    });

    test('one whose message came to be after nobody could say so', async () => {
        const store = await stores[1].start();
        const env = await store.fresh();
        const server = await startServer({ redis, env: { ...env, LECTERN_LEASE_S: 2, LECTERN_STORE_TIMEOUT_MS: 500 } });
        try {
            const who = somebody({ type: 'teacher' });
            const room = (await group(server, 'unknown', who)).id;
            const base = new URL(env.LECTERN_STORE_URL).pathname.slice(1);
            await store.postgres.query(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2); RETURN NULL; END';
                CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON chat_files DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`, base);
            refusedWith(await upload(server, who, room, bytesOf(1000)), 503, 'unavailable');
            await waitFor(async () => (await store.postgres.query('SELECT count(*) FROM chat_files', base)) === '1', { what: 'the late commit', timeout: limit(20_000), every: 100 });
            await waitFor(async () => {
                const answer = await chat(server, who).history(room);
                return answer.status === 200 && answer.body.messages.at(-1).message.state === 'failed';
            }, { what: 'the end of the upload', timeout: limit(30_000), every: 100 });
        } finally {
            await server.stop();
            await store.stop();
        }
    });

    test('a Redis that has lost a lease for a moment does not end the uploads of a server that lives', async () => {
        const dir = await startServer({ redis }); // only to have a directory that outlives the others
        const env = { LECTERN_LEASE_S: 12, LECTERN_FILES_URL: `file:${path.join(dir.dataDir, 'shared')}`, LECTERN_STORE_URL: `sqlite:${path.join(dir.dataDir, 'shared.db')}` };
        const [first, second] = [await startServer({ redis, env: { ...env, LECTERN_SERVER_ID: `a-${process.pid}` } }), await startServer({ redis, env })];
        try {
            const who = somebody({ type: 'teacher' });
            const room = (await group(first, 'lease', who)).id;
            const old = [ok(await upload(first, who, room, bytesOf(100)), 201), ok(await upload(first, who, room, bytesOf(100)), 201)];
            const raw = await begin(first, who, room, 5_000_000);
            const dripping = setInterval(() => raw.write(bytesOf(20_000)), 500);
            const { ts, message: { state } } = ok(await chat(second, who).history(room)).messages.at(-1);
            assert.equal(state, 'uploading');
            await waitFor(() => Date.now() > ts + YOUNG_MS, { what: 'an upload that is not young', timeout: limit(20_000) });
            await redis.client.del(`server:a-${process.pid}:alive`);
            for (const { id, message } of old) { // which wakes the second one's sweeper, and again when it has looked
                ok(await chat(second, who).erase(id), 204);
                await waitFor(() => !kept(path.join(dir.dataDir, 'shared')).includes(fileId({ message })), { what: 'its sweep', timeout: limit(60_000), every: 50 });
            }
            const { messages } = ok(await chat(second, who).history(room));
            clearInterval(dripping);
            raw.destroy();
            assert.equal(messages.at(-1).message.state, 'uploading');
        } finally {
            await first.stop();
            await second.stop();
            await dir.stop();
        }
    });

    test('a server that ends tells of them itself', async () => {
        const server = await startServer({ redis, env: { LECTERN_DRAIN_S: 0 } });
        const who = somebody({ type: 'teacher' });
        const room = (await group(server, 'ending', who)).id;
        const heard = await listen(redis, room);
        const raw = await begin(server, who, room, 1_000_000);
        raw.write(bytesOf(500_000));
        await heard.next(({ messageType }) => messageType === 'file');
        await server.stop();
        raw.destroy();
        const { message } = await heard.next(({ messageType }) => messageType === 'file-state');
        assert.equal(message.state, 'failed');
        heard.stop();
    });
});

describe('a bucket in trouble', () => {
    let s3, server, who, room;
    before(async () => {
        s3 = await startS3();
        server = await startServer({ redis, env: { LECTERN_FILES_URL: s3.url(), LECTERN_LEASE_S: 2 } });
        who = somebody({ type: 'teacher' });
        room = (await group(server, 'bucket', who)).id;
    });
    after(async () => {
        await server.stop();
        await s3.stop();
    });

    test('what was put there is signed, and nothing is refused', async () => {
        ok(await upload(server, who, room, bytesOf(2_000_000)), 201);
        assert.equal(s3.counts.refused, 0);
        assert.ok(s3.counts.PUT >= 1);
    });

    test('a wrong key, secret or bucket: uploads fail with 503, and the log says why but not the secret', async () => {
        for (const [login, said] of [[{ secret: 'wrong-secret' }, 'SignatureDoesNotMatch'], [{ key: 'WRONG' }, 'InvalidAccessKeyId'], [{ bucket: 'other' }, 'NoSuchBucket']]) {
            const own = await startServer({ redis, env: { LECTERN_FILES_URL: s3.url(login) } });
            try {
                const own_room = (await group(own, 'wrong', who)).id;
                refusedWith(await upload(own, who, own_room, bytesOf(1000)), 503, 'unavailable');
                const { messages } = ok(await chat(own, who).history(own_room));
                assert.equal(messages.at(-1).message.state, 'failed');
                refusedWith(await upload(own, who, own_room, png(8, 8), { type: 'image/png' }), 503, 'unavailable');
                await waitFor(() => own.log().includes(said), { what: said });
                await waitFor(() => /no file can be kept/.test(own.log()), { what: 'the warning of the start' });
                assert.ok(!own.log().includes('wrong-secret') && !own.log().includes('a/secret'));
            } finally {
                await own.stop();
            }
        }
    });

    test('one that is away: 503 for uploads and files; when it is back all goes on', async () => {
        const { message } = ok(await upload(server, who, room, bytesOf(200_000)), 201);
        await s3.stop();
        refusedWith(await upload(server, who, room, bytesOf(1000)), 503, 'unavailable');
        const { headers } = refusedWith(await fetchFile(server, message.url), 503, 'unavailable');
        assert.match(headers['retry-after'], /^\d+$/);
        assert.equal((await api(server, 'GET', '/readyz')).status, 200);
        await s3.start();
        assert.equal((await fetchFile(server, message.url)).buffer.length, 200_000);
        ok(await upload(server, who, room, bytesOf(1000)), 201);
    });

    test('one that is full', async () => {
        const small = await startS3({ space: 10_000 });
        const own = await startServer({ redis, env: { LECTERN_FILES_URL: small.url() } });
        try {
            const own_room = (await group(own, 'full', who)).id;
            refusedWith(await upload(own, who, own_room, bytesOf(20_000)), 507, 'files_full');
        } finally {
            await own.stop();
            await small.stop();
        }
    });

    test('one that refuses for a while', async () => {
        const { message } = ok(await upload(server, who, room, bytesOf(200_000)), 201);
        s3.refuseWith = 503;
        refusedWith(await upload(server, who, room, bytesOf(1000)), 503, 'unavailable');
        refusedWith(await fetchFile(server, message.url), 503, 'unavailable');
        s3.refuseWith = null;
        assert.equal((await fetchFile(server, message.url)).status, 200);
    });

    test('an object that is gone is 404, one that ends too early is never taken for whole', async () => {
        const { message } = ok(await upload(server, who, room, bytesOf(2_000_000)), 201);
        s3.onGet = (response, part) => {
            response.write(part.subarray(0, 1_000_000), () => response.destroy());
        };
        await assert.rejects(fetchFile(server, message.url));
        s3.onGet = null;
        assert.equal((await fetchFile(server, message.url)).buffer.length, 2_000_000);
        s3.objects.delete(fileId({ message }));
        refusedWith(await fetchFile(server, message.url), 404, 'file_not_found');
    });

    test('a message that is deleted while it is away is erased there when it is back', async () => {
        const { id, message } = ok(await upload(server, who, room, bytesOf(1000)), 201);
        await s3.stop();
        ok(await chat(server, who).erase(id), 204);
        refusedWith(await fetchFile(server, message.url), 404, 'file_not_found');
        await s3.start();
        await waitFor(() => !s3.objects.has(fileId({ message })), { what: 'the end of the object', timeout: limit(40_000), every: 50 });
    });

    test('one object that it does not erase keeps no others', async () => {
        const files = [];
        for (let i = 0; i < 3; i++) files.push(ok(await upload(server, who, room, bytesOf(1000)), 201));
        s3.locked.add(fileId(files[0]));
        for (const { id } of files) ok(await chat(server, who).erase(id), 204);
        await waitFor(() => files.slice(1).every((file) => !s3.objects.has(fileId(file))), { what: 'the end of the others', timeout: limit(20_000), every: 50 });
        assert.ok(s3.objects.has(fileId(files[0])));
        s3.locked.clear();
        await waitFor(() => !s3.objects.has(fileId(files[0])), { what: 'the end of the first', timeout: limit(20_000), every: 50 });
    });

    test('what was put there although it did not say so is erased again', async () => {
        const names = [...s3.objects.keys()];
        s3.silentPut = true;
        refusedWith(await upload(server, who, room, bytesOf(1000)), 503, 'unavailable');
        s3.silentPut = false;
        await waitFor(() => s3.objects.size === names.length, { what: 'the end of the object', timeout: limit(20_000), every: 50 });
    });

    test('readers that stand still do not make the server hold what they did not take', async () => {
        const { message } = ok(await upload(server, who, room, bytesOf(30_000_000), { timeout: limit(60_000) }), 201);
        s3.sent = 0;
        s3.onGet = (response, part) => {
            let at = 0;
            const more = () => {
                while (at < part.length) {
                    const next = part.subarray(at, at + 65_536);
                    at += next.length;
                    s3.sent += next.length;
                    if (!response.write(next)) return void response.once('drain', more);
                }
                response.end();
            };
            more();
        };
        const response = await new Promise((resolve, reject) => {
            http.get({ host: '127.0.0.1', port: server.port, path: message.url, agent: false }, resolve).on('error', reject);
        });
        response.pause();
        let last = -1;
        await waitFor(() => {
            const same = last === s3.sent;
            last = s3.sent;
            return same && last > 0;
        }, { what: 'the bucket to be held back', every: 300, timeout: limit(20_000) });
        assert.ok(last < 30_000_000, `${last} bytes were asked for`);
        let got = 0;
        for await (const chunk of response) got += chunk.length;
        assert.equal(got, 30_000_000);
        s3.onGet = null;
    });

    test('a class that is shown an image gets it, and the bucket is asked a few times only', async () => {
        const { message } = ok(await upload(server, who, room, jpeg(1600, 1200), { type: 'image/jpeg' }), 201);
        const before_ = s3.counts.GET;
        const answers = await Promise.all(Array.from({ length: 100 }, () => fetchFile(server, message.url, { timeout: limit(20_000) })));
        assert.ok(answers.every(({ status, buffer, headers }) => status === 200 && buffer.length === message.bytes && headers['content-type'] === 'image/jpeg'));
        const asked = s3.counts.GET - before_;
        assert.ok(asked >= 1 && asked <= 16, `${asked} times`);
        const part = await fetchFile(server, message.url, { headers: { Range: 'bytes=0-9' } });
        assert.equal(part.status, 206);
        assert.deepEqual(part.buffer, answers[0].buffer.subarray(0, 10));
    });

    test('two servers share it', async () => {
        const other = await startServer({ redis, env: { LECTERN_FILES_URL: s3.url(), LECTERN_STORE_URL: `sqlite:${path.join(server.dataDir, 'lectern.db')}` } });
        try {
            const body = bytesOf(500_000, 5);
            const { message, id } = ok(await upload(server, who, room, body), 201);
            assert.ok((await fetchFile(other, message.url)).buffer.equals(body));
            ok(await chat(other, who).erase(id), 204);
            refusedWith(await fetchFile(server, message.url), 404, 'file_not_found');
        } finally {
            await other.stop();
        }
        assert.equal(await metric(server, 'files_uploading'), 0);
    });
});
