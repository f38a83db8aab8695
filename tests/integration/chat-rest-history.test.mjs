// What was said in chat rooms, over REST and on each kind of store: sending, history in pages, how far one has read, deleting,
// searching; and what sockets hear of it on another server.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { api, connect, limit, randomId, waitFor } from './harness.mjs';
import { chat, group, known, ok, refusedWith, seqOf, somebody, texts } from './chat-rest.mjs';
import { startPair, stores } from './postgres.mjs';

/** Does `count` things, so many at a time. */
async function many(count, at, fn) {
    let next = 0;
    await Promise.all(Array.from({ length: at }, async () => {
        while (next < count) await fn(next++);
    }));
}

for (const kind of stores) {
    describe(`chat history on ${kind.name}`, () => {
        let redis, store, env, server, second, stop;
        before(async () => {
            ({ redis, store, env, server, second, stop } = await startPair(kind,
                { LECTERN_RATE_STUDENT: '5000/5000', LECTERN_RATE_HOST: '5000/5000' }));
        });
        after(() => stop?.());

        test('a message is answered as everybody sees it', async () => {
            const [t, s] = [somebody({ type: 'teacher', name: '김' }), somebody()];
            const room = await group(server, 'said', t, s);
            const ref = randomId('r');
            const said = ok(await chat(server, t).say(room.id, '안녕 😀', { ref }), 201);
            assert.ok(Math.abs(said.ts - Date.now()) < limit(600000));
            const told = {
                id: `${room.id}.3`, ts: said.ts, room: `room:${room.id}`, senderType: 'teacher', sender: t.id, senderName: '김',
                targetType: 'all', messageType: 'send', message: '안녕 😀',
            };
            assert.deepEqual(said, { ...told, ref }, 'the sender sees its ref');
            const page = ok(await chat(second, s).history(room.id));
            assert.deepEqual(page.messages.at(-1), told, 'and nobody else');
            assert.deepEqual(ok(await chat(second, t).history(room.id)).messages.at(-1), told);
        });

        test('any JSON comes back byte for byte, any messageType as it is', async () => {
            const t = somebody({ type: 'teacher' });
            const room = await group(server, 'verbatim', t);
            const bodies = [
                '12345678901234567890', '1.50', '-0', '1e400', '"\\u0000 \\ud800 \\/"', '{"b":1, "a" : [ ], "b":2}', 'null', 'true',
                '" \'); DROP TABLE chat_messages;-- <script>alert(1)</script> \\\\ % _"', '"한글 \u{1F600} \u2028"',
            ];
            for (const body of bodies) {
                const text = `{"messageType":"poll.v1","message": ${body} }`;
                const answer = await api(server, 'POST', `/chat/room/${room.id}/messages`,
                    { token: t.token, body: text, headers: { 'Content-Type': 'application/json' } });
                assert.equal(answer.status, 201, answer.text);
                assert.ok(answer.text.endsWith(`"messageType":"poll.v1","message":${body}}`), answer.text);
                const page = await chat(second, t).history(room.id, { limit: 1 });
                assert.ok(page.text.includes(`"messageType":"poll.v1","message":${body}}]`), page.text);
            }
        });

        test('the same ref again is the same message', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'refs', t, s);
            const ref = randomId('r');
            const answers = await Promise.all(Array.from({ length: 8 }, (_, i) =>
                chat(i % 2 ? server : second, t).say(room.id, `try ${i}`, { ref })));
            assert.equal(answers.filter(({ status }) => status === 201).length, 1);
            assert.equal(answers.filter(({ status }) => status === 200).length, 7);
            const [first] = answers.map(({ body }) => body);
            for (const { body } of answers) assert.deepEqual(body, first);
            assert.equal(texts(ok(await chat(server, s).history(room.id)).messages).length, 1);
            const other = ok(await chat(server, s).say(room.id, 'mine', { ref }), 201);
            assert.notEqual(other.id, first.id, 'refs are each sender\'s own');
            ok(await chat(server, t).erase(first.id), 204);
            refusedWith(await chat(server, t).say(room.id, 'again', { ref }), 404, 'message_not_found');
        });

        test('pages of history, both ways over thousands of messages while others write, without gap or repeat', async () => {
            const t = somebody({ type: 'teacher' });
            const writers = await known(server, somebody(), somebody(), somebody());
            const room = await group(server, 'long', t, ...writers);
            const COUNT = 1500;
            await many(COUNT, 8, async (i) => {
                const where = i % 2 ? server : second;
                ok(await chat(where, writers[i % 3]).say(room.id, `m${i}`), 201);
            });
            let writing = true;
            const more = many(1e9, 2, async (i) => {
                if (writing) ok(await chat(second, writers[i % 3]).say(room.id, `later ${i}`), 201);
                else throw new Error('done');
            }).catch((error) => assert.equal(error.message, 'done'));

            // Backwards from the newest page.
            const back = [];
            let page = ok(await chat(server, t).history(room.id, { limit: 97 }));
            for (;;) {
                assert.ok(page.messages.length <= 97);
                back.unshift(...page.messages);
                if (!page.more) break;
                page = ok(await chat(second, t).history(room.id, { before: page.messages[0].id, limit: 97 }));
            }
            const top = seqOf(back.at(-1));
            assert.deepEqual(back.map(seqOf), Array.from({ length: top }, (_, i) => i + 1), 'from the first to the newest, each once');

            // Forwards from the beginning.
            const forth = [];
            let from = 0;
            do {
                page = ok(await chat(server, t).history(room.id, { after: from, limit: 200 }));
                forth.push(...page.messages);
                from = page.messages.at(-1)?.id ?? from;
            } while (page.more && forth.length < top + 10000);
            writing = false;
            await more;
            assert.deepEqual(forth.slice(0, top), back);
            assert.deepEqual(forth.map(seqOf), forth.map((_, i) => i + 1));
            const said = texts(back);
            assert.equal(new Set(said).size, said.length);
            for (let i = 0; i < COUNT; i++) assert.ok(said.includes(`m${i}`));
        });

        test('a page tells whether there is more, and how far everybody has read', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'pages', t, s);
            const ids = [];
            for (let i = 0; i < 5; i++) ids.push(ok(await chat(server, t).say(room.id, i), 201).id);
            const get = async (fields) => ok(await chat(second, s).history(room.id, fields));
            const seqs = ({ messages, more }) => [messages.map(seqOf), more];
            assert.deepEqual(seqs(await get({})), [[1, 2, 3, 4, 5, 6, 7], false]);
            assert.deepEqual(seqs(await get({ limit: 7 })), [[1, 2, 3, 4, 5, 6, 7], false]);
            assert.deepEqual(seqs(await get({ limit: 6 })), [[2, 3, 4, 5, 6, 7], true]);
            assert.deepEqual(seqs(await get({ before: ids[0], limit: 1 })), [[2], true]);
            assert.deepEqual(seqs(await get({ before: 2 })), [[1], false]);
            assert.deepEqual(seqs(await get({ before: 1 })), [[], false]);
            assert.deepEqual(seqs(await get({ after: ids[2], limit: 1 })), [[6], true]);
            assert.deepEqual(seqs(await get({ after: ids[2] })), [[6, 7], false]);
            assert.deepEqual(seqs(await get({ after: ids[4] })), [[], false]);
            assert.deepEqual(seqs(await get({ after: '9007199254740993' })), [[], false]);
            assert.deepEqual(seqs(await get({ before: '9007199254740993', limit: 2 })), [[6, 7], true]);

            const page = await get({});
            assert.equal(page.lastReadMessage, `${room.id}.2`);
            assert.deepEqual(page.reads, { [t.id]: ids[4], [s.id]: `${room.id}.2` }, 'sending is reading, and so is joining');
            ok(await chat(server, s).read(room.id, ids[1]));
            const after = await get({});
            assert.deepEqual([after.lastReadMessage, after.reads], [ids[1], { [t.id]: ids[4], [s.id]: ids[1] }]);
        });

        test('pages of long messages end before they are too long, and go on without gap', async () => {
            const t = somebody({ type: 'teacher' });
            const room = await group(server, 'long', t);
            const COUNT = 40; // of 60 KB each: some pages
            for (let i = 0; i < COUNT; i++) ok(await chat(server, t).say(room.id, `${i} ${'가'.repeat(20_000)}`), 201);
            const pages = async (fields, further, place) => {
                const seqs = [];
                for (let page, at; !page || page.more; at = place(page.messages).id) {
                    const { status, body, text } = await chat(second, t).history(room.id, { limit: 200, ...further(at), ...(at ? {} : fields) });
                    assert.equal(status, 200);
                    assert.ok(text.length > 0 && Buffer.byteLength(text) < 1_200_000, `${Buffer.byteLength(text)} bytes`);
                    seqs.push(body.messages.map(seqOf));
                    page = body;
                }
                return seqs;
            };
            const all = Array.from({ length: COUNT + 1 }, (_, i) => i + 1);
            const forth = await pages({ after: 0 }, (after) => ({ after }), (messages) => messages.at(-1));
            assert.deepEqual(forth.flat(), all);
            const back = await pages({}, (before) => ({ before }), (messages) => messages[0]);
            assert.deepEqual(back.reverse().flat(), all);
            assert.ok(forth.length > 2 && back.length > 2);
        });

        test('long messages make lists and pages of results no longer than may be', async () => {
            const [who] = await known(server, somebody({ type: 'teacher' }));
            const said = new Map();
            for (let i = 0; i < 32; i++) {
                const room = await group(server, `long ${i}`, who);
                said.set(room.id, ok(await chat(server, who).say(room.id, i % 4 ? `바늘 ${'x'.repeat(60_000)}` : `바늘 ${i}`), 201));
            }
            const mine = await chat(server, who).mine();
            assert.ok(mine.text.length < 1.2 * 2 ** 20, `${mine.text.length} bytes`);
            const { rooms } = ok(mine);
            for (const { id, last } of rooms) {
                const { message, ...rest } = said.get(id);
                assert.deepEqual({ ...last, message: undefined }, { ...rest, message: undefined });
                assert.ok(last.message === message || (last.message === null && message.length > 4096));
            }
            assert.equal(rooms.filter(({ last }) => last.message === null).length, 7);
            assert.equal(rooms.filter(({ last }) => last.message?.length > 4096).length, 17);
            const found = [];
            let next;
            do {
                const page = await chat(server, who).search('바늘', { limit: 50, before: next });
                assert.ok(page.text.length < 1.2 * 2 ** 20, `${page.text.length} bytes`);
                found.push(...ok(page).messages);
                ({ next } = page.body);
            } while (next);
            assert.deepEqual(found, [...said.values()].reverse());
        });

        test('reading goes forward only, is told to others and kept in Redis', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'reads', t, s);
            const ids = [];
            for (let i = 0; i < 4; i++) ids.push(ok(await chat(server, t).say(room.id, i), 201).id);
            const inRedis = (who) => redis.client.hget(`room:${room.id}:read`, who.id);
            assert.equal(await inRedis(t), ids[3]);
            assert.equal(await inRedis(s), `${room.id}.2`, 'who joins has read all before');
            const read = async (id) => ok(await chat(second, s).read(`room:${room.id}`, id));
            assert.deepEqual(await read(ids[1]), { lastReadMessage: ids[1], unread: 2 });
            assert.equal(await inRedis(s), ids[1]);
            assert.deepEqual(await read(ids[0]), { lastReadMessage: ids[1], unread: 2 }, 'not back');
            assert.equal(await inRedis(s), ids[1]);
            const results = await Promise.all([3, 0, 2, 1, 3, 0].map((i) => chat(i % 2 ? server : second, s).read(room.id, ids[i])));
            for (const answer of results) ok(answer);
            assert.deepEqual(await read(ids[0]), { lastReadMessage: ids[3], unread: 0 });
            assert.equal(await inRedis(s), ids[3]);
            assert.equal((await read(`${room.id}.99999`)).lastReadMessage, ids[3], 'not beyond what there is');
            assert.deepEqual(ok(await chat(server, t).history(room.id)).reads, { [t.id]: ids[3], [s.id]: ids[3] });
            ok(await chat(server, s).leave(room.id), 204);
            assert.equal(await inRedis(s), null, 'who leaves is not in it any more');
        });

        test('unread counts messages of others, up to a thousand', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'unread', t, s);
            const unread = async (who) => ok(await chat(server, who).mine()).rooms[0].unread;
            assert.equal(await unread(s), 0, 'joins are not messages');
            const first = ok(await chat(server, t).say(room.id, 'a'), 201);
            const gone = ok(await chat(server, t).say(room.id, 'b'), 201);
            assert.deepEqual([await unread(s), await unread(t)], [2, 0]);
            ok(await chat(server, t).erase(gone.id), 204);
            assert.equal(await unread(s), 1, 'what was deleted is not counted');
            ok(await chat(second, s).say(room.id, 'own'), 201);
            assert.deepEqual([await unread(s), await unread(t)], [0, 1]);
            await many(1010, 8, async (i) => { ok(await chat(i % 2 ? server : second, t).say(room.id, i), 201); });
            assert.equal(await unread(s), 1000);
            assert.deepEqual(ok(await chat(server, s).read(room.id, first.id)).unread, 1000);

            // A room goes with all that was said in it, however much that was.
            for (const who of [t, s]) ok(await chat(server, who).leave(room.id), 204);
            refusedWith(await chat(server, s).history(room.id), 404, 'room_not_found');
            assert.deepEqual(await redis.client.keys(`room:${room.id}*`), []);
            if (!store.postgres) return;
            const database = new URL(env.LECTERN_STORE_URL).pathname.slice(1);
            for (const table of ['chat_rooms WHERE id', 'chat_members WHERE room', 'chat_messages WHERE room']) {
                await waitFor(async () => await store.postgres.query(`SELECT count(*) FROM ${table} = '${room.id}'`, database) === '0',
                    { what: `nothing in ${table}`, timeout: limit(20000), every: 50 });
            }
        });

        test('a deleted message is gone from history, lists and search, and a tombstone tells of it', async () => {
            const [t, a, b] = [somebody({ type: 'teacher' }), somebody(), somebody()];
            const room = await group(server, 'erase', t, a, b);
            const secret = randomId('secret');
            const kept = ok(await chat(server, a).say(room.id, `kept ${secret}`), 201);
            const mine = ok(await chat(server, a).say(room.id, `oops ${secret}`), 201);
            const other = ok(await chat(server, a).say(room.id, `rude ${secret}`), 201);
            refusedWith(await chat(second, b).erase(mine.id), 403, 'forbidden');
            ok(await chat(second, a).erase(mine.id), 204);
            ok(await chat(second, t).erase(other.id), 204); // the room's owner may
            refusedWith(await chat(server, a).erase(mine.id), 404, 'message_not_found');
            refusedWith(await chat(server, a).erase(`${room.id}.999`), 404, 'message_not_found');
            refusedWith(await chat(server, a).erase(`${room.id}.1`), 404, 'message_not_found'); // a join is nobody's to delete
            refusedWith(await chat(server, t).erase(`${room.id}.7`), 404, 'message_not_found'); // nor is a tombstone

            const newest = await chat(server, b).history(room.id);
            assert.deepEqual(texts(ok(newest).messages), [`kept ${secret}`]);
            assert.deepEqual(newest.body.messages.map(({ messageType }) => messageType), ['join', 'join', 'join', 'send']);
            const since = await chat(server, b).history(room.id, { after: kept.id });
            assert.deepEqual(ok(since).messages.map(({ messageType, sender, message }) => [messageType, sender, message]),
                [['delete', a.id, { id: mine.id }], ['delete', t.id, { id: other.id }]]);
            for (const answer of [newest, since]) assert.ok(!/oops|rude/.test(answer.text), 'nothing of them is given out');
            assert.equal(ok(await chat(server, b).mine()).rooms[0].last.id, kept.id);
            assert.deepEqual(ok(await chat(server, b).search(secret)).messages.map(({ id }) => id), [kept.id]);
        });

        test('in a direct room each deletes its own', async () => {
            const [a, b] = await known(server, somebody(), somebody());
            const { id } = ok(await chat(server, a).direct(b.id), 201);
            const said = ok(await chat(server, a).say(id, 'x'), 201);
            refusedWith(await chat(server, b).erase(said.id), 403, 'forbidden');
            ok(await chat(server, a).erase(said.id), 204);
        });

        test('search: parts of words, Korean of one and two syllables, any case, and text as text', async () => {
            const [t, s] = [somebody({ type: 'teacher' }), somebody()];
            const room = await group(server, 'search', t, s);
            const said = {};
            const say = async (key, message, more) => { said[key] = ok(await chat(server, t).say(room.id, message, more), 201).id; };
            await say('korean', '오늘 숙제는 수학 문제집 12쪽까지입니다');
            await say('english', 'The Quick brown fox');
            await say('percent', '100% of a_b \\ "quoted" \'single\'');
            await say('emoji', '잘했어요 👏🏽 최고');
            await say('script', '<script>alert("x")</script>');
            await say('object', { text: '사진 설명', url: '/secretpath' }, { messageType: 'image' });
            await say('number', 42);
            const find = async (q, who = s) => ok(await chat(second, who).search(q)).messages.map(({ id }) => id);
            const expected = {
                숙제: ['korean'], 수학: ['korean'], 쪽: ['korean'], '제집 1': ['korean'], '오늘 숙제는': ['korean'], 없는말: [],
                quick: ['english'], QUICK: ['english'], 'k B': ['english'], q: ['percent', 'english'], '  fox ': ['english'],
                '%': ['percent'], _: ['percent'], '0%': ['percent'], 'a_b': ['percent'], 'a%b': [], axb: [], '\\': ['percent'],
                '"quoted"': ['percent'], "'single'": ['percent'], "' OR '1'='1": [], '👏🏽': ['emoji'], '👏': ['emoji'], '<script>': ['script'],
                '사진 설명': ['object'], secretpath: [], '*': [], 'NEAR(': [], '"': ['script', 'percent'],
            };
            for (const [q, keys] of Object.entries(expected)) assert.deepEqual(await find(q), keys.map((key) => said[key]), `for ${q}`);
            assert.deepEqual(await find('가'.repeat(64)), []);
            const [found] = ok(await chat(second, s).search('숙제')).messages;
            assert.deepEqual(found, ok(await chat(server, s).history(room.id)).messages.find(({ id }) => id === said.korean));
        });

        test('search pages through my rooms only, the newest first', async () => {
            const word = randomId('word');
            const [t, s, outsider] = await known(server, somebody({ type: 'teacher' }), somebody(), somebody());
            const rooms = [await group(server, 'one', t, s), await group(server, 'two', t, s), await group(server, 'not mine', t)];
            const direct = ok(await chat(server, t).direct(s.id), 201);
            const hidden = ok(await chat(server, t).direct(outsider.id), 201);
            const all = [];
            for (let i = 0; i < 30; i++) {
                const room = [rooms[0], rooms[1], rooms[2], direct, hidden][i % 5];
                all.unshift(ok(await chat(server, t).say(room.id, `${i} ${word}`), 201));
            }
            const mine = all.filter(({ room }) => room !== `room:${rooms[2].id}` && room !== `room:${hidden.id}`);
            const found = [];
            let before;
            do {
                const page = ok(await chat(second, s).search(word, { limit: 7, before }));
                assert.ok(page.messages.length <= 7);
                found.push(...page.messages);
                before = page.next ?? undefined;
            } while (before !== undefined && found.length < 100);
            assert.deepEqual(found.map(({ id }) => id).sort(), mine.map(({ id }) => id).sort(), 'each once');
            assert.deepEqual(found.map(({ ts }) => ts), mine.map(({ ts }) => ts), 'the newest first');
            const inOne = ok(await chat(second, s).search(word, { room: `room:${rooms[0].id}`, limit: 50 }));
            assert.deepEqual(inOne.messages.map(({ id }) => id), mine.filter(({ room }) => room === `room:${rooms[0].id}`).map(({ id }) => id));
            assert.equal(inOne.next, null);
            refusedWith(await chat(second, s).search(word, { room: rooms[2].id }), 403, 'not_member');
            refusedWith(await chat(second, s).search(word, { room: hidden.id }), 404, 'room_not_found');
            assert.deepEqual(ok(await chat(second, outsider).search(word)).messages.map(({ room }) => room),
                Array.from({ length: 6 }, () => `room:${hidden.id}`));
            assert.deepEqual(ok(await chat(second, somebody()).search(word)), { messages: [], next: null });
        });

        test('sockets on another server hear at once of what REST does', async () => {
            const [t, s, late] = await known(server, somebody({ type: 'teacher' }), somebody(), somebody());
            const room = await group(server, 'live', t, s);
            const client = await connect(second, { token: s.token, room: room.id });
            const said = ok(await chat(server, t).say(room.id, 'hello'), 201);
            assert.deepEqual(await client.next('send'), said);
            assert.deepEqual((await client.next({ messageType: 'read', sender: t.id })).message, { lastReadMessage: said.id });
            ok(await chat(server, late).join(room.id));
            const joined = await client.next({ messageType: 'join', sender: late.id });
            assert.deepEqual(joined.message, { name: late.name, userType: 'student', count: 3 });
            ok(await chat(server, t).erase(said.id), 204);
            assert.deepEqual((await client.next('delete')).message, { id: said.id });
            ok(await chat(server, t).leave(room.id), 204);
            assert.deepEqual((await client.next('leave')).message, { name: t.name, userType: 'teacher', count: 2, owner: s.id });
            // What sockets were told is what history says, to the letter.
            const stored = ok(await chat(server, s).history(room.id, { after: joined.id })).messages;
            assert.deepEqual(stored, client.all((m) => m.id && seqOf(m) > seqOf(joined)));
            ok(await chat(server, s).leave(room.id), 204);
            const closed = await client.closed;
            assert.equal(closed.code, 4000);
        });

        test('a socket without a room is told of direct rooms and of groups joined elsewhere', async () => {
            const [a, b] = await known(server, somebody({ name: '가은' }), somebody({ name: '나래' }));
            const client = await connect(second, { token: b.token, query: { chat: 1 } });
            await waitFor(async () => (await redis.client.pubsub('NUMSUB', `user:${b.id}`))[1] > 0, { what: 'subscription' });
            const direct = ok(await chat(server, a).direct(b.id), 201);
            const invited = await client.next({ messageType: 'invited', room: `room:${direct.id}` });
            assert.deepEqual(invited.message, { ...direct, name: '가은',
                with: { id: a.id, name: '가은', userType: 'student', lastReadMessage: '' } });
            assert.equal(ok(await chat(server, a).direct(b.id)).id, direct.id);
            const own = ok(await chat(server, b).create('mine'), 201);
            assert.deepEqual((await client.next('invited')).message, own, 'an old room is not told of again');
            const room = await group(server, 'other', a);
            const joined = ok(await chat(server, b).join(room.id));
            assert.deepEqual((await client.next('invited')).message, joined);
            client.terminate();
        });
    });
}
