// Starts and stops the servers that are compared, each with a Redis of its own where it uses one, all on CPU 0.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const SECRET = 'a secret of the benchmark, which signs tokens';
const children = new Set();
const directories = new Set(); // of servers that run; left behind, with their logs, when one fails

/** The command that runs on one core; on any when there is only one, or `cpu` is null. */
export const pinned = (cpu, command) => (os.cpus().length > 1 && cpu !== null ? ['taskset', '-c', String(cpu), ...command] : command);

export function fail(message) {
    console.error(`bench: ${message}`);
    process.exit(1);
}

async function freePort() {
    const server = net.createServer();
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

async function answers(port, child, what) {
    for (const end = Date.now() + 15000; Date.now() < end; await sleep(50)) {
        if (child.exitCode !== null) break;
        const open = await new Promise((done) => {
            const socket = net.connect(port, '127.0.0.1', () => done(true)).on('error', () => done(false));
            socket.on('connect', () => socket.destroy());
        });
        if (open) return;
    }
    fail(`${what} did not start; see its log`);
}

async function start(what, command, port, dir, env = {}, cpu = 0) {
    const log = openSync(path.join(dir, `${what}.log`), 'a');
    const [file, ...args] = pinned(cpu, command);
    const child = spawn(file, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env }, cwd: dir });
    child.on('error', (error) => fail(`${what}: ${error.message}`));
    children.add(child);
    await answers(port, child, `${what} (${dir}/${what}.log)`);
    return child;
}

async function startRedis(dir, cpu = 0) {
    const port = await freePort();
    const command = ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    return { port, child: await start('redis', [...command, '--dir', dir], port, dir, {}, cpu) };
}

async function stopChild(child) {
    if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((done) => child.on('exit', done));
        child.kill('SIGTERM');
        const killer = setTimeout(() => child.kill('SIGKILL'), 10000);
        await gone;
        clearTimeout(killer);
    }
    children.delete(child);
}

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
        for (const dir of directories) rmSync(dir, { recursive: true, force: true });
        process.exit(1);
    });
}

function lecternEnvironment(port, redisPort, dir, loops) {
    const inherited = Object.keys(process.env).filter((key) => key.startsWith('LECTERN_'));
    return {
        ...Object.fromEntries(inherited.map((key) => [key, ''])), // empty counts as not set
        LECTERN_LISTEN: `127.0.0.1:${port}`,
        LECTERN_REDIS_URL: `redis://127.0.0.1:${redisPort}`,
        LECTERN_DATA_DIR: dir,
        LECTERN_JWT_SECRET: SECRET,
        LECTERN_LOOPS: loops,
        LECTERN_PING_S: '3600',
        LECTERN_RATE_HOST: '1000000/1000000',
        LECTERN_LOG_LEVEL: 'warn',
    };
}

async function startLectern(context, count) {
    const redis = await startRedis(context.dir, context.cpu);
    const server = { dialect: 'lectern', secret: SECRET, children: [], targets: [], redis };
    for (let i = 0; i < count; i++) {
        const port = await freePort();
        const env = { ...lecternEnvironment(port, redis.port, context.dir, '1'), ...context.env };
        server.children.push(await start(`lectern${i}`, [context.lectern], port, context.dir, env, context.cpu));
        server.targets.push(port);
    }
    return server;
}

// Copies of bench/peers and package.json beside what was built, so that nothing is installed into the sources.
function peersDir(context) {
    const dir = path.join(context.build, 'bench', 'peers');
    if (!existsSync(path.join(dir, 'node_modules'))) {
        fail('the Node peers are not installed: run with --install-peers once (npm, into the build directory)');
    }
    cpSync(path.join(here, 'peers'), dir, { recursive: true });
    return dir;
}

export function installPeers(build) {
    const dir = path.join(build, 'bench', 'peers');
    mkdirSync(dir, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) cpSync(path.join(here, name), path.join(dir, name));
    const command = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
    if (spawnSync('npm', command, { cwd: dir, stdio: 'inherit' }).status !== 0) fail('npm ci failed');
}

async function startNode(context, name) {
    const redis = await startRedis(context.dir);
    const port = await freePort();
    const command = [process.execPath, path.join(peersDir(context), `${name}.mjs`), String(port), String(redis.port)];
    const child = await start(name, command, port, context.dir, { NODE_ENV: 'production' });
    return { dialect: name, children: [child], targets: [port], redis };
}

const firstExisting = (names, what) =>
    names.find((name) => name && existsSync(name)) ?? fail(`${what} is missing: apt-get install libnginx-mod-nchan`);

async function startNchan(context) {
    const redis = await startRedis(context.dir);
    const port = await freePort();
    const nginx = firstExisting([process.env.BENCH_NGINX, '/usr/sbin/nginx'], 'nginx');
    const module = firstExisting(
        [process.env.BENCH_NCHAN_MODULE, '/usr/lib/nginx/modules/ngx_nchan_module.so'], 'nginx\'s module nchan');
    const values = { PORT: port, REDIS_PORT: redis.port, DIR: context.dir, MODULE: module };
    const text = readFileSync(path.join(here, 'peers', 'nchan.conf'), 'utf8');
    const file = path.join(context.dir, 'nginx.conf');
    writeFileSync(file, text.replace(/@([A-Z_]+)@/g, (_, key) => values[key]));
    const child = await start('nginx', [nginx, '-p', context.dir, '-c', file], port, context.dir);
    return { dialect: 'nchan', children: [child], targets: [port], redis };
}

async function startRaw(context) {
    const port = await freePort();
    const command = [path.join(context.build, 'bench', 'rawserver'), String(port)];
    return { dialect: 'raw', children: [await start('raw', command, port, context.dir)], targets: [port] };
}

export const starters = {
    raw: startRaw,
    lectern: (context) => startLectern(context, 1),
    lectern2: (context) => startLectern(context, 2),
    ws: (context) => startNode(context, 'ws'),
    socketio: (context) => startNode(context, 'socketio'),
    nchan: startNchan,
};

/**
 * Starts `name`; the result has dialect, targets (ports), children, redis and stop(). Options: build, lectern; for Lectern also
 * env (further settings) and cpu (where it and its Redis run; default 0, null: anywhere).
 */
export async function startServer(name, options) {
    const dir = mkdtempSync(path.join(os.tmpdir(), `lectern-bench-${name}-`));
    directories.add(dir);
    const server = await starters[name]({ ...options, dir });
    server.name = name;
    server.stop = async () => {
        for (const child of server.children) await stopChild(child);
        if (server.redis) await stopChild(server.redis.child);
        rmSync(dir, { recursive: true, force: true });
        directories.delete(dir);
    };
    return server;
}

// nginx works in a child process.
function withChildren(pid) {
    try {
        const below = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
        return [pid, ...(below ? below.split(' ') : [])];
    } catch {
        return [pid];
    }
}

/** The generator's options that name this server. */
export function loadOptions(server) {
    const pids = server.children.flatMap((child) => withChildren(child.pid));
    return [
        '--server', server.dialect,
        '--label', server.name,
        ...server.targets.flatMap((port) => ['--target', `127.0.0.1:${port}`]),
        ...pids.flatMap((pid) => ['--pid', String(pid)]),
        ...(server.redis ? ['--redis-pid', String(server.redis.child.pid)] : []),
        ...(server.secret ? ['--secret', server.secret] : []),
    ];
}
