/**
 * What the browser tests share: the real server, and a real Chromium that meets it as a phone in
 * the classroom does, by a plain http address that is not localhost. Such a page is no "secure
 * context": what only those have (clipboard, crypto.randomUUID, …) is missing, as it will be in
 * class.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT, freePort, limit, mintToken, startRedis, startServer } from '../integration/harness.mjs';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';

/**
 * Where pictures go: SCREENSHOTS=1 renews those of the documentation, a path takes all that the
 * tests look at, and without it none are made.
 */
const SCREENSHOTS =
    process.env.SCREENSHOTS === '1'
        ? path.join(ROOT, 'docs', 'screenshots')
        : process.env.SCREENSHOTS;

/** The pictures that the documentation shows; each is taken by one test. */
const DOCUMENTED = new Set([
    'teacher-poll',
    'teacher-poll-dark',
    'student-dark',
    'student-poll',
    'projector',
    'projector-results-dark',
    'check',
    'chat',
    'chat-phone-dark',
    'feed',
]);

/** The devices of a classroom. */
export const PHONE = {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
};
export const LAPTOP = { viewport: { width: 1366, height: 768 } };
export const PROJECTOR = { viewport: { width: 1920, height: 1080 } };

/** A name that only this browser knows. */
const HOST_NAME = 'lectern.test';

const FLAGS = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    `--host-resolver-rules=MAP ${HOST_NAME} 127.0.0.1`,
];

/** Server, Redis and browser, all gone after the test. `origin` is how pages reach the server. */
export async function startAll(t, { env = {} } = {}) {
    const web = process.env.LECTERN_WEB_DIR || path.join(ROOT, 'build', 'web');
    assert.ok(existsSync(path.join(web, 'student', 'index.html')), 'the pages: npm run build');
    const redis = await startRedis();
    t.after(() => redis.stop());
    const port = await freePort();
    let server;
    const start = async () => {
        const dataDir = server?.dataDir;
        server = await startServer({ redis, port, dataDir, env: { LECTERN_WEB_DIR: web, ...env } });
        return server;
    };
    await start();
    t.after(() => server.stop());
    /** The server dies, as in a power cut, and comes back when the returned function is called. */
    const crash = async () => {
        await server.kill();
        return start;
    };
    const profile = await mkdtemp(path.join(tmpdir(), 'lectern-chromium-'));
    t.after(() => rm(profile, { recursive: true, force: true }));
    const browser = await chromium.launch({
        executablePath: EXECUTABLE,
        headless: true,
        args: FLAGS,
        timeout: limit(30_000),
        // Chromium keeps caches below the home directory too.
        env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
    });
    t.after(() => browser.close());
    return { server, redis, crash, browser, origin: `http://${HOST_NAME}:${port}` };
}

/** Another project's page on a port of its own: `files` by path, [type, text]. */
export async function serveFiles(t, port, files) {
    const server = http.createServer((request, response) => {
        const [type, body] = files[request.url] ?? ['text/plain', ''];
        response.writeHead(body ? 200 : 404, { 'content-type': `${type}; charset=utf-8` });
        response.end(body);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
        server.closeAllConnections();
        server.close();
    });
}

/**
 * A page in a profile of its own. What it complains about on the console fails the test at its end.
 */
export async function openPage(t, browser, options) {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(limit(15_000));
    const page = await context.newPage();
    const complaints = [];
    page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    t.after(() => context.close());
    return {
        page,
        /** Those that are not expected; a failed request is one, and is there to be explained. */
        complaints: (expected = []) =>
            complaints.filter((text) => !expected.some((pattern) => pattern.test(text))),
    };
}

/** Asserts that axe finds nothing wrong with the page as it is now. */
export async function checkAccessibility(page) {
    const source = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
    // Evaluated by the debugger, to which the page's content security policy does not apply.
    await page.evaluate(await readFile(source, 'utf8'));
    const violations = await page.evaluate(async () => {
        const result = await window.axe.run(document, { resultTypes: ['violations'] });
        return result.violations.map(({ id, help, nodes }) => ({
            id,
            help,
            nodes: nodes.map(({ html, failureSummary }) => `${html}\n${failureSummary}`),
        }));
    });
    assert.deepEqual(violations, []);
}

export async function screenshot(page, name) {
    if (!SCREENSHOTS) return;
    if (process.env.SCREENSHOTS === '1' && !DOCUMENTED.has(name)) return;
    await mkdir(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
}

/** Asserts that axe finds nothing, and takes the picture, in the light and in the dark. */
export async function checkView(page, name) {
    for (const [colorScheme, suffix] of [
        ['light', ''],
        ['dark', '-dark'],
    ]) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await checkAccessibility(page);
        await screenshot(page, `${name}${suffix}`);
    }
    await page.emulateMedia({ colorScheme: 'light' });
}

/** A teacher's page with a class just opened, and the class's code. */
export async function openTeacher(t, { browser, origin }, options = {}) {
    const opened = await openPage(t, browser, { locale: 'en-US', ...LAPTOP, ...options });
    const { page } = opened;
    const token = mintToken({ type: 'teacher', sub: 't1', name: '김하늘' });
    await page.goto(`${origin}/teacher/#token=${token}`);
    await page.getByLabel('Class name').fill('Science 3-2');
    await page.getByRole('button', { name: 'Start the class' }).click();
    const code = (await page.getByTestId('code').textContent()).trim();
    return { ...opened, code };
}

/** A student's page that has joined that class. */
export async function openStudent(t, { browser, origin }, code, name, options = {}) {
    const opened = await openPage(t, browser, { locale: 'en-US', ...PHONE, ...options });
    const { page } = opened;
    await page.goto(`${origin}/student/?room=${code}`);
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('log').waitFor();
    return opened;
}
