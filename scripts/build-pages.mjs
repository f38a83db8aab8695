/**
 * Builds the pages: one script and one stylesheet each, named by their contents so that browsers
 * may keep them, and an index.html that names them. Written to build/web, or to the directory in
 * OUT.
 */

import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));
const out = path.resolve(process.env.OUT || path.join(root, 'build', 'web'));
const pages = ['teacher', 'student'];

/** The output of that page with that ending, as the page's index.html names it. */
function outputOf(metafile, page, ending) {
    const dir = path.join(out, page);
    const names = Object.keys(metafile.outputs)
        .map((name) => path.resolve(root, name))
        .filter((name) => path.dirname(name) === dir && name.endsWith(ending));
    if (names.length !== 1) throw new Error(`${page}: ${names.length} outputs end in ${ending}`);
    return `./${path.basename(names[0])}`;
}

async function main() {
    // What an earlier build left under another hash must not be served.
    for (const page of pages) await rm(path.join(out, page), { recursive: true, force: true });
    const { metafile } = await build({
        absWorkingDir: root,
        entryPoints: Object.fromEntries(pages.map((page) => [`${page}/main`, `${page}/main.tsx`])),
        entryNames: '[dir]/[name]-[hash]',
        outdir: out,
        bundle: true,
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
    for (const page of pages) {
        const html = await readFile(path.join(root, page, 'index.html'), 'utf8');
        const filled = html
            .replace('%STYLE%', outputOf(metafile, page, '.css'))
            .replace('%SCRIPT%', outputOf(metafile, page, '.js'));
        await mkdir(path.join(out, page), { recursive: true });
        await writeFile(path.join(out, page, 'index.html'), filled);
    }
    await copyFile(path.join(root, 'web', 'icon.svg'), path.join(out, 'icon.svg'));
    const size = (name) => (metafile.outputs[name].bytes / 1024).toFixed(1);
    for (const name of Object.keys(metafile.outputs)) console.log(`${name}  ${size(name)} KiB`);
}

await main();
