// A site as scripts/haproxy.cfg makes one, for the tests: a Redis, two servers and HAProxy before them, with a certificate
// made for the occasion.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { ROOT, freePort, launch, limit, runCommand, startRedis, startServer, tempDir, waitFor, within } from '../integration/harness.mjs';

const HAPROXY = ['/usr/sbin/haproxy', '/usr/bin/haproxy', '/usr/local/sbin/haproxy'].find(existsSync) ?? 'haproxy';
const dir = tempDir('proxy');
const certificate = await makeCertificate();

async function makeCertificate() {
    const { code, stderr } = await runCommand('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
        'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=lectern test', '-addext',
        'subjectAltName=IP:127.0.0.1', '-keyout', path.join(dir, 'lectern.pem.key'), '-out', path.join(dir, 'lectern.pem')]);
    assert.equal(code, 0, stderr);
    return readFileSync(path.join(dir, 'lectern.pem')); // HAProxy finds its key beside it
}

/** Options of connect() and the like that make it trust the proxy. */
export const tls = (more = {}) => ({ options: { ca: certificate, ...more } });

/** Asks HAProxy's command socket. */
function askSocket(socket, command) {
    return new Promise((resolve, reject) => {
        let text = '';
        const connection = net.connect(socket, () => connection.write(`${command}\n`));
        connection.setEncoding('utf8').on('data', (data) => { text += data; });
        connection.on('error', reject).on('end', () => resolve(text));
    });
}

/** An HTTPS request to the proxy, from the local address `from`: {status, headers, text, buffer}. An object is sent as JSON. */
function request(url, method, target, { from, body, headers = {}, timeout = limit(10000) } = {}) {
    const json = body !== undefined && typeof body !== 'string' && !Buffer.isBuffer(body);
    return new Promise((resolve, reject) => {
        const sent = https.request(url + target, {
            method, localAddress: from, ca: certificate, agent: false, timeout,
            headers: json ? { 'Content-Type': 'application/json', ...headers } : headers,
        }, async (response) => {
            const chunks = [];
            response.on('error', reject);
            try {
                for await (const chunk of response) chunks.push(chunk);
            } catch (error) {
                reject(error);
                return;
            }
            const buffer = Buffer.concat(chunks);
            resolve({ status: response.statusCode, headers: response.headers, text: buffer.toString('utf8'), buffer });
        });
        sent.on('error', reject).on('timeout', () => sent.destroy(new Error(`no answer: ${target}`)));
        sent.end(json ? JSON.stringify(body) : body);
    });
}

/**
 * A Redis, two servers (one, two; `env` is for both) and HAProxy before them. `proxy` serves in the place of a server in the
 * harness's connect() and the like, with tls(); its request(method, path, …) is api() by https. `edit` may change the text of
 * scripts/haproxy.cfg.
 */
export async function startSite({ env = {}, edit } = {}) {
    const redis = await startRedis();
    const start = (id, more = {}) => startServer({ redis, ...more,
        env: { LECTERN_TRUSTED_PROXIES: '127.0.0.1', ...env, LECTERN_SERVER_ID: id } });
    const servers = await Promise.all(['one', 'two'].map((id) => start(id)));
    const [plain, secure] = [await freePort(), await freePort()];
    const socket = path.join(dir, `${secure}.sock`);
    let config = path.join(ROOT, 'scripts/haproxy.cfg');
    if (edit) {
        const text = edit(readFileSync(config, 'utf8'));
        config = path.join(dir, `${secure}.cfg`);
        writeFileSync(config, text);
    }
    const self = launch(HAPROXY, ['-db', '-f', config], {
        env: {
            ...process.env, PROXY_ROOTLESS: '1', PROXY_HTTP: `127.0.0.1:${plain}`, PROXY_HTTPS: `127.0.0.1:${secure}`,
            PROXY_CERT: path.join(dir, 'lectern.pem'), PROXY_SOCKET: socket, PROXY_MAXCONN: '400',
            PROXY_SERVER_1: `127.0.0.1:${servers[0].port}`, PROXY_SERVER_2: `127.0.0.1:${servers[1].port}`,
        },
    });
    const ask = (command) => askSocket(socket, command);
    const states = async (backend = 'lectern') => {
        const rows = (await ask('show stat')).split('\n').map((line) => line.split(','));
        return Object.fromEntries(rows.filter((row) => row[0] === backend && row[1] !== 'BACKEND')
            .map((row) => [row[1], row[17]]));
    };
    await waitFor(async () => {
        assert.ok(self.running, self.stderr + self.stdout);
        return Object.values(await states()).every((state) => state === 'UP');
    }, { what: 'HAProxy with both servers', timeout: limit(10000) });
    const url = `https://127.0.0.1:${secure}`;
    const proxy = {
        url, wsUrl: `wss://127.0.0.1:${secure}`, plain, secret: servers[0].secret,
        request: (method, target, options) => request(url, method, target, options),
    };
    const named = (id) => (id === 'one' ? servers : [...servers].reverse());
    return {
        redis, servers, proxy, ask, states, log: () => self.stdout,
        /** The server, and the other one. */
        named,
        /** Starts a server again that has ended; resolves when HAProxy uses it. */
        async revive(id) {
            const [old] = named(id);
            servers[servers.indexOf(old)] = await start(id, { port: old.port });
            await waitFor(async () => (await states())[id] === 'UP', { what: `${id} up again`, timeout: limit(10000) });
        },
        async stop() {
            self.kill('SIGTERM');
            await within(self.exited, limit(5000), 'end of HAProxy');
            await Promise.all(servers.map((server) => server.stop()));
            await redis.stop();
        },
    };
}
