// Who receives what: the matrix of sender, targetType and target, `talk`, messages from other programs through Redis, the
// body carried byte for byte, and every message that must be refused.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { asStudent, asTeacher, startRedis, startServer } from './harness.mjs';
import { accepted, closedWith, frameOf, heard, marker, openClass, refusedMessage, say } from './classroom.mjs';

let redis;
let server;

before(async () => {
    redis = await startRedis();
    server = await startServer({ redis, env: { LECTERN_RATE_STUDENT: '1000/1000', LECTERN_RATE_HOST: '1000/1000' } });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

const SERVER_TYPES = ['welcome', 'join', 'leave', 'ack', 'error', 'gap', 'host-away', 'host-back', 'close', 'pong'];

describe('the routes', () => {
    // who sends, to which type, to whom of it; who hears it. Members: t1 (host), s1, s2.
    const routes = [
        ['t1', 'student', undefined, ['s1', 's2']],
        ['t1', 'teacher', undefined, ['t1']],
        ['t1', 'all', undefined, ['t1', 's1', 's2']],
        ['t1', 'student', 's1', ['s1']],
        ['t1', 'all', 's2', ['s2']],
        ['t1', 'all', 't1', ['t1']],
        ['t1', 'teacher', 't1', ['t1']],
        ['t1', 'teacher', 's1', []],
        ['t1', 'student', 't1', []],
        ['t1', 'student', 'nobody', []],
        ['s1', 'teacher', undefined, ['t1']],
        ['s1', 'teacher', 't1', ['t1']],
        ['s1', 'student', undefined, ['s1', 's2']],
        ['s1', 'all', undefined, ['t1', 's1', 's2']],
        ['s1', 'student', 's2', ['s2']],
        ['s1', 'student', 's1', ['s1']],
        ['s1', 'all', 't1', ['t1']],
        ['s1', 'all', 's2', ['s2']],
    ];
    for (const ephemeral of [false, true]) {
        test(`each route reaches exactly whom it names${ephemeral ? ', ephemeral ones too' : ''}`, async () => {
            const { code, host, students: [anna, ben] } = await openClass(server,
                { students: ['s1', 's2'], query: { talk: 'all' } });
            const members = { t1: host, s1: anna, s2: ben };
            const expected = { t1: [], s1: [], s2: [] };
            for (const [i, [from, targetType, target, to]] of routes.entries()) {
                const ack = await accepted(members[from], { targetType, target, messageType: 'send', message: i,
                    ephemeral });
                assert.equal('id' in ack, !ephemeral);
                for (const id of to) expected[id].push(i);
            }
            await marker(host, [host, anna, ben]);
            for (const id of Object.keys(members)) assert.deepEqual(heard(members[id], 'send'), expected[id],
                `heard by ${id}`);
            const [first] = anna.all('send');
            assert.equal(first.room, `room:${code}`);
            assert.deepEqual([first.senderType, first.sender, first.targetType, first.target],
                ['teacher', 't1', 'student', undefined]);
            assert.equal(typeof first.id, ephemeral ? 'undefined' : 'string');
            assert.ok(Math.abs(first.ts - Date.now()) < 60000, 'ts is now');
            assert.equal(anna.all({ messageType: 'send', message: 3 })[0].target, 's1');
        });
    }

    test('a message of one room is never heard in another', async () => {
        const one = await openClass(server, { students: ['s1'] });
        const two = await openClass(server, { students: ['s1'], host: { sub: 't2' } });
        await accepted(one.host, { targetType: 'all', messageType: 'send', message: 'one' });
        await marker(two.host, [two.host, ...two.students]);
        assert.deepEqual(heard(two.students[0], 'send'), []);
        assert.deepEqual(heard(two.host, 'send'), []);
    });

    test('all receivers get messages of several senders in one order, that of the ids', async () => {
        const { host, students: [anna, ben, cleo] } = await openClass(server, { students: ['s1', 's2', 's3'],
            query: { talk: 'all' } });
        const acks = [];
        for (let i = 0; i < 20; i++) {
            for (const client of [anna, ben, host]) {
                acks.push(say(client, 'all', i));
            }
        }
        await Promise.all(acks);
        await marker(host, [host, anna, ben, cleo]);
        const order = heard(cleo, 'send', (message) => message.id);
        assert.equal(new Set(order).size, 60);
        for (const client of [host, anna, ben]) assert.deepEqual(heard(client, 'send', (message) => message.id), order);
    });
});

describe('talk', () => {
    test('talk=teacher: students write to the host only', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        for (const route of [{ targetType: 'student' }, { targetType: 'all' }, { targetType: 'student', target: 's2' },
            { targetType: 'all', target: 's2' }]) {
            assert.equal((await refusedMessage(anna, { ...route, messageType: 'send', message: 1 })).code, 'talk_forbidden');
        }
        await say(anna, 'teacher', 'to you');
        await marker(host, [ben, host]);
        assert.deepEqual(heard(ben, 'send'), []);
        assert.deepEqual(heard(host, 'send'), ['to you']);
    });

    test('changing talk takes effect at once, both ways', async () => {
        const { host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const say = { targetType: 'student', messageType: 'send', message: 'hi' };
        await accepted(host, { messageType: 'settings', message: { talk: 'all' } });
        await anna.next('settings');
        await accepted(anna, say);
        await ben.next('send');
        await accepted(host, { messageType: 'settings', message: { talk: 'teacher' } });
        await anna.next('settings');
        assert.equal((await refusedMessage(anna, say)).code, 'talk_forbidden');
    });
});

describe('messages that other programs publish', () => {
    const foreign = (code, fields) => JSON.stringify({
        room: `room:${code}`, senderType: 'teacher', sender: 't1', targetType: 'all', messageType: 'send',
        message: 'foreign', ...fields,
    });

    test('valid ones are routed like all others', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server, { students: ['s1', 's2'] });
        const publish = (fields) => redis.client.publish(`room:${code}`, foreign(code, fields));
        await publish({ message: 'all' });
        await publish({ message: 'students', targetType: 'student' });
        await publish({ message: 'teachers', targetType: 'teacher', senderType: 'student', sender: 's7' });
        await publish({ message: 'anna', targetType: 'student', target: 's1' });
        await marker(host, [host, anna, ben]);
        assert.deepEqual(heard(host, 'send'), ['all', 'teachers']);
        assert.deepEqual(heard(anna, 'send'), ['all', 'students', 'anna']);
        assert.deepEqual(heard(ben, 'send'), ['all', 'students']);
        const [{ sender, senderType, room }] = host.all({ message: 'teachers' });
        assert.deepEqual({ sender, senderType, room }, { sender: 's7', senderType: 'student', room: `room:${code}` });
    });

    test('an id that another program made up does not stop the room\'s own messages', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const { id } = await say(host, 'student', 1);
        const [epoch, stream] = id.split('.');
        const far = `${epoch}.${Number(stream.split('-')[0]) + 86400000}-0`;
        await redis.client.publish(`room:${code}`, foreign(code, { id: far, ts: 1, message: 'far' }));
        await say(host, 'student', 2);
        await anna.next({ message: 2 });
        await marker(host, [host, anna]);
        const ben = await asStudent(server, code, { sub: 's2' });
        await marker(host, [ben]);
        assert.deepEqual(heard(ben, 'send').filter((message) => message !== 'far'), [1, 2]);
    });

    test('reserved types and whatever is no message are ignored', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const channel = `room:${code}`;
        const seal = await redis.client.hget(`room:${code}:info`, 'seal');
        const otherSeal = seal.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'));
        for (const messageType of [...SERVER_TYPES, 'kick', 'lock', 'unlock', 'settings', 'end', 'seen', 'token', 'ping']) {
            const forged = { messageType, target: 's1', message: { reason: 'forged', max: 1 } };
            await redis.client.publish(channel, foreign(code, forged));
            await redis.client.publish(channel, foreign(code, { ...forged, senderType: 'server', sender: 'lectern' }));
            const unsealed = foreign(code, { messageType, message: {} });
            await redis.client.publish(channel, `{"seal":"${otherSeal}",${unsealed.slice(1)}`);
        }
        const invalid = [Buffer.from(foreign(code, { message: 'x' }).slice(0, -2)), Buffer.from([0xff]), Buffer.from('"}')];
        for (const text of ['', 'hello', '[]', '{}', '{"seal":', 'null', foreign(code, { targetType: 'nobody' }),
            foreign(code, { messageType: 'a b' }), foreign(code, { messageType: undefined }),
            foreign(code, { room: 'room:OTHER' }), foreign(code, {}).slice(0, -1), Buffer.concat(invalid)]) {
            await redis.client.publish(channel, text);
        }
        await marker(host, [host, anna]);
        const kinds = (client) => new Set(client.messages.map((message) => message.messageType));
        assert.deepEqual(kinds(anna), new Set(['welcome', 'marker']));
        assert.deepEqual(kinds(host), new Set(['welcome', 'join', 'marker']));
        assert.equal(host.all('join').length, 1);
        assert.equal(anna.all('welcome').length, 1);
    });
});

describe('the body', () => {
    const bodies = [
        '123456789012345678901234567890', '1.0e5', '-0', '1E+2', '0.10', 'null', 'true', 'false', '[]', '{}', '""',
        '"\\u0000"', '"\\ud800"', '"\\u00e9\\/\\"\\\\"', '"é"', '"여러분 안녕하세요 👋🏽"', '"\u2028\u2029"',
        '{"b":1,"a":2,"b":3}', '{ "a" : [ 1 ,\t2 ] ,\n "c":null }',
        '{"messageType":"end","targetType":"teacher","seal":"x"}', `${'['.repeat(60)}${']'.repeat(60)}`,
    ];

    test('travels byte for byte, live and from the log', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (const body of bodies) {
            host.sendRaw(`{"messageType":"send","message":${body},"targetType":"student"}`);
            const frame = frameOf(anna, await anna.next('send'));
            assert.ok(frame.includes(`"message":${body}`), `${body} came as ${frame}`);
        }
        await marker(host, [anna]);
        await anna.close();
        const again = await asStudent(server, code, {}, { query: { history: bodies.length + 1 } });
        await again.next('marker');
        again.frames.filter((frame) => frame.includes('"send"')).forEach((frame, i) => {
            assert.ok(frame.includes(`"message":${bodies[i]}`), `${bodies[i]} was replayed as ${frame}`);
        });
        assert.equal(again.all('send').length, bodies.length);
    });

    test('travels byte for byte from another program too', async () => {
        const { code, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (const body of bodies) {
            await redis.client.publish(`room:${code}`,
                `{"room":"room:${code}","senderType":"teacher","sender":"t1","targetType":"all",`
                + `"messageType":"send","message":${body}}`);
            const frame = frameOf(anna, await anna.next('send'));
            assert.ok(frame.includes(`"message":${body}`), `${body} came as ${frame}`);
        }
    });

    test('an absent message is null', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        await accepted(host, { targetType: 'student', messageType: 'send' });
        assert.equal((await anna.next('send')).message, null);
    });
});

describe('the envelope', () => {
    test('every frame of the server is one message with the documented fields, and no others', async () => {
        const { code, host, students: [anna, ben] } = await openClass(server,
            { students: ['s1', 's2'], query: { hold: 60, notify: 'all' } });
        const { id } = await say(host, 'student', 1, { target: 's1' });
        await say(anna, 'teacher', 1, { ephemeral: true });
        await refusedMessage(anna, { messageType: 'end' });
        await anna.sync();
        await accepted(host, { messageType: 'lock' });
        await anna.next('send');
        anna.send({ messageType: 'seen', message: id });
        await host.next('seen');
        await ben.close();
        await host.next('leave');
        await host.close();
        await anna.next('host-away');
        const again = await asTeacher(server, code);
        await anna.next('host-back');
        again.send({ messageType: 'end' });
        await closedWith(anna, 4000);
        const messages = [...host.messages, ...anna.messages, ...ben.messages, ...again.messages];
        const heardTypes = new Set(messages.map(({ messageType }) => messageType));
        for (const type of ['welcome', 'join', 'leave', 'ack', 'error', 'pong', 'settings', 'seen', 'host-away',
            'host-back', 'close', 'send']) {
            assert.ok(heardTypes.has(type), `${type} was heard`);
        }
        const FROM_USERS = ['join', 'leave', 'send'];
        for (const message of messages) {
            const { ts, room, senderType, sender, targetType, target, messageType, ...more } = message;
            const { id: own, ref, message: body, ...rest } = more;
            const what = JSON.stringify(message);
            assert.deepEqual(rest, {}, what);
            assert.ok(Number.isInteger(ts) && room === `room:${code}`
                && ['student', 'teacher', 'all'].includes(targetType), what);
            assert.equal(senderType === 'server' && sender === 'lectern', !FROM_USERS.includes(messageType), what);
            assert.notEqual(body, undefined, what);
            assert.equal(typeof own, messageType === 'send' && targetType === 'student' ? 'string' : 'undefined', what);
            assert.equal(typeof ref, ['ack', 'error', 'pong'].includes(messageType) ? 'string' : 'undefined', what);
        }
    });

    test('room, sender and senderType may be given, if they are the session\'s own', async () => {
        const { code, host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const own = { room: `room:${code}`, sender: 's1', senderType: 'student', targetType: 'teacher',
            messageType: 'send' };
        await accepted(anna, { ...own, message: 'mine' });
        assert.equal((await host.next('send')).sender, 's1');
        for (const forged of [{ room: 'room:OTHER' }, { sender: 's2' }, { sender: 't1' }, { senderType: 'teacher' },
            { senderType: 'server' }]) {
            assert.equal((await refusedMessage(anna, { ...own, ...forged })).code, 'forbidden', JSON.stringify(forged));
        }
        await marker(host, [host]);
        assert.equal(host.all('send').length, 1);
    });

    test('unknown fields are ignored and not passed on; id and ts are the server\'s', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const ack = await accepted(host, { targetType: 'student', messageType: 'send', message: 1, id: 'mine', ts: 5,
            colour: { a: [1] }, TargetType: 'x', seal: 'q' });
        const message = await anna.next('send');
        assert.deepEqual(Object.keys(message).sort(),
            ['id', 'message', 'messageType', 'room', 'sender', 'senderType', 'targetType', 'ts']);
        assert.equal(message.id, ack.id);
        assert.ok(message.ts > 5);
    });

    const valid = { targetType: 'student', messageType: 'send', message: 1 };
    const wrong = [
        ['messageType', undefined], ['messageType', 5], ['messageType', ''], ['messageType', 'a b'],
        ['messageType', 'x'.repeat(65)], ['messageType', '전송'], ['targetType', undefined], ['targetType', 'everyone'],
        ['targetType', 1], ['targetType', null],
        ['target', 5], ['target', ''], ['target', 'a b'], ['target', 'x'.repeat(65)], ['target', ['s1']],
        ['ephemeral', 'yes'], ['ephemeral', 1], ['room', 5], ['sender', {}], ['senderType', []],
    ];
    for (const [field, value] of wrong) {
        test(`${field}=${JSON.stringify(value)?.slice(0, 14)} is a bad_field that is named`, async () => {
            const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
            const error = await refusedMessage(host, { ...valid, [field]: value });
            assert.deepEqual([error.code, error.field], ['bad_field', field]);
            await marker(host, [anna]);
            assert.deepEqual(heard(anna, 'send'), []);
        });
    }

    test('a bad ref is named, and cannot be echoed', async () => {
        const { host } = await openClass(server);
        for (const ref of [5, '', 'a b', 'x'.repeat(65), null]) {
            host.send({ ...valid, ref });
            const error = await host.next('error');
            assert.deepEqual([error.message.code, error.message.field, error.ref], ['bad_field', 'ref', undefined]);
        }
    });

    test('what is no JSON object is bad_json, and the socket stays', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        const bad = [
            '', ' ', 'hello', '[]', '5', '"send"', 'null', '{', '{"a":1}}', '{"a":01}', "{'a':1}", '{"a":1,}',
            '{"messageType":"send" "message":1}', '{"message":"\u0001"}', '{"message":"\\x"}', '{"message":nul}',
            '{"message":1.}', '\ufeff{}', `{"message":${'['.repeat(100)}${']'.repeat(100)}}`,
        ];
        for (const text of bad) {
            host.sendRaw(text);
            assert.equal((await host.next('error')).message.code, 'bad_json', text);
        }
        await marker(host, [host, anna]);
    });

    test('duplicate names and NULs in the envelope are refused', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        for (const text of ['{"targetType":"student","messageType":"send","messageType":"send"}',
            '{"targetType":"student","messageType":"send","message":1,"message":2}',
            '{"targetType":"student","messageType":"send\\u0000"}',
            '{"targetType":"student\\u0000","messageType":"send"}']) {
            host.sendRaw(text);
            assert.match((await host.next('error')).message.code, /^bad_(json|field)$/, text);
        }
        await marker(host, [anna]);
        assert.deepEqual(heard(anna, 'send'), []);
    });

    test('names are matched with their case, values with escapes undone', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        host.sendRaw('{"targettype":"teacher","targetType":"student","MESSAGETYPE":"x","messageType":"se\\u006ed"}');
        assert.equal((await anna.next('send')).targetType, 'student');
    });

    for (const messageType of SERVER_TYPES) {
        test(`${messageType} is the server's alone: reserved_type`, async () => {
            const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
            for (const client of [host, anna]) {
                const message = { targetType: 'teacher', messageType, message: { reason: 'forged' } };
                assert.equal((await refusedMessage(client, message)).code, 'reserved_type');
            }
            await marker(host, [host, anna]);
            assert.equal(host.all(messageType).filter((message) => message.senderType !== 'server').length,
                messageType === 'join' ? 1 : 0);
        });
    }

    test('binary messages are not understood: 1003', async () => {
        const { host, students: [anna] } = await openClass(server, { students: ['s1'] });
        anna.sendRaw(Buffer.from(JSON.stringify({ targetType: 'teacher', messageType: 'send' })), { binary: true });
        await closedWith(anna, 1003);
        await marker(host, [host]);
        assert.deepEqual(heard(host, 'send'), []);
    });
});
