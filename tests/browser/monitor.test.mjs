/** The dashboard of the event feed: who gets in, what it shows, and that much of it does no harm. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limit, mintToken, waitFor } from '../integration/harness.mjs';
import { post, serviceToken } from '../integration/feed.mjs';
import { LAPTOP, PHONE, checkView, openPage, startAll } from './support.mjs';

const COMMUNITY = 'community_monitor';
const TRADE = 'trade_chat_monitor';
const CHANNELS = [COMMUNITY, 'chat_monitor', TRADE, 'exe_monitor', 'scan_monitor', 'fake_scan_monitor'];

const row = (page, channel) => page.locator(`tr[data-channel="${channel}"]`);
const cells = async (page, channel) => row(page, channel).locator('td').allTextContents();
const items = (page) => page.locator('.monitor-list > li');
const connected = (page) => page.locator('.monitor-state[data-state="open"]').waitFor();

async function openMonitor(t, all, token, options = {}, query = '') {
    const opened = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP, ...options });
    await opened.page.goto(`${all.origin}/monitor/${query}${token ? `#token=${token}` : ''}`);
    return opened;
}

test('dashboard', { timeout: limit(240_000) }, async (t) => {
    const all = await startAll(t);
    const { server, redis, crash } = all;
    const publish = (channel, data) => redis.client.publish(channel, JSON.stringify(data));

    await t.test('asks for a token, says what is wrong with one, and keeps it in the tab', async (t) => {
        const { page, complaints } = await openMonitor(t, all, null);
        const field = page.getByLabel('Access token');
        const open = page.getByRole('button', { name: 'Open' });
        await field.waitFor();
        await checkView(page, 'monitor-token');
        await open.click();
        await page.getByText('A token has three parts').waitFor();
        await field.fill('a.b.c');
        await open.click();
        await page.getByText('This token is not valid.').waitFor();
        await field.fill(mintToken({ type: 'teacher' }));
        await open.click();
        await page.getByText('This token does not open these channels.').waitFor();
        await field.fill(serviceToken([COMMUNITY, TRADE]));
        await open.click();
        await connected(page);
        assert.equal(await page.locator('.monitor-table tbody tr').count(), 2);
        await page.reload();
        await connected(page);
        await page.getByRole('button', { name: 'Leave' }).click();
        await field.waitFor();
        await page.reload();
        await field.waitFor();
        // A refused handshake, and the questions that explain it, are errors to the browser.
        assert.deepEqual(complaints([/WebSocket connection to/, /Failed to load resource/]), []);
    });

    await t.test('a token in the address is taken out of it; ?channels= narrows', async (t) => {
        const { page } = await openMonitor(t, all, serviceToken('*'), {}, `?channels=${TRADE}`);
        await connected(page);
        assert.equal(new URL(page.url()).hash, '');
        assert.equal(await page.locator('.monitor-table tbody tr').count(), 1);
        await row(page, TRADE).waitFor();
    });

    await t.test('events are counted, listed, filtered and shown in full', async (t) => {
        const { page, complaints } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        await page.getByText('No events yet.').waitFor();
        const id = await post(server, COMMUNITY, { user: '민수', text: '안녕하세요', nested: { a: [1, 2] } });
        await publish(TRADE, { item: 'book', price: 5000 });
        await redis.client.publish(TRADE, 'no JSON at all');
        await waitFor(async () => (await items(page).count()) === 3, { timeout: limit(10_000) });
        assert.equal((await cells(page, COMMUNITY))[0], '1');
        assert.equal((await cells(page, TRADE))[0], '2');
        await items(page).filter({ hasText: 'trade_chat_monitorno JSON at all' }).waitFor();
        await page.locator('.monitor-chart canvas').waitFor();
        await checkView(page, 'monitor');

        await page.getByLabel('Channel', { exact: true }).selectOption(TRADE);
        await waitFor(async () => (await items(page).count()) === 2);
        await page.getByLabel('Channel', { exact: true }).selectOption('');
        await page.getByLabel('Find in events').fill('안녕');
        await waitFor(async () => (await items(page).count()) === 1);
        await items(page).first().getByRole('button').click();
        const dialog = page.getByRole('dialog');
        await dialog.getByText(id).waitFor();
        assert.match(await dialog.locator('pre').textContent(), /"text": "안녕하세요",\n/);
        await checkView(page, 'monitor-details');
        await page.keyboard.press('Escape');
        await dialog.waitFor({ state: 'detached' });
        await page.getByLabel('Find in events').fill('nothing has this');
        await page.getByText('No event fits.').waitFor();
        assert.deepEqual(complaints(), []);
    });

    await t.test('what was left out is said and counted', async (t) => {
        const { page, complaints } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        await redis.client.publish(TRADE, 'x'.repeat(100_000));
        await redis.client.publish(TRADE, 'x'.repeat(100_000));
        await publish(COMMUNITY, 'small enough');
        await page.getByText('Events left out: 2. This page read too slowly, or they were too large.').waitFor();
        await waitFor(async () => (await cells(page, COMMUNITY))[0] === '1', { timeout: limit(10_000) });
        assert.deepEqual([(await cells(page, TRADE)).at(-1), (await cells(page, COMMUNITY)).at(-1)], ['2', '0']);
        assert.equal(await items(page).count(), 1);
        await checkView(page, 'monitor-left-out');
        assert.deepEqual(complaints(), []);
    });

    await t.test('minutes of events: the chart has them by the second', async (t) => {
        const { page, complaints } = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP });
        let received = 0;
        page.on('websocket', (socket) => socket.on('framereceived', () => (received += 1)));
        const seconds = 150;
        await page.clock.install({ time: Date.now() - seconds * 1000 });
        await page.goto(`${all.origin}/monitor/#token=${serviceToken('*')}`);
        await connected(page);
        // In the middle of a second, and from here on no faster than this test.
        let now = Math.ceil((await page.evaluate(() => Date.now())) / 1000) * 1000 + 1500;
        await page.clock.pauseAt(now);
        const texts = ['안녕하세요', 'new post', '사진 잘 받았어요', 'price changed', 'scan finished', '로그인'];
        let expected = received;
        let last = 0;
        for (let second = 0; second < seconds; second += 1) {
            const pipeline = redis.client.pipeline();
            for (const [i, channel] of CHANNELS.entries()) {
                const count = Math.round((3 - i / 3) * (1 + Math.sin(second / (8 + 3 * i) + 2 * i)));
                for (let n = 0; n < count; n += 1) {
                    const data = { user: `u${1000 + ((second * 7 + n) % 90)}`, text: texts[(second + i + n) % texts.length], n: second };
                    pipeline.publish(channel, JSON.stringify({ type: channel, data, timestamp: now }));
                }
                expected += count;
                if (channel === COMMUNITY && second >= seconds - 10) last += count;
            }
            await pipeline.exec();
            await waitFor(() => received === expected, { timeout: limit(10_000), what: 'the events', every: 1 });
            now += 1000;
            await page.clock.runFor(1000);
        }
        assert.equal(Number((await cells(page, COMMUNITY))[1]), last / 10);
        await page.locator('.monitor-chart canvas').waitFor();
        await page.clock.resume(); // axe waits too
        await checkView(page, 'feed');
        assert.deepEqual(complaints(), []);
    });

    await t.test('pause holds the list still, and counts what is new', async (t) => {
        const { page } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        await publish(COMMUNITY, 'before');
        await items(page).first().getByText('before').waitFor();
        await page.getByRole('button', { name: 'Pause' }).click();
        for (let i = 0; i < 5; i += 1) await publish(COMMUNITY, `later ${i}`);
        await page.getByText('Paused · 5 new').waitFor();
        assert.equal(await items(page).count(), 1);
        assert.equal((await cells(page, COMMUNITY))[0], '6');
        await page.getByRole('button', { name: 'Go on' }).click();
        await items(page).first().getByText('later 4').waitFor();
        assert.equal(await items(page).count(), 6);
        await page.getByRole('button', { name: 'Clear' }).click();
        await page.getByText('No events yet.').waitFor();
        assert.equal((await cells(page, COMMUNITY))[0], '6', 'the figures stay');
    });

    await t.test('a time that is none is no reason to stop', async (t) => {
        const { page, complaints } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        const nanoseconds = '1700000000000000000';
        const odd = `{"type":"${COMMUNITY}","data":"in nanoseconds","timestamp":${nanoseconds}}`;
        await redis.client.publish(COMMUNITY, odd);
        await items(page).first().getByText('in nanoseconds').click();
        await page.getByRole('dialog').getByText(nanoseconds).waitFor();
        await page.keyboard.press('Escape');
        await publish(COMMUNITY, 'goes on');
        await items(page).first().getByText('goes on').waitFor();
        assert.deepEqual(complaints(), []);
    });

    await t.test('text of events is text, never HTML', async (t) => {
        const { page, complaints } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        await publish(COMMUNITY, { x: '<img src=x onerror="window.hacked=1">' });
        await items(page).first().getByRole('button').click();
        await page.getByRole('dialog').getByText('<img src=x').waitFor();
        assert.equal(await page.evaluate(() => window.hacked), undefined);
        assert.deepEqual(complaints(), []);
    });

    await t.test('a server that dies: the light says so, and it comes back with what was missed', async (t) => {
        const { page } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        await post(server, COMMUNITY, 'before the crash');
        await items(page).first().getByText('before the crash').waitFor();
        const start = await crash();
        let again;
        try {
            await page.locator('.monitor-state.state-warn').waitFor();
            await checkView(page, 'monitor-lost');
        } finally {
            again = await start();
        }
        await post(again, COMMUNITY, 'while it was away');
        await page.locator('.monitor-state[data-state="open"]').waitFor({ timeout: limit(60_000) });
        await items(page).first().getByText('while it was away').waitFor();
        assert.equal(await items(page).count(), 2);
    });

    await t.test('where WebSocket is blocked it comes by SockJS', async (t) => {
        const { page } = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP });
        await page.routeWebSocket('**/monitor**', (ws) => ws.close());
        const asked = [];
        page.on('request', (request) => asked.push(new URL(request.url()).pathname));
        await page.goto(`${all.origin}/monitor/#token=${serviceToken('*')}`);
        await page.locator('.monitor-state[data-state="open"]').waitFor({ timeout: limit(60_000) });
        await publish(COMMUNITY, 'by another way');
        await items(page).first().getByText('by another way').waitFor();
        assert.ok(asked.some((path) => path.startsWith('/sockjs/monitor/')));
    });

    await t.test('ten thousand events: a bounded list, a page that stays quick', async (t) => {
        const { page, complaints } = await openMonitor(t, all, serviceToken('*'));
        await connected(page);
        await page.evaluate(() => {
            window.longest = 0;
            new PerformanceObserver((list) => {
                for (const { duration } of list.getEntries()) {
                    window.longest = Math.max(window.longest, duration);
                }
            }).observe({ type: 'longtask' });
        });
        const total = 10_000;
        for (let sent = 0; sent < total; sent += 500) {
            const pipeline = redis.client.pipeline();
            for (let i = sent; i < sent + 500; i += 1) {
                pipeline.publish(i % 2 ? COMMUNITY : TRADE, JSON.stringify({ n: i, text: 'x'.repeat(200) }));
            }
            await pipeline.exec();
        }
        const number = (text) => Number(text.replace(/\D/g, ''));
        await waitFor(async () => {
            const [a, b] = [await cells(page, COMMUNITY), await cells(page, TRADE)];
            return number(a[0]) + number(b[0]) + number(a[3]) + number(b[3]) === total;
        }, { timeout: limit(60_000), what: 'all of them counted', every: 200 });
        assert.equal(await items(page).count(), 200);
        await page.getByText('Newest 200 of 2000').waitFor();
        await items(page).first().getByText(`"n":${total - 1}`).waitFor();
        await page.getByLabel('Find in events').fill(`"n":${total - 2},`);
        await waitFor(async () => (await items(page).count()) === 1);
        const longest = await page.evaluate(() => window.longest);
        assert.ok(longest < limit(1000), `a task of ${longest} ms`);
        assert.deepEqual(complaints(), []);
    });

    await t.test('on a phone, and in Korean', async (t) => {
        const { page } = await openMonitor(t, all, serviceToken('*'), { ...PHONE, locale: 'ko-KR' });
        await connected(page);
        await page.getByText('연결됨').first().waitFor();
        await publish(COMMUNITY, { text: '긴 글'.repeat(200) });
        await items(page).first().waitFor();
        const wide = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(wide, 0, 'nothing sticks out');
        for (const name of ['한국어', 'English']) {
            await page.getByRole('button', { name }).click();
            await page.getByRole('status').getByText(name === 'English' ? 'Connected' : '연결됨').waitFor();
            const hidden = await page.locator('.monitor-figures').evaluate((it) => it.scrollWidth - it.clientWidth);
            assert.equal(hidden, 0, `the figures fit in ${name}`);
        }
        await checkView(page, 'monitor-phone');
    });
});

test('a public feed opens at once', { timeout: limit(60_000) }, async (t) => {
    const all = await startAll(t, { env: { LECTERN_FEED_PUBLIC: 1, LECTERN_FEED_CHANNELS: 'a:b' } });
    const { page, complaints } = await openMonitor(t, all, null);
    await connected(page);
    await all.redis.client.publish('a:b', '1');
    await waitFor(async () => (await cells(page, 'a:b'))[0] === '1');
    assert.equal(await page.getByRole('button', { name: 'Leave' }).count(), 0);
    assert.deepEqual(complaints(), []);

    await t.test('also where the server could not say so at first', async (t) => {
        const { page: early } = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP });
        let asked = 0;
        await early.route('**/events', (route) => {
            asked += 1;
            return asked > 1 ? route.continue() : route.fulfill({ status: 503, json: { error: { code: 'unavailable', message: '' } } });
        });
        await early.goto(`${all.origin}/monitor/`);
        await connected(early);
        assert.equal(asked, 2);
    });
});

test('a feed that is public no more asks for a token', { timeout: limit(60_000) }, async (t) => {
    const all = await startAll(t);
    const { page } = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP });
    let asked = 0;
    await page.route('**/events', (route) => {
        asked += 1;
        return asked > 1 ? route.continue() : route.fulfill({ json: { channels: [COMMUNITY], public: true } });
    });
    await page.goto(`${all.origin}/monitor/`);
    await page.getByLabel('Access token').waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.getByLabel('Access token').fill(serviceToken('*'));
    await page.getByRole('button', { name: 'Open' }).click();
    await connected(page);
});
