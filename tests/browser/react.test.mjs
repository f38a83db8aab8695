/**
 * The React hooks, as a page of another project uses them: React from npm, a server on another port,
 * the hooks by `import` from Lectern's own.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build } from 'esbuild';
import { ROOT, limit, waitFor } from '../integration/harness.mjs';
import { post, serviceToken } from '../integration/feed.mjs';
import { freePort } from '../integration/harness.mjs';
import { LAPTOP, openPage, serveFiles, startAll } from './support.mjs';

const CHANNEL = 'community_monitor';

/** React as an ES module: npm has it as CommonJS only. */
async function bundle(contents, external = []) {
    const { outputFiles } = await build({
        stdin: { contents, resolveDir: ROOT },
        bundle: true,
        format: 'esm',
        define: { 'process.env.NODE_ENV': '"development"' },
        external,
        write: false,
        logLevel: 'silent',
    });
    return outputFiles[0].text;
}

const NAMES = ['createElement', 'StrictMode', 'useEffect', 'useRef', 'useState', 'useSyncExternalStore'];

const REACT = `import React from './node_modules/react/index.js';
export default React; export const { ${NAMES.join(', ')} } = React;`;

/** React's DOM needs the very same React: the bundle holds both, and the hooks get it by the map. */
const ALL = `${REACT}
export { createRoot } from './node_modules/react-dom/client.js';`;

const APP = (base, token) => `
import { StrictMode, createElement as h, createRoot, useState } from 'react';
import { useConnectionState, useEvent, useFeed, useFeedHandler, useLastEvent } from '${base}/client/react.js';
import { handlerNames } from '${base}/client/lectern.js';

function Panel({ token }) {
    const { client, state } = useFeed({ base: '${base}', token });
    const [heard, setHeard] = useState([]);
    const [welcomes, setWelcomes] = useState(0);
    useFeedHandler(client, 'COMMUNITY', ({ data }) => setHeard((before) => [...before, data]));
    useEvent(client, 'welcome', () => setWelcomes((n) => n + 1));
    const last = useLastEvent(client, '${CHANNEL}');
    return h('div', null,
        h('p', { id: 'state' }, state.name + ' ' + useConnectionState(client).name),
        h('p', { id: 'heard' }, JSON.stringify(heard)),
        h('p', { id: 'welcomes' }, String(welcomes)),
        h('p', { id: 'last' }, last ? JSON.stringify(last.data) : 'none'));
}

function App() {
    const [shown, setShown] = useState(true);
    return h('div', null,
        h('button', { onClick: () => setShown(!shown) }, 'toggle'),
        shown ? h(Panel, { token: '${token}' }) : h('p', { id: 'state' }, 'gone'));
}
window.names = handlerNames('${CHANNEL}');
createRoot(document.getElementById('root')).render(h(StrictMode, null, h(App)));
`;

async function serveApp(t, port, base, token) {
    const react = await bundle(ALL);
    const html = `<!doctype html><html lang="en"><head><link rel="icon" href="data:,"><title>other</title>
<script type="importmap">{"imports":{"react":"/react.mjs"}}</script></head>
<body><div id="root"></div><script type="module" src="/app.mjs"></script></body></html>`;
    await serveFiles(t, port, {
        '/': ['text/html', html],
        '/react.mjs': ['text/javascript', react],
        '/app.mjs': ['text/javascript', APP(base, token)],
    });
}

test('hooks in a page on another port', { timeout: limit(120_000) }, async (t) => {
    const port = await freePort();
    const strange = await freePort();
    const all = await startAll(t, { env: { LECTERN_ORIGINS: `http://lectern.test:${port}` } });
    const token = serviceToken('*');
    await serveApp(t, port, all.origin, token);
    await serveApp(t, strange, all.origin, token);
    const { page, complaints } = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP });
    const text = (id) => page.locator(`#${id}`).textContent();
    const becomes = (id, wanted) =>
        waitFor(async () => (await text(id)) === wanted, { timeout: limit(10_000), what: `${id}: ${wanted}` });
    const followers = async () => {
        const metrics = await (await fetch(`${all.server.url}/metrics`)).text();
        return Number(/^lectern_feed_followers (\d+)/m.exec(metrics)[1]);
    };

    await t.test('state, handlers and the last event', async () => {
        await page.goto(`http://lectern.test:${port}/`);
        await becomes('state', 'open open');
        assert.deepEqual(await page.evaluate(() => window.names), [CHANNEL, 'COMMUNITY']);
        await becomes('welcomes', '1');
        assert.equal(await text('last'), 'none');
        await post(all.server, CHANNEL, { n: 1 });
        await post(all.server, CHANNEL, { n: 2 });
        await becomes('heard', '[{"n":1},{"n":2}]');
        await becomes('last', '{"n":2}');
        // StrictMode makes every effect twice: the first client has been closed again.
        await waitFor(async () => (await followers()) === 1, { timeout: limit(10_000), what: 'one follower' });
    });

    await t.test('a component that goes takes its connection along', async () => {
        await page.getByRole('button', { name: 'toggle' }).click();
        await becomes('state', 'gone');
        await waitFor(async () => (await followers()) === 0, { timeout: limit(10_000), what: 'no follower' });
        await page.getByRole('button', { name: 'toggle' }).click();
        await becomes('state', 'open open');
    });

    await t.test('the connection comes back after the server was away', async () => {
        const start = await (await all.crash)();
        await waitFor(async () => /waiting/.test(await text('state')), { timeout: limit(10_000) });
        const again = await start();
        await post(again, CHANNEL, 'missed');
        await becomes('last', '"missed"');
    });
    assert.deepEqual(complaints([/WebSocket connection to/, /Failed to load resource/, /CORS/]), []);

    await t.test('a page whose origin is not configured gets nothing', async (t) => {
        const { page: other } = await openPage(t, all.browser, { locale: 'en-US', ...LAPTOP });
        const failed = [];
        other.on('console', (message) => failed.push(message.text()));
        await other.goto(`http://lectern.test:${strange}/`);
        await waitFor(() => failed.some((line) => /CORS policy/.test(line)), { what: 'a refusal', timeout: limit(10_000) });
        assert.equal(await other.locator('#state').count(), 0);
    });
});
