// A private PostgreSQL for tests, and the list of stores that a suite runs on:
//
//   for (const kind of stores) {
//       describe(`accounts on ${kind.name}`, () => {
//           let store; before(async () => { store = await kind.start(); }); after(() => store.stop());
//           … startServer({ redis, env: { ...(await store.fresh()) } }) …     // an empty store for each call
//
// It runs in a temporary directory on a free port, as another user when the tests are root's (PostgreSQL refuses to run as
// root), and is ended by its pid.

import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { launch, limit, onFreePort, removeDir, startRedis, startServer, tempDir, terminate, waitFor, within } from './harness.mjs';

const PASSWORD = 'p@ss/word:1'; // everything that has to be escaped in a URL

/** The directory of PostgreSQL's programs: Debian keeps them out of the PATH. */
function programs() {
    const base = '/usr/lib/postgresql';
    const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : [];
    const found = versions.map((v) => `${base}/${v}/bin`).find((dir) => existsSync(`${dir}/initdb`));
    return found ? `${found}/` : '';
}

/** {uid, gid} of the first of these users that exists, when we are root. */
function otherUser() {
    if (process.getuid() !== 0) return null;
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
    const [, , uid, gid] = ['postgres', 'nobody'].map((name) => lines.find((l) => l[0] === name)).find(Boolean);
    return { uid: Number(uid), gid: Number(gid) };
}

const user = otherUser();

function start(command, args, env) {
    const as = user && ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups', '--pdeathsig', 'KILL'];
    const [file, argv] = as ? ['setpriv', [...as, '--', command, ...args]] : [command, args];
    return launch(file, argv, { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...env } });
}

async function run(command, args, env) {
    const self = start(command, args, env);
    const { code } = await within(self.exited, limit(60000), `end of ${path.basename(command)}`);
    if (code !== 0) throw new Error(`${path.basename(command)} failed\n${self.stdout}${self.stderr}`);
    return self.stdout;
}

/** Starts the server on a cluster that exists; what startPostgres() returns but for the databases. */
async function serve(bin, dir, data, args) {
    const launchOn = async (port) => {
        const self = start(`${bin}postgres`, ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1',
            '-c', `unix_socket_directories=${dir}`, '-c', 'fsync=off', '-c', 'shared_buffers=16MB', ...args]);
        await waitFor(() => !self.running || /ready to accept (read-only )?connections/.test(self.stderr),
            { timeout: limit(60000), what: 'PostgreSQL ready' });
        if (!self.running) throw new Error(`PostgreSQL ended at once\n${self.stderr}`);
        return { self, port };
    };
    let { self, port } = await onFreePort(undefined, launchOn);

    // The postmaster and what it has forked.
    const pids = () => [self.pid, ...spawnSync('ps', ['-o', 'pid=', '--ppid', String(self.pid)], { encoding: 'utf8' })
        .stdout.trim().split(/\s+/).filter(Boolean).map(Number)];
    const signal = (name) => {
        for (const pid of pids()) {
            try { process.kill(pid, name); } catch { /* it has ended meanwhile */ }
        }
    };
    const client = ['-h', '127.0.0.1', '-p', String(port), '-U', 'lectern'];

    return {
        port, client,
        url: (name = 'lectern') => `postgresql://lectern:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`,
        query: async (sql, name = 'lectern') => (await run(`${bin}psql`, ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
            ...client, '-d', name, '-c', sql], { PGPASSWORD: PASSWORD })).trim(),
        get pid() { return self.pid; },
        log: () => self.stderr,
        kill() { self.kill('SIGKILL'); return self.exited; },
        async restart() {
            if (self.running) await terminate(self, 'PostgreSQL', limit(30000));
            // Processes of a killed one may still be about to notice.
            ({ self } = await waitFor(() => launchOn(port), { timeout: limit(60000), what: 'PostgreSQL again', every: 100 }));
        },
        pause: () => signal('SIGSTOP'),
        resume: () => signal('SIGCONT'),
        async stop() {
            signal('SIGCONT');
            self.kill('SIGINT'); // "fast shutdown": does not wait for its clients
            await terminate(self, 'PostgreSQL', limit(30000)).catch((error) => { if (self.running) throw error; });
            removeDir(dir);
        },
    };
}

function ownDir() {
    const dir = tempDir('postgres');
    if (user) chownSync(dir, user.uid, user.gid);
    return dir;
}

/**
 * Starts one; `locale` is the databases' (default C.UTF-8). Returns
 *   url(name)        of a database, default `lectern`, which exists
 *   create(name, sql) makes another one with `CREATE DATABASE name sql`
 *   query(sql, name) runs SQL there and returns psql's output, unaligned and without heads
 *   replica()        starts another one that follows it (promote it with `SELECT pg_promote()`)
 *   kill()           SIGKILL, resolves when it is gone;  restart() starts it again, as after a crash, or anew
 *   pause(), resume() SIGSTOP and SIGCONT for all of its processes
 *   stop(), pid, port, log()
 */
export async function startPostgres({ locale = 'C.UTF-8', args = [] } = {}) {
    const bin = programs();
    const dir = ownDir();
    const data = path.join(dir, 'data');
    const password = path.join(dir, 'password');
    writeFileSync(password, PASSWORD);
    if (user) chownSync(password, user.uid, user.gid);
    await run(`${bin}initdb`, ['-D', data, '-U', 'lectern', '-A', 'scram-sha-256', '--no-sync', '-E', 'UTF8',
        `--locale=${locale}`, `--pwfile=${password}`]);
    const postgres = await serve(bin, dir, data, args);
    const create = (name, sql = '') => postgres.query(`CREATE DATABASE ${name} ${sql}`, 'postgres');
    await create('lectern');

    return Object.assign(postgres, {
        create,
        async replica() {
            const copyDir = ownDir();
            const copy = path.join(copyDir, 'data');
            await run(`${bin}pg_basebackup`, ['-D', copy, '-R', '-c', 'fast', '-X', 'stream', '--no-sync', ...postgres.client],
                { PGPASSWORD: PASSWORD });
            return serve(bin, copyDir, copy, args);
        },
    });
}

let numbers = 0;

/** The stores that suites run on: start() → {fresh(): env of an empty store, stop()}; `postgres` is there for faults. */
export const stores = [
    {
        name: 'SQLite',
        async start() {
            const dir = tempDir('sqlite');
            return {
                fresh: async () => ({ LECTERN_STORE_URL: `sqlite:${dir}/${++numbers}.db` }),
                stop: async () => removeDir(dir),
            };
        },
    },
    {
        name: 'PostgreSQL',
        async start() {
            const postgres = await startPostgres();
            return {
                postgres,
                async fresh() {
                    const name = `fresh${++numbers}`;
                    await postgres.create(name);
                    return { LECTERN_STORE_URL: postgres.url(name) };
                },
                stop: () => postgres.stop(),
            };
        },
    },
];

/** Two servers on an empty store of this kind and one Redis: {redis, store, env, server, second, stop()}. */
export async function startPair(kind, settings = {}) {
    const [redis, store] = [await startRedis(), await kind.start()];
    const env = { ...settings, ...await store.fresh() };
    const [server, second] = [await startServer({ redis, env }), await startServer({ redis, env })];
    const stop = async () => { for (const each of [server, second, store, redis]) await each.stop(); };
    return { redis, store, env, server, second, stop };
}
