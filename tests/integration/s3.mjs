// A small S3 for tests: one bucket in memory, addressed by path, that takes PUT, GET (with one range) and DELETE of objects and
// believes nobody whose request is not signed: AWS Signature Version 4 is computed here anew, from its description, and
// compared. What it has met is counted.
//
//   const s3 = await startS3();
//   await startServer({ redis, env: { LECTERN_FILES_URL: s3.url() } });

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';
import { onFreePort } from './harness.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
// Every byte that is not unreserved, as URIs encode it.
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** The code of what is wrong with the request's signature, or null. */
function wrongSignature(request, { key, secret, region }) {
    const form = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
    const match = form.exec(request.headers.authorization ?? '');
    if (!match) return 'AccessDenied';
    const [, givenKey, day, givenRegion, signed, signature] = match;
    if (givenKey !== key) return 'InvalidAccessKeyId';
    const date = request.headers['x-amz-date'] ?? '';
    const payload = request.headers['x-amz-content-sha256'];
    const names = signed.split(';');
    if (givenRegion !== region || !/^\d{8}T\d{6}Z$/.test(date) || !date.startsWith(day)) return 'AuthorizationHeaderMalformed';
    const then = Date.parse(date.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
    if (Math.abs(Date.now() - then) > 15 * 60 * 1000) return 'RequestTimeTooSkewed';
    if (!payload || !['host', 'x-amz-date', 'x-amz-content-sha256'].every((name) => names.includes(name))) return 'AccessDenied';
    const [where, query = ''] = request.url.split('?');
    const canonical = [
        request.method,
        decodeURIComponent(where).split('/').map(encode).join('/'),
        query.split('&').filter(Boolean).sort().join('&'),
        ...names.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}`),
        '',
        signed,
        payload,
    ].join('\n');
    const toSign = ['AWS4-HMAC-SHA256', date, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join('\n');
    const signing = [day, region, 's3', 'aws4_request'].reduce(hmac, `AWS4${secret}`);
    const expected = hmac(signing, toSign);
    return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? null : 'SignatureDoesNotMatch';
}

function refuse(response, status, code) {
    response.writeHead(status, { 'Content-Type': 'application/xml' });
    response.end(`<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>no</Message></Error>`);
}

/**
 * Starts it. Returns {url(login), objects (Map of name to Buffer), counts, most (bytes of one object it has held at once while
 * receiving), refuseWith (status or null), onGet(response, bytes), silentPut (objects are kept, and the connection cut), locked (names that
 * are not deleted), stop(), start()}; `url()` takes {key, secret, bucket} to lie with.
 */
export async function startS3({ key = 'AKIATEST', secret = 'a/secret+with=signs', bucket = 'school', region = 'ap-northeast-2', space = Infinity } = {}) {
    const objects = new Map();
    const self = { objects, counts: { PUT: 0, GET: 0, DELETE: 0, refused: 0, cut: 0 }, refuseWith: null, onGet: null, silentPut: false, locked: new Set() };
    const sockets = new Set();

    function put(request, response, name) {
        const length = Number(request.headers['content-length']);
        if (!Number.isInteger(length) || request.headers['transfer-encoding']) return refuse(response, 411, 'MissingContentLength');
        const parts = [];
        let got = 0;
        request.on('data', (part) => { parts.push(part); got += part.length; });
        request.on('close', () => { if (!request.complete) self.counts.cut++; });
        request.on('end', () => {
            const used = [...objects.values()].reduce((sum, object) => sum + object.length, 0);
            if (used + got > space) return refuse(response, 507, 'XMinioStorageFull');
            objects.set(name, Buffer.concat(parts));
            if (self.silentPut) return response.destroy();
            response.writeHead(200, { ETag: '"x"' }).end();
        });
    }

    function get(request, response, name) {
        const object = objects.get(name);
        if (!object) return refuse(response, 404, 'NoSuchKey');
        const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
        const [first, last] = range ? [Number(range[1]), Math.min(Number(range[2]), object.length - 1)] : [0, object.length - 1];
        const part = object.subarray(first, last + 1);
        const headers = { 'Content-Length': part.length };
        if (range) headers['Content-Range'] = `bytes ${first}-${last}/${object.length}`;
        response.writeHead(range ? 206 : 200, headers);
        if (self.onGet) return self.onGet(response, part);
        return response.end(part);
    }

    function answer(request, response) {
        self.counts[request.method] = (self.counts[request.method] ?? 0) + 1;
        const wrong = wrongSignature(request, { key, secret, region });
        const [, inBucket, name] = /^\/([^/]+)\/([^?]+)$/.exec(request.url) ?? [];
        if (wrong || self.refuseWith) {
            self.counts.refused++;
            request.resume();
            return refuse(response, self.refuseWith ?? 403, wrong ?? 'SlowDown');
        }
        if (inBucket !== bucket) return refuse(response, 404, 'NoSuchBucket');
        if (request.method === 'PUT') return put(request, response, name);
        if (request.method === 'GET') return get(request, response, name);
        if (request.method === 'DELETE') {
            if (self.locked.has(name)) return refuse(response, 403, 'AccessDenied');
            objects.delete(name);
            return response.writeHead(204).end();
        }
        return refuse(response, 405, 'MethodNotAllowed');
    }

    let server;
    const listen = (port) => new Promise((resolve, reject) => {
        server = http.createServer(answer);
        server.on('connection', (socket) => {
            sockets.add(socket);
            socket.on('close', () => sockets.delete(socket));
        });
        server.once('error', reject);
        server.listen(port, '127.0.0.1', () => resolve(port));
    });
    const port = await onFreePort(undefined, listen);
    self.port = port;
    self.open = () => sockets.size;
    self.url = (login = {}) => {
        const given = { key, secret, bucket, ...login };
        return `s3+http://${encodeURIComponent(given.key)}:${encodeURIComponent(given.secret)}@127.0.0.1:${port}/${given.bucket}?region=${region}`;
    };
    self.stop = () => new Promise((resolve) => {
        server.close(resolve);
        for (const socket of sockets) socket.destroy();
    });
    self.start = () => listen(port);
    return self;
}

