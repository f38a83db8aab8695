/** Images on their way: one at a time, kept when the network goes, refused with a reason. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock, load } from '../client/support.mjs';

const { Uploads, MOST_UPLOADS } = await load('../ui/image/uploads');
const { kindOf, prepareImage, SHRINK_ABOVE } = await load('../ui/image/prepare');

const FILE = { url: '/files/a', thumbUrl: '/files/b', width: 1, height: 1, bytes: 1 };
const refusal = (status, code) => ({ ok: false, status, code, message: code });
const turn = () => new Promise((resolve) => setImmediate(resolve));

function file(name, text = 'data') {
    return Object.assign(new Blob([text]), { name });
}

/** Uploads whose server answers as the test says: `answer(i, answer)` for the i-th that began. */
function setUp(online = true) {
    const clock = new Clock();
    const begun = [];
    const done = [];
    const previews = new Set();
    const uploads = new Uploads({
        prepare: async (blob) =>
            (await blob.text()) === 'text'
                ? { ok: false, why: 'not_an_image' }
                : { ok: true, blob, shrunk: false },
        upload: (blob, onProgress, signal) =>
            new Promise((resolve) => {
                begun.push({ resolve, onProgress, signal });
                signal.addEventListener('abort', () => resolve(refusal(0, 'aborted')));
            }),
        done: (image, name) => done.push(name),
        preview: () => {
            previews.add(`blob:${previews.size}`);
            return `blob:${previews.size - 1}`;
        },
        unpreview: (url) => previews.delete(url),
        online: () => online,
        setTimeout: clock.setTimeout,
        clearTimeout: clock.clearTimeout,
    });
    const answer = async (index, value) => {
        begun[index].resolve(value);
        await turn();
    };
    const stages = () => uploads.all.map(({ stage }) => stage.name);
    return { uploads, clock, begun, done, previews, answer, stages };
}

test('images go one after the other, in the order in which they were chosen', async () => {
    const { uploads, begun, done, previews, answer, stages } = setUp();
    uploads.add([file('a.jpg'), file('b.jpg')]);
    await turn();
    assert.deepEqual(stages(), ['uploading', 'waiting']);
    begun[0].onProgress(0.5);
    assert.equal(uploads.all[0].stage.fraction, 0.5);
    await answer(0, { ok: true, value: FILE });
    assert.deepEqual(done, ['a.jpg']);
    await answer(1, { ok: true, value: FILE });
    assert.deepEqual(done, ['a.jpg', 'b.jpg']);
    assert.deepEqual(uploads.all, []);
    assert.equal(previews.size, 0, 'nothing is kept in memory');
});

test('a file that is no image says so, and holds nothing up', async () => {
    const { uploads, begun, stages } = setUp();
    uploads.add([file('a.txt', 'text'), file('b.jpg')]);
    await turn();
    await turn();
    assert.deepEqual(stages(), ['failed', 'uploading']);
    assert.equal(uploads.all[0].stage.code, 'not_an_image');
    assert.equal(begun.length, 1);
    uploads.cancel(uploads.all[0].key);
    assert.deepEqual(stages(), ['uploading']);
});

test('a lost network keeps the file and tries again', async () => {
    const { uploads, clock, begun, done, answer } = setUp(false);
    uploads.add([file('a.jpg')]);
    await turn();
    for (let tries = 0; tries < 8; tries += 1) {
        await answer(tries, refusal(0, 'unreachable'));
        assert.deepEqual(uploads.all[0].stage, { name: 'pausing', why: 'unreachable' });
        clock.advance(20_000);
        await turn();
    }
    assert.equal(begun.length, 9);
    await answer(8, { ok: true, value: FILE });
    assert.deepEqual(done, ['a.jpg']);
});

test('the network’s return ends the wait', async () => {
    const { uploads, begun, answer } = setUp(false);
    uploads.add([file('a.jpg')]);
    await turn();
    await answer(0, refusal(0, 'unreachable'));
    uploads.resume();
    await turn();
    assert.equal(begun.length, 2);
});

test('a body that is cut off again and again is too much for the server', async () => {
    const { uploads, clock, answer } = setUp(true);
    uploads.add([file('a.jpg')]);
    await turn();
    for (let tries = 0; tries < 4; tries += 1) {
        await answer(tries, refusal(0, 'unreachable'));
        clock.advance(20_000);
        await turn();
    }
    assert.deepEqual(uploads.all[0].stage, { name: 'failed', code: 'cut_off' });
});

test('a busy server is asked again when it says, a refusal is final until retried', async () => {
    const { uploads, clock, begun, answer } = setUp();
    uploads.add([file('a.jpg')]);
    await turn();
    await answer(0, { ...refusal(503, 'images_busy'), retryAfterMs: 9000 });
    assert.deepEqual(uploads.all[0].stage, { name: 'pausing', why: 'busy' });
    clock.advance(8999);
    await turn();
    assert.equal(begun.length, 1);
    clock.advance(1);
    await turn();
    await answer(1, refusal(403, 'talk_forbidden'));
    assert.deepEqual(uploads.all[0].stage, { name: 'failed', code: 'talk_forbidden' });
    clock.advance(100_000);
    await turn();
    assert.equal(begun.length, 2);
    uploads.retry(uploads.all[0].key);
    await turn();
    assert.equal(begun.length, 3);
});

test('a sign-in that is over is renewed meanwhile: the file waits for that', async () => {
    const { uploads, begun, done, answer, stages } = setUp();
    uploads.add([file('a.jpg')]);
    await turn();
    await answer(0, refusal(401, 'token_expired'));
    assert.deepEqual(stages(), ['pausing']);
    uploads.resume();
    await turn();
    await answer(1, { ok: true, value: FILE });
    assert.deepEqual([begun.length, done], [2, ['a.jpg']]);
});

test('a disk that is full is no matter of waiting', async () => {
    const { uploads, answer, stages } = setUp();
    uploads.add([file('a.bin'), file('b.bin')]);
    await turn();
    await answer(0, refusal(507, 'files_full'));
    assert.deepEqual(stages(), ['failed', 'uploading']);
    await answer(1, refusal(503, 'files_busy'));
    assert.deepEqual(stages(), ['failed', 'pausing']);
});

test('cancelling stops what is under way and goes on with the next', async () => {
    const { uploads, begun, done, answer } = setUp();
    uploads.add([file('a.jpg'), file('b.jpg')]);
    await turn();
    uploads.cancel(uploads.all[0].key);
    assert.equal(begun[0].signal.aborted, true);
    await turn();
    await answer(1, { ok: true, value: FILE });
    assert.deepEqual(done, ['b.jpg']);
});

test('only so many can wait', async () => {
    const { uploads } = setUp();
    const many = Array.from({ length: MOST_UPLOADS + 1 }, (_, n) => file(`${n}.jpg`));
    uploads.add(many);
    assert.equal(uploads.all.length, MOST_UPLOADS);
    assert.equal(uploads.tooMany, true);
    uploads.close();
    assert.deepEqual(uploads.all, []);
});

test('images are known by their first bytes', async () => {
    const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    assert.equal(kindOf(bytes('\xff\xd8\xff\xe1....')), 'jpeg');
    assert.equal(kindOf(bytes('\x89PNG\r\n\x1a\n')), 'png');
    assert.equal(kindOf(bytes('GIF89a')), 'gif');
    assert.equal(kindOf(bytes('BM......')), 'bmp');
    assert.equal(kindOf(bytes('RIFF\x00\x01\x02\x03WEBPVP8 ')), 'other');
    assert.equal(kindOf(bytes('\0\0\0\x18ftypheic')), 'other');
    for (const text of ['', '%PDF-1.7', '<svg xmlns=', 'hello']) {
        assert.equal(kindOf(bytes(text)), null);
    }
    const small = new Blob([bytes('\xff\xd8\xff\xe1'), new Uint8Array(SHRINK_ABOVE - 4)]);
    assert.deepEqual(await prepareImage(small), { ok: true, blob: small, shrunk: false });
    assert.deepEqual(await prepareImage(new Blob(['text'])), { ok: false, why: 'not_an_image' });
});
