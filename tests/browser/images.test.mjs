/** Images in a class: chosen, dropped, pasted; upright and small; refused in plain words. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit } from '../integration/harness.mjs';
import { checkView, openStudent, openTeacher, startAll } from './support.mjs';

/** A photo as a phone held upright takes it: lying on its side, with a note to turn it (EXIF 6). */
async function portraitPhoto(page, width, height) {
    const base64 = await page.evaluate(
        async ([w, h]) => {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [w, h];
            const context = canvas.getContext('2d');
            // Turned by a quarter, the left edge is the top.
            context.fillStyle = '#d02020';
            context.fillRect(0, 0, w / 2, h);
            context.fillStyle = '#2050d0';
            context.fillRect(w / 2, 0, w / 2, h);
            // Something between top and bottom that does not compress to nothing.
            const noise = context.createImageData(w / 2, h);
            for (let i = 0, seed = 1; i < noise.data.length; i += 1) {
                seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
                noise.data[i] = i % 4 === 3 ? 255 : (seed >> 16) & 255;
            }
            context.putImageData(noise, w / 4, 0);
            const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.95));
            const url = await new Promise((done) => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result);
                reader.readAsDataURL(blob);
            });
            return url.split(',')[1];
        },
        [width, height],
    );
    const jpeg = Buffer.from(base64, 'base64');
    const tiff = Buffer.from('4d4d002a00000008000101120003000000010006000000000000', 'hex');
    const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff]);
    const head = Buffer.from([0xff, 0xd8, 0xff, 0xe1, 0, exif.length + 2]);
    return Buffer.concat([head, exif, jpeg.subarray(2)]);
}

/** Whether the picture behind that element stands upright: taller than wide, red at the top. */
const standing = (image) =>
    image.evaluate(async (element) => {
        await element.decode();
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [element.naturalWidth, element.naturalHeight];
        const context = canvas.getContext('2d', { willReadFrequently: true });
        context.drawImage(element, 0, 0);
        const at = (y) => [...context.getImageData(canvas.width / 2, y, 1, 1).data];
        const [top, bottom] = [at(canvas.height * 0.02), at(canvas.height * 0.98)];
        return {
            upright: canvas.height > canvas.width && top[0] > top[2] && bottom[2] > bottom[0],
            edge: Math.max(canvas.width, canvas.height),
        };
    });

/** Hands files to the page as the browser does with what is dropped or pasted. */
const hand = (field, type, { name, buffer }) =>
    field.evaluate(
        (element, [kind, fileName, base64]) => {
            const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], fileName, { type: 'image/jpeg' }));
            const init = { bubbles: true, cancelable: true };
            const event =
                kind === 'paste'
                    ? new ClipboardEvent(kind, { ...init, clipboardData: data })
                    : new DragEvent(kind, { ...init, dataTransfer: data });
            element.dispatchEvent(event);
        },
        [type, name, buffer.toString('base64')],
    );

test('images', { timeout: limit(240_000) }, async (t) => {
    const all = await startAll(t);
    const { page, code, complaints } = await openTeacher(t, all);
    const phone = await openStudent(t, all, code, '지우');
    const mine = phone.page;
    const input = page.getByTestId('image-input').first();
    const field = page.getByRole('textbox', { name: 'Message' });
    const choose = (name, buffer, mimeType = 'image/jpeg') =>
        input.setInputFiles({ name, buffer, mimeType });
    const uploads = page.getByRole('list', { name: 'Images on their way' });
    const shown = (where, name) =>
        where.getByRole('log').getByRole('button', { name: `Enlarge: ${name}` });
    const small = await portraitPhoto(page, 800, 600);
    const photo = await portraitPhoto(page, 4000, 3000);
    assert.ok(photo.length > 4_000_000, `${photo.length} bytes`);

    await t.test('a small photo is upright, small in the talk and large on demand', async () => {
        await choose('beach.jpg', small);
        for (const where of [page, mine]) {
            const thumb = shown(where, 'beach.jpg');
            await thumb.waitFor();
            assert.equal((await standing(thumb.locator('img'))).upright, true);
        }
        // A line is as high before its picture is there as after.
        const thumb = shown(mine, 'beach.jpg');
        const before = await thumb.boundingBox();
        await mine.route('**/files/**', (route) => route.abort());
        await mine.reload();
        await mine.getByRole('log').getByRole('button', { name: 'no longer there' }).waitFor();
        await mine.unroute('**/files/**');
        await mine.reload();
        await thumb.waitFor();
        const after = await thumb.boundingBox();
        assert.deepEqual([after.width, after.height], [before.width, before.height]);
        await checkView(mine, 'student-image');
        await thumb.click();
        const dialog = mine.getByRole('dialog', { name: 'beach.jpg' });
        assert.equal((await standing(dialog.getByRole('img'))).upright, true);
        await checkView(mine, 'student-image-large');
        const box = await dialog.boundingBox();
        assert.ok(box.x >= 0 && box.y >= 0 && box.y + box.height <= 844, JSON.stringify(box));
        await mine.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        assert.equal(
            await mine.evaluate(() => document.activeElement.getAttribute('aria-label')),
            'Enlarge: beach.jpg',
        );
    });

    await t.test('a 12-megapixel portrait is made smaller and stays upright', async () => {
        await choose('IMG_0001.JPG', photo);
        await shown(mine, 'IMG_0001.JPG').waitFor();
        await shown(page, 'IMG_0001.JPG').click();
        const dialog = page.getByRole('dialog', { name: 'IMG_0001.JPG' });
        const { upright, edge } = await standing(dialog.getByRole('img'));
        assert.equal(upright, true);
        assert.ok(edge <= 2048, `long edge ${edge}`);
        await dialog.getByRole('button', { name: 'Close' }).click();
        await checkView(page, 'teacher-image');
    });

    await t.test('dropped and pasted images are sent too', async () => {
        await hand(field, 'paste', { name: 'pasted.jpg', buffer: small });
        await shown(mine, 'pasted.jpg').waitFor();
        await hand(field, 'dragenter', { name: 'x.jpg', buffer: small });
        await page.getByText('Drop the image here to send it').waitFor();
        await hand(field, 'drop', { name: 'dropped.jpg', buffer: small });
        await shown(mine, 'dropped.jpg').waitFor();
        assert.equal(await page.getByText('Drop the image here to send it').count(), 0);
    });

    await t.test('a kind that only the browser reads is sent as one that all do', async () => {
        const webp = await page.evaluate(async () => {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [40, 20];
            canvas.getContext('2d').fillRect(0, 0, 40, 20);
            const blob = await new Promise((done) => canvas.toBlob(done, 'image/webp'));
            return [...new Uint8Array(await blob.arrayBuffer())];
        });
        await choose('drawing.webp', Buffer.from(webp), 'image/webp');
        await shown(mine, 'drawing.webp').waitFor();
    });

    await t.test('what is no image says so, and can be taken away', async () => {
        await choose('notes.jpg', Buffer.from('These are not the bytes of an image.'));
        await uploads.getByText('This file is not an image.').first().waitFor();
        await choose('broken.jpg', Buffer.concat([small.subarray(0, 400)]));
        await uploads.getByText('The image is damaged').first().waitFor();
        await checkView(page, 'teacher-image-refused');
        await uploads.getByRole('button', { name: 'Remove notes.jpg' }).click();
        await uploads.getByRole('button', { name: 'Remove broken.jpg' }).click();
        await uploads.waitFor({ state: 'detached' });
    });

    await t.test('30 MB that cannot be made smaller are refused in words', async () => {
        const huge = Buffer.concat([small.subarray(0, 400), Buffer.alloc(30_000_000, 0x55)]);
        await choose('huge.jpg', huge);
        await uploads.getByText('The file is too big (30 MB).').first().waitFor();
        await uploads.getByRole('button', { name: 'Remove huge.jpg' }).click();
        await field.fill('still here');
        await field.press('Enter');
        await mine.getByRole('log').getByText('still here').waitFor();
    });

    await t.test('a network lost meanwhile keeps the file, and sends it later', async () => {
        await field.fill('typed meanwhile');
        // The request dies under way, as it does when the Wi-Fi goes.
        await page.route('**/images', (route) => route.abort('internetdisconnected'));
        await choose('later.jpg', photo);
        await uploads.getByText('The connection is lost. The image is kept').first().waitFor();
        await uploads.getByText(/^Made smaller: .+ in place of [\d.]+ MB\.$/).waitFor();
        await checkView(page, 'teacher-image-offline');
        await page.unroute('**/images');
        await page.evaluate(() => window.dispatchEvent(new Event('online')));
        await shown(mine, 'later.jpg').waitFor();
        await uploads.waitFor({ state: 'detached' });
        assert.equal(await field.inputValue(), 'typed meanwhile');
    });

    await t.test('a server that dies and comes back gets what was chosen meanwhile', async () => {
        const revive = await all.crash();
        await choose('patient.jpg', small);
        await uploads.getByText('The connection is lost. The image is kept').first().waitFor();
        await revive();
        await shown(mine, 'patient.jpg').waitFor();
        await uploads.waitFor({ state: 'detached' });
    });

    await t.test('everything is there after a reload', async () => {
        await page.reload();
        for (const name of ['beach.jpg', 'IMG_0001.JPG', 'dropped.jpg', 'patient.jpg']) {
            await shown(page, name).waitFor();
            assert.equal(await shown(page, name).count(), 1, name);
        }
    });

    const refusals = [/Failed to load resource/, /net::ERR/, /WebSocket connection to/];
    assert.deepEqual(complaints(refusals), []);
    assert.deepEqual(phone.complaints(refusals), []);
});
