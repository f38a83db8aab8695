/**
 * Builds the pages: a script and a stylesheet each and the chunks that they share, named by their
 * contents so that browsers may keep them, and an index.html that names them. Written to build/web,
 * or to the directory in OUT. Fails where what a page loads first is more than phones on a school's
 * network should wait for.
 */

import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));
const out = path.resolve(process.env.OUT || path.join(root, 'build', 'web'));

/** Where each page's main.tsx is; all are put into web/page.html. Its name is its path on the server. */
const PAGES = { teacher: 'teacher', student: 'student', check: 'web/check', chat: 'web/chat', monitor: 'web/monitor' };

/** Pages that are found under a name of their own too, as older clients have them. */
const ALIASES = { chat: 'chat.html' };

/**
 * The client library for pages of other origins, by the names that their authors write down. React is
 * theirs.
 */
const LIBRARY = { lectern: 'web/client/index.ts', react: 'web/client/react.ts' };

/** Most bytes, compressed, that a page may load before it works. */
const FIRST_LOAD = 100 * 1024;

async function bundle() {
    const entries = Object.entries(PAGES).map(([page, dir]) => [`${page}/main`, `${dir}/main.tsx`]);
    const { metafile } = await build({
        absWorkingDir: root,
        entryPoints: Object.fromEntries(entries),
        entryNames: '[dir]/[name]-[hash]',
        chunkNames: 'chunks/[name]-[hash]',
        outdir: out,
        bundle: true,
        splitting: true,
        format: 'esm',
        target: ['es2020', 'chrome87', 'firefox78', 'safari15'],
        jsx: 'automatic',
        jsxImportSource: 'preact',
        minify: true,
        charset: 'utf8',
        legalComments: 'none',
        metafile: true,
        logLevel: 'warning',
    });
    return metafile.outputs;
}

async function bundleLibrary() {
    await build({
        absWorkingDir: root,
        entryPoints: LIBRARY,
        chunkNames: 'chunk-[hash]',
        outdir: path.join(out, 'client'),
        bundle: true,
        splitting: true,
        format: 'esm',
        target: ['es2020', 'chrome87', 'firefox78', 'safari15'],
        external: ['react'],
        minify: true,
        charset: 'utf8',
        legalComments: 'none',
        logLevel: 'warning',
    });
}

/** The page's script and stylesheet, and the chunks that the script cannot start without. */
function partsOf(outputs, page) {
    const script = Object.keys(outputs).find(
        (name) => outputs[name].entryPoint === `${PAGES[page]}/main.tsx`,
    );
    const style = outputs[script].cssBundle;
    if (!style) throw new Error(`${page}: no stylesheet`);
    const chunks = new Set();
    const follow = (name) => {
        for (const { path: needed, kind } of outputs[name].imports) {
            if (kind !== 'import-statement' || chunks.has(needed)) continue;
            chunks.add(needed);
            follow(needed);
        }
    };
    follow(script);
    return { script, style, chunks: [...chunks] };
}

async function writePage(file, { script, style, chunks }) {
    const dir = path.dirname(file);
    const link = (name) => {
        const relative = path.relative(dir, path.resolve(root, name));
        return relative.startsWith('.') ? relative : `./${relative}`;
    };
    const preloads = chunks.map((name) => `<link rel="modulepreload" href="${link(name)}" />`);
    const html = (await readFile(path.join(root, 'web', 'page.html'), 'utf8'))
        .replace('%STYLE%', link(style))
        .replace('%SCRIPT%', link(script))
        .replace('../icon.svg', link(path.join(out, 'icon.svg')))
        .replace('</head>', `    ${preloads.join('\n        ')}\n    </head>`);
    await mkdir(dir, { recursive: true });
    await writeFile(file, html);
    return html;
}

async function main() {
    // What an earlier build left under another hash must not be served.
    for (const dir of [...Object.keys(PAGES), 'chunks', 'client']) {
        await rm(path.join(out, dir), { recursive: true, force: true });
    }
    await bundleLibrary();
    const outputs = await bundle();
    const compressed = async (name) =>
        gzipSync(await readFile(path.resolve(root, name)), { level: 9 }).length;
    const tooBig = [];
    for (const page of Object.keys(PAGES)) {
        const parts = partsOf(outputs, page);
        const html = await writePage(path.join(out, page, 'index.html'), parts);
        let bytes = gzipSync(html, { level: 9 }).length;
        if (ALIASES[page]) await writePage(path.join(out, ALIASES[page]), parts);
        for (const name of [parts.script, parts.style, ...parts.chunks]) {
            bytes += await compressed(name);
        }
        console.log(`${page}: first load ${(bytes / 1024).toFixed(1)} KiB compressed`);
        if (bytes > FIRST_LOAD) tooBig.push(page);
    }
    await copyFile(path.join(root, 'web', 'icon.svg'), path.join(out, 'icon.svg'));
    if (tooBig.length > 0) {
        throw new Error(`over ${FIRST_LOAD / 1024} KiB compressed: ${tooBig.join(', ')}`);
    }
}

await main();
