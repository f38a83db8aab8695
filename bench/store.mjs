// The store alone, on SQLite and PostgreSQL: bench/store.c says what is measured. Both sync to disk as they do in service.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { startPostgres } from '../tests/integration/postgres.mjs';
import { removeDir, tempDir } from '../tests/integration/harness.mjs';

function runStore(build, url, messages) {
    return new Promise((resolve, reject) => {
        const child = spawn(path.join(build, 'bench', 'store'), [url, String(messages)], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.setEncoding('utf8').on('data', (data) => { text += data; });
        child.on('error', reject).on('exit', (code) => {
            if (code === 0) resolve(text.trim().split('\n').map((line) => JSON.parse(line)));
            else reject(new Error(`bench/store ended with ${code}`));
        });
    });
}

const databases = {
    async SQLite(build, messages) {
        const dir = tempDir('bench-store');
        try { return await runStore(build, `sqlite:${dir}/store.db`, messages); } finally { removeDir(dir); }
    },
    async PostgreSQL(build, messages) {
        const postgres = await startPostgres({ args: ['-c', 'fsync=on', '-c', 'shared_buffers=128MB'] });
        try { return await runStore(build, postgres.url(), messages); } finally { await postgres.stop(); }
    },
};

/** Runs and prints it; `messages` are in the database when it is searched. */
export async function benchStore({ build, messages }) {
    const results = new Map();
    for (const [name, start] of Object.entries(databases)) results.set(name, await start(build, messages));
    const names = [...results.keys()];
    const [first] = results.values();
    const table = (title, keys, rowsOf, describe, columns) => {
        console.log(`\n| ${title} | ${names.flatMap((name) => columns.map(([label]) => `${name} ${label}`)).join(' | ')} |`);
        console.log(`|---${'|---'.repeat(names.length * columns.length)}|`);
        for (const [i, key] of keys.entries()) {
            const cells = names.flatMap((name) => columns.map(([, field, digits]) => rowsOf(name)[i][field].toFixed(digits)));
            console.log(`| ${describe(key)} | ${cells.join(' | ')} |`);
        }
    };
    const of = (kind) => (name) => results.get(name).filter((result) => result.kind === kind);
    table('appending', first.filter(({ kind }) => kind === 'append'), of('append'),
        ({ rate }) => (rate ? `${rate} per second` : '2,000 under way'),
        [['per s', 'per_s', 0], ['p50 ms', 'ms_p50', 1], ['p99 ms', 'ms_p99', 1]]);
    table(`searching ${messages} messages`, first.filter(({ kind }) => kind === 'search'), of('search'),
        (result) => `${result.case} (${result.found})`, [['p50 ms', 'ms_p50', 1], ['p99 ms', 'ms_p99', 1]]);
}
