// The server is killed in the middle of uploads, again and again: a file that was answered for is there, byte for byte; no
// message stays `uploading`; and no file is on disk that no message knows.

import assert from 'node:assert/strict';
import { readdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bytesOf, fetchFile, upload } from '../integration/chat-files.mjs';
import { chat, group, ok, somebody } from '../integration/chat-rest.mjs';
import { limit, startRedis, startServer, waitFor } from '../integration/harness.mjs';
import { png } from '../integration/pictures.mjs';
import { stores } from '../integration/postgres.mjs';
import { startS3 } from '../integration/s3.mjs';

const ROUNDS = 5;
const SENDERS = 4;

let redis;
before(async () => { redis = await startRedis(); });
after(() => redis.stop());

/** Uploads one after the other until the server is gone; notes what was answered 201. */
async function keepSending(server, who, room, seed, kept) {
    for (let i = 0; server.alive; i++) {
        const image = i % 3 === 2;
        const body = image ? png(40 + i % 100, 30) : bytesOf(1000 + (seed * 7919 + i * 104_729) % 400_000, seed * 1000 + i);
        const answer = await upload(server, who, room, body, image ? { type: 'image/png' } : {}).catch(() => null);
        if (answer?.status === 201) kept.push({ ...answer.body, body: image ? null : body });
    }
}

const blobsIn = (dir) => readdirSync(dir).filter((name) => name.length === 2)
    .flatMap((shard) => readdirSync(path.join(dir, shard)).map((name) => path.join(dir, shard, name)));

for (const [index, place] of ['a directory', 'a bucket'].entries()) {
    describe(`uploads into ${place}, with ${stores[index].name}`, () => {
        let store, s3, env;
        before(async () => {
            store = await stores[index].start();
            s3 = place === 'a bucket' ? await startS3() : null;
            env = { ...await store.fresh(), LECTERN_LEASE_S: 2, ...(s3 ? { LECTERN_FILES_URL: s3.url() } : {}) };
        });
        after(async () => {
            await store.stop();
            await s3?.stop();
        });

        test('survive kill -9 whole or not at all', async () => {
            let server = await startServer({ redis, env });
            const { dataDir } = server;
            const owner = somebody({ type: 'teacher' });
            const room = (await group(server, 'killed', owner)).id;
            const kept = [];
            for (let round = 0; round < ROUNDS; round++) {
                server.alive = true;
                const wanted = kept.length + 5 + Math.floor(Math.random() * 15);
                const sending = Array.from({ length: SENDERS }, (_, i) => keepSending(server, owner, room, round * SENDERS + i + 1, kept));
                await waitFor(() => kept.length >= wanted, { what: 'some uploads', timeout: limit(20_000) });
                server.alive = false;
                await server.kill('SIGKILL');
                await Promise.all(sending);
                server = await startServer({ redis, env, dataDir });
            }
            try {
                const messages = await waitFor(async () => {
                    const all = [];
                    for (let before_; ;) {
                        const page = ok(await chat(server, owner).history(room, { limit: 200, before: before_ }));
                        all.unshift(...page.messages);
                        if (!page.more) break;
                        before_ = page.messages[0].id;
                    }
                    return all.some(({ message }) => message?.state === 'uploading') ? null : all;
                }, { what: 'every upload to have ended', timeout: limit(60_000), every: 200 });
                const byId = new Map(messages.map((message) => [message.id, message]));
                for (const { id, message, body } of kept) {
                    assert.equal(byId.get(id)?.message.state, 'ready', id);
                    const answer = await fetchFile(server, message.url);
                    assert.equal(answer.status, 200, id);
                    assert.equal(answer.buffer.length, message.bytes);
                    if (body) assert.ok(answer.buffer.equals(body), id);
                }
                for (const { message } of messages.filter(({ messageType }) => messageType === 'file' || messageType === 'image')) {
                    if (message.state === 'ready') assert.equal((await fetchFile(server, message.url)).status, 200);
                    else assert.equal(message.url, undefined);
                }
                if (s3) return;
                // What is left on disk is swept once it is old.
                const dir = path.join(dataDir, 'files');
                const known = new Set(messages.filter(({ message }) => message?.url).map(({ message }) => path.basename(message.url)));
                const old = new Date(Date.now() - 3 * 3600 * 1000);
                const parts = readdirSync(path.join(dir, 'part')).map((name) => path.join(dir, 'part', name));
                for (const name of [...blobsIn(dir), ...parts]) utimesSync(name, old, old);
                assert.equal(await server.stop(), 0);
                server = await startServer({ redis, env, dataDir });
                await waitFor(() => readdirSync(path.join(dir, 'part')).length === 0
                    && blobsIn(dir).every((name) => known.has(path.basename(name).replace(/\.t$/, ''))),
                { what: 'the sweep', timeout: limit(30_000), every: 50 });
                for (const name of known) assert.equal((await fetchFile(server, `/files/${name}`)).status, 200);
            } finally {
                await server.stop();
            }
        });
    });
}
