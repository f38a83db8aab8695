// kill -9 of a server, of Redis and of PostgreSQL, at moments of no choice, while people write in a chat room on two servers. Who
// writes sends everything again, with the same ref, until it is acknowledged; who reads comes back with `since`. In the end every
// acknowledged message is in the history exactly once and in its writer's order, and each reader was shown exactly the history:
// nothing missing, nothing twice, nothing out of order.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { api, connect, limit, startRedis, startServer, waitFor } from '../integration/harness.mjs';
import { chat, group, ok, seqOf, somebody } from '../integration/chat-rest.mjs';
import { stores } from '../integration/postgres.mjs';

const ROUNDS = 4; // of each kind of death
const WRITERS = 6;

/** Connects until it succeeds or `self.done`. */
async function comeIn(self, server, who, room, query) {
    while (!self.done) {
        try {
            return await connect(server(), { token: who.token, room, query });
        } catch {
            await wait(20 + Math.random() * 80);
        }
    }
    return null;
}

/** Writes one message after the other; `acked` has the ids of those that were acknowledged. */
function writer(who, server, room) {
    const self = { who, acked: [], done: false, refused: {} };
    const run = async () => {
        let client = null;
        for (let n = 0; !self.done; n++) {
            await wait(Math.random() * 20); // so that those who come back have missed fewer than are told again
            for (let acked = false; !acked;) {
                if (!client || client.closeInfo) client = await comeIn(self, server, who, room, { history: 0 });
                if (!client) return;
                let answer;
                try {
                    answer = await client.request({ messageType: 'send', message: `${who.id}:${n}`, ref: `${who.id}-${n}` }, { timeout: limit(10000) });
                } catch {
                    client.terminate(); // it was cut off, or nobody answers
                    client = null;
                    continue;
                }
                acked = answer.messageType === 'ack';
                if (acked) {
                    self.acked.push({ n, id: answer.message.id });
                } else {
                    assert.equal(answer.message.code, 'unavailable', JSON.stringify(answer));
                    self.refused[answer.message.code] = (self.refused[answer.message.code] ?? 0) + 1;
                    await wait(50);
                }
            }
        }
        await client?.close();
    };
    const running = run();
    self.stop = () => { self.done = true; return running; };
    return self;
}

/** Reads all there is, coming back with the last id that was shown; `shown` is what was, in that order. */
function reader(who, server, room) {
    const self = { who, shown: [], gaps: 0, done: false };
    const run = async () => {
        while (!self.done) {
            const since = self.shown.at(-1)?.id;
            const client = await comeIn(self, server, who, room, since ? { since } : { history: 500 });
            if (!client) return;
            self.client = client;
            let taken = 0;
            const take = () => {
                for (; taken < client.messages.length; taken++) {
                    const message = client.messages[taken];
                    if (message.id) self.shown.push(message);
                    if (message.messageType === 'gap') self.gaps++;
                }
            };
            while (!self.done && !client.closeInfo) {
                take();
                await wait(10);
                if (Math.random() < 0.002) client.terminate(); // a network that fails
            }
            take();
            client.terminate();
        }
    };
    const running = run();
    self.stop = () => { self.done = true; return running; };
    return self;
}

async function wholeHistory(server, who, room) {
    const messages = [];
    for (let after = 0; ;) {
        const page = ok(await chat(server, who).history(room, { after, limit: 200 }));
        messages.push(...page.messages);
        if (!page.more) return messages;
        after = seqOf(page.messages.at(-1));
    }
}

for (const kind of stores) {
    describe(`killed while people chat, on ${kind.name}`, () => {
        let store;
        before(async () => { store = await kind.start(); });
        after(() => store?.stop());

        async function scene(t) {
            const redis = await startRedis({ persist: true });
            t.after(() => redis.stop());
            const env = {
                LECTERN_LOOPS: 2, LECTERN_RATE_STUDENT: '2000/4000', LECTERN_REDIS_TIMEOUT_MS: limit(1000), ...await store.fresh(),
            };
            const servers = await Promise.all([0, 1].map(() => startServer({ redis, env })));
            t.after(() => Promise.all(servers.map((server) => server.stop())));
            const people = Array.from({ length: WRITERS + 2 }, () => somebody());
            const room = await group(servers[0], 'r', ...people);
            const on = (i) => () => servers[i % 2];
            const writers = people.slice(0, WRITERS).map((who, i) => writer(who, on(i), room.id));
            const readers = people.slice(WRITERS).map((who, i) => reader(who, on(i), room.id));
            t.after(() => Promise.all([...writers, ...readers].map((self) => self.stop())));
            const total = () => writers.reduce((sum, { acked }) => sum + acked.length, 0);
            return {
                redis, servers, writers, readers, room, people,
                /** Waits until some more were acknowledged, and then a moment of no choice. */
                async more(count = 40) {
                    const goal = total() + count;
                    await waitFor(() => total() >= goal, { timeout: limit(60000), what: `${count} more messages` });
                    await wait(Math.random() * 30);
                },
                async restart(i, ready = '/readyz') {
                    const { port, dataDir } = servers[i];
                    await servers[i].kill('SIGKILL');
                    servers[i] = await startServer({ redis, env, port, dataDir, ready });
                },
            };
        }

        async function assertWhole({ servers, writers, readers, room, people, more }) {
            await more(60); // everybody is at work again
            for (const self of writers) await self.stop();
            const history = await wholeHistory(servers[0], people[0], room.id);
            const ids = history.map(({ id }) => id);
            assert.deepEqual(history.map(seqOf), history.map((_, i) => i + 1), 'numbered without holes');
            for (const { who, acked } of writers) {
                const mine = history.filter(({ sender, messageType }) => sender === who.id && messageType === 'send');
                const numbers = mine.map(({ message }) => Number(message.split(':')[1]));
                assert.deepEqual(numbers, [...numbers].sort((x, y) => x - y), 'in the order in which they were sent');
                assert.equal(new Set(numbers).size, numbers.length, 'nothing is there twice');
                for (const { n, id } of acked) {
                    const found = mine.find((message) => message.id === id);
                    assert.equal(found?.message, `${who.id}:${n}`, `${id} was acknowledged`);
                }
            }
            for (const self of readers) {
                await waitFor(() => self.shown.at(-1)?.id === ids.at(-1), { timeout: limit(60000), what: 'the end of the room on a socket' });
                await self.stop();
                assert.equal(self.gaps, 0);
                const first = ids.indexOf(self.shown[0].id);
                assert.ok(first >= 0 && first <= WRITERS + 2, 'from the beginning, or from when they came');
                assert.deepEqual(self.shown.map(({ id }) => id), ids.slice(first), 'each once, in order');
                assert.deepEqual(self.shown, history.slice(first), 'as REST gives it');
            }
        }

        test('a server', async (t) => {
            const all = await scene(t);
            for (let round = 0; round < ROUNDS; round++) {
                await all.more();
                await all.restart(round % 2);
            }
            await assertWhole(all);
        });

        test('Redis', async (t) => {
            const all = await scene(t);
            for (let round = 0; round < ROUNDS; round++) {
                await all.more();
                await all.redis.kill();
                await wait(Math.random() * 300);
                if (round === ROUNDS - 1) await all.restart(0, '/healthz'); // and a server at the same time
                await all.redis.restart();
            }
            await assertWhole(all);
        });

        if (kind.name === 'PostgreSQL') {
            test('PostgreSQL', async (t) => {
                const all = await scene(t);
                for (let round = 0; round < ROUNDS; round++) {
                    await all.more();
                    await store.postgres.kill();
                    await wait(Math.random() * 300);
                    await store.postgres.restart();
                    for (const server of all.servers) {
                        await waitFor(async () => (await api(server, 'GET', '/readyz')).body.store === 'up', { timeout: limit(30000), what: 'the store' });
                    }
                }
                await assertWhole(all);
            });
        }

        test('everything in turn', async (t) => {
            const all = await scene(t);
            for (let round = 0; round < 2 * ROUNDS; round++) {
                await all.more(20);
                const death = Math.floor(Math.random() * (kind.name === 'PostgreSQL' ? 3 : 2));
                if (death === 0) await all.restart(Math.floor(Math.random() * 2));
                if (death === 1) { await all.redis.kill(); await all.redis.restart(); }
                if (death === 2) { await store.postgres.kill(); await store.postgres.restart(); }
            }
            await assertWhole(all);
        });
    });
}
