/** Images on the student page: the teacher's, and one's own where the class may talk. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { api, asTeacher, limit, mintToken } from '../integration/harness.mjs';
import { checkAccessibility, openPage, screenshot, startAll } from './support.mjs';

const CODE = 'ARTROOM1';
const PHONE = { locale: 'ko-KR', viewport: { width: 390, height: 844 }, hasTouch: true };

function crc32(bytes) {
    let crc = ~0;
    for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc >>> 0;
}

/** A PNG of that size, in a colour that runs from side to side. */
function png(width, height) {
    const chunk = (type, data) => {
        const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
        const frame = Buffer.alloc(8);
        frame.writeUInt32BE(data.length, 0);
        frame.writeUInt32BE(crc32(body), 4);
        return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
    };
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 2, 0, 0, 0], 8);
    const row = Buffer.alloc(1 + 3 * width);
    for (let x = 0; x < width; x += 1) row.set([(255 * x) / width, 120, 200], 1 + 3 * x);
    const pixels = deflateSync(Buffer.concat(Array(height).fill(row)));
    const magic = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
    return Buffer.concat([
        magic,
        chunk('IHDR', head),
        chunk('IDAT', pixels),
        chunk('IEND', Buffer.alloc(0)),
    ]);
}

test('images on the student page', { timeout: limit(120_000) }, async (t) => {
    const { server, browser, origin } = await startAll(t);
    const query = { hold: 60, talk: 'all' };
    const host = await asTeacher(server, CODE, { name: '김하늘' }, { query });
    const { page, complaints } = await openPage(t, browser, PHONE);
    await page.goto(`${origin}/student/?room=${CODE}`);
    await page.getByLabel('이름').fill('민준');
    await page.getByRole('button', { name: '참여하기' }).click();
    const { sender: me } = await host.next('join');
    const log = page.getByRole('log');
    const field = page.getByRole('textbox', { name: '메시지' });
    const choose = (name, mimeType, buffer) =>
        page.getByTestId('image-input').setInputFiles({ name, mimeType, buffer });
    const image = (fields) => ({ messageType: 'image', ...fields });

    await t.test('the teacher’s image is seen, enlarged and closed again', async () => {
        const { status, body } = await api(server, 'POST', `/rooms/${CODE}/images`, {
            token: mintToken({ type: 'teacher', secret: server.secret }),
            body: png(640, 960),
            headers: { 'content-type': 'image/png' },
        });
        assert.equal(status, 200);
        const message = { ...body, text: '<b>꽃</b>' };
        host.send({ targetType: 'student', ...image({ message }) });
        const thumb = log.getByRole('button', { name: '크게 보기: <b>꽃</b>' });
        await thumb.waitFor();
        const loaded = () => document.querySelector('.image-thumb img').naturalWidth > 0;
        await page.waitForFunction(loaded);
        await checkAccessibility(page);
        await screenshot(page, 'student-image');
        await thumb.click();
        const dialog = page.getByRole('dialog', { name: '<b>꽃</b>' });
        await dialog.waitFor();
        await checkAccessibility(page);
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        assert.ok(await thumb.evaluate((button) => button === document.activeElement));
    });

    await t.test('one’s own goes to the teacher, and is there after a reload', async () => {
        await field.fill('쓰던 글');
        await choose('화분.png', 'image/png', png(300, 200));
        const { sender, targetType, message } = await host.next(image({}));
        assert.equal(sender, me);
        assert.equal(targetType, 'teacher');
        assert.deepEqual([message.width, message.height], [300, 200]);
        assert.equal(message.name, '화분.png');
        await log.getByRole('button', { name: '크게 보기: 화분.png' }).waitFor();
        await page.reload();
        await log.getByRole('button', { name: '크게 보기: 화분.png' }).waitFor();
        await log.getByRole('button', { name: '크게 보기: <b>꽃</b>' }).waitFor();
        assert.equal(await log.getByRole('button', { name: /^크게 보기/ }).count(), 2);
        assert.equal(await field.inputValue(), '쓰던 글');
    });

    await t.test('what is no image, or far too big, says so; nothing else is lost', async () => {
        await choose('숙제.png', 'image/png', Buffer.from('이것은 글이다'));
        await page.getByText('이미지 파일이 아니에요.').locator('visible=true').first().waitFor();
        await checkAccessibility(page);
        await page.getByRole('button', { name: '숙제.png 빼기' }).click();
        // It begins as an image does, and no browser can make it smaller.
        const dir = await mkdtemp(path.join(tmpdir(), 'lectern-image-'));
        t.after(() => rm(dir, { recursive: true, force: true }));
        const big = path.join(dir, '큰것.png');
        await writeFile(big, Buffer.concat([png(10, 10).subarray(0, 33), Buffer.alloc(30e6, 7)]));
        await page.getByTestId('image-input').setInputFiles(big);
        await page.getByText(/파일이 너무 커요 \(30 MB\)/).locator('visible=true').first().waitFor();
        await page.getByRole('button', { name: '큰것.png 빼기' }).click();
        assert.equal(await field.inputValue(), '쓰던 글');
        await page.locator('.uploads').waitFor({ state: 'detached' });
    });

    await t.test('a network that goes away keeps the image and sends it later', async () => {
        await page.context().setOffline(true);
        await choose('나중에.png', 'image/png', png(120, 90));
        await page.getByText('이미지는 그대로 있고').locator('visible=true').first().waitFor();
        await page.context().setOffline(false);
        const { message } = await host.next(image({ sender: me }), { timeout: limit(60_000) });
        assert.ok(message.url.startsWith('/files/'));
        await log.getByRole('button', { name: '크게 보기: 나중에.png' }).waitFor();
    });

    await t.test('an upload that breaks off is tried again by itself', async () => {
        const images = '**/rooms/*/images';
        await page.route(images, (route) => route.abort('connectionreset'), { times: 1 });
        await choose('둘째.png', 'image/png', png(90, 90));
        await page.getByText('이미지는 그대로 있고').locator('visible=true').first().waitFor();
        const sent = await host.next(image({ sender: me }), { timeout: limit(60_000) });
        assert.equal(sent.message.name, '둘째.png');
        await page.locator('.uploads').waitFor({ state: 'detached' });
    });

    await t.test('an image stays for those for whom it was chosen', async () => {
        const images = '**/rooms/*/images';
        const to = (audience) => page.getByRole('button', { name: audience, exact: true }).click();
        for (const [chosen, later, expected] of [
            ['선생님만', '모두', 'teacher'],
            ['모두', '선생님만', 'all'],
        ]) {
            let go;
            const held = new Promise((resolve) => (go = resolve));
            await page.route(images, (route) => held.then(() => route.continue()), { times: 1 });
            await to(chosen);
            const asked = page.waitForRequest(images);
            await choose(`${expected}.png`, 'image/png', png(60, 60));
            await asked;
            await to(later);
            await page.getByRole('button', { name: later, pressed: true }).waitFor();
            go();
            const ofIt = ({ messageType, message }) =>
                messageType === 'image' && message.name === `${expected}.png`;
            assert.equal((await host.next(ofIt)).targetType, expected);
        }
    });

    await t.test('where the class may not talk there are no images to send', async () => {
        host.send({ messageType: 'settings', message: { talk: 'teacher' } });
        await page.getByRole('button', { name: '이미지 보내기' }).waitFor({ state: 'detached' });
    });

    const expected = [/status of 4(13|15)/, /ERR_/, /WebSocket connection/, /status of 400/];
    assert.deepEqual(complaints(expected), []);
});
