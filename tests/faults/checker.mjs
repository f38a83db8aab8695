// A class that counts. Its people use the project's own client library: they number what they say, keep it until it
// is acknowledged, say it again after every reconnect (to the next server), and write down all that they hear.
// verify() then proves that every acknowledged message reached everybody whom it names exactly once and in its
// sender's order, and nobody else; on the wire as well as behind the library's own filter of repeated ids.
//
//   const people = await gather(t, [a, b], { students: 8, query: { hold: 60 } });
//   people.talk();                       // everybody keeps talking…
//   …                                    // …while things break
//   await people.quiet();                // all said is acknowledged
//   await people.verify();
//
// Who is at which server: the host at the first, student i at servers[i % n]. A server that closes, refuses or does
// not answer makes its people try the next one, as a load balancer in front of them would.

import assert from 'node:assert/strict';
import { build } from 'esbuild';
import WebSocket from 'ws';
import { ROOT, limit, mintToken, roomCode, waitFor, within } from '../integration/harness.mjs';

async function load(module) {
    const { outputFiles } = await build({
        entryPoints: [`${ROOT}web/client/${module}.ts`], bundle: true, format: 'esm', target: 'node18', write: false,
        logLevel: 'silent',
    });
    return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

/** What the project's client library exports. */
export const library = await load('index');
const { LecternClient } = library;

/** Time that the class has to get over a fault: to say everything, to hear everything. */
const RECOVERY = 30000;

/** Reasons to wait that faults explain; another one (`room_ended`, …) is a failure of the server. */
const NATURAL = new Set(['lost', 'moved', 'unreachable', 'unavailable', 'server_error', 'silent', 'refused']);

/** One who is in the class: what they said, what they heard, what happened to them. */
class Person {
    #said = [];
    #at;
    #talking = null;

    constructor(group, id, type, at, options) {
        Object.assign(this, { group, id, type });
        this.#at = at;
        this.heard = []; // {sender, n, id}, each as often as the library handed it on
        this.ids = new Map(); // id → how often it came over the wire
        this.unwanted = []; // what this one should never have heard of
        this.gaps = [];
        this.joins = [];
        this.leaves = [];
        this.welcomes = 0;
        this.away = []; // host-away, host-back, ended: in their order
        this.disconnects = []; // close codes
        this.troubles = []; // waits and ends that no fault explains
        const person = this;
        this.client = new LecternClient({
            get base() { return person.server.url; },
            token: mintToken({ type, sub: id }),
            backoff: { base: 100, max: 500 }, roomPoll: { base: 100, max: 500 },
            times: { move: 100, connect: limit(10000) },
            ...options,
            env: { WebSocket: watched(this) },
        });
        this.#listen();
    }

    get server() { return this.group.servers[this.#at % this.group.servers.length]; }

    /** The socket that is open or was last. */
    socket = null;

    #listen() {
        const { client } = this;
        client.on('message', (message) => this.#hear(message));
        client.on('welcome', () => { this.welcomes += 1; });
        client.on('gap', (gap) => this.gaps.push(gap));
        client.on('join', ({ user }) => this.joins.push(user.id));
        client.on('leave', ({ user, reason }) => this.leaves.push(`${user.id} ${reason}`));
        client.on('host-away', () => this.away.push('away'));
        client.on('host-back', () => this.away.push('back'));
        client.on('ended', ({ reason }) => this.away.push(reason));
        client.on('disconnect', ({ code }) => this.disconnects.push(code));
        client.on('state', ({ name, reason }) => {
            if (name === 'waiting') this.#at += 1;
            if (name === 'waiting' ? !NATURAL.has(reason.kind) : name === 'closed' && reason.kind !== 'left') {
                this.troubles.push(`${name}: ${reason.kind} ${reason.text ?? ''}`);
            }
        });
    }

    #hear({ id, sender, senderType, targetType, target, message, messageType }) {
        if (messageType !== 'say') return;
        const own = sender === this.id;
        const meant = targetType === 'all' || targetType === this.type;
        if (!own && (!meant || (target !== undefined && target !== this.id))) {
            this.unwanted.push(`${sender} ${message.n} to ${targetType} ${target ?? ''}`);
        }
        assert.equal(senderType, sender === this.group.host.id ? 'teacher' : 'student');
        this.heard.push({ sender, n: message.n, id });
    }

    /** Says one thing; resolves when it is acknowledged. */
    async say(targetType, target) {
        const said = { sender: this.id, n: this.#said.length + 1, targetType, target, id: undefined };
        this.#said.push(said);
        const answer = this.client.send({
            targetType, ...(target === undefined ? {} : { target }), messageType: 'say',
            message: { n: said.n, text: '여러분 안녕하세요' },
        });
        said.answered = answer.then(({ id }) => { said.id = id; }, (error) => { said.error = error.message; });
        await said.answered;
        if (said.error !== undefined) throw new Error(`${this.id}: ${said.error}`);
        return said;
    }

    get said() { return this.#said; }

    /** Says one thing after the other, each when the one before is acknowledged, until hush(). */
    talk({ every, choose }) {
        let over = false;
        let wake = () => {};
        const run = async () => {
            while (!over) {
                await this.say(...choose(this));
                await new Promise((resolve) => {
                    wake = resolve;
                    setTimeout(resolve, every * (0.5 + Math.random()));
                });
            }
        };
        const ended = run();
        ended.catch(() => {}); // told by hush()
        this.#talking = { ended, stop() { over = true; wake(); } };
    }

    async hush() {
        const talking = this.#talking;
        this.#talking = null;
        talking?.stop();
        await talking?.ended;
        await Promise.all(this.#said.map(({ answered }) => answered));
    }

    /** What of `all` (by sender) this one must have heard and has not. */
    missing(all) {
        const heard = new Set(this.heard.map(({ sender, n }) => `${sender} ${n}`));
        return all.filter((said) => said.id !== undefined && names(said, this))
            .map(({ sender, n }) => `${sender} ${n}`)
            .filter((said) => !heard.has(said));
    }
}

const names = ({ targetType, target }, { id, type }) =>
    (targetType === 'all' || targetType === type) && (target === undefined || target === id);

/** A WebSocket that counts for a person which ids came over it. */
function watched(person) {
    return class extends WebSocket {
        constructor(...args) {
            super(...args);
            person.socket = this;
            this.on('message', (data) => {
                const { id, senderType } = JSON.parse(data);
                if (id && senderType !== 'server') person.ids.set(id, (person.ids.get(id) ?? 0) + 1);
            });
            this.on('error', () => {});
        }
    };
}

/** `epoch.ms-seq` → [epoch, ms, seq] */
function parts(id) {
    const [, epoch, ms, seq] = /^([^.]+)\.(\d+)-(\d+)$/.exec(id) ?? assert.fail(`not an id: ${id}`);
    return [epoch, Number(ms), Number(seq)];
}

const before = ([, ms, seq], [, otherMs, otherSeq]) => ms < otherMs || (ms === otherMs && seq < otherSeq);

class People {
    constructor(servers, code, students, query) {
        this.servers = servers;
        this.code = code;
        this.host = new Person(this, 't1', 'teacher', 0, { room: code, host: query });
        this.students = Array.from({ length: students }, (_, i) =>
            new Person(this, `s${i + 1}`, 'student', i, { room: code }));
    }

    get all() { return [this.host, ...this.students]; }

    async arrive() {
        const open = (person) => person.client.state.name === 'open';
        this.host.client.connect();
        await waitFor(() => open(this.host), { timeout: limit(10000), what: 'the host in class' });
        for (const student of this.students) student.client.connect();
        await this.present();
        await waitFor(() => this.host.joins.length >= this.students.length,
            { timeout: limit(10000), what: 'all joins' });
        this.host.joins.length = 0;
    }

    /** Everybody has an open connection. */
    async present() {
        await waitFor(() => this.all.every(({ client }) => client.state.name === 'open'), {
            timeout: limit(RECOVERY), what: 'everybody in class',
        }).catch((error) => {
            const absent = this.all.filter(({ client }) => client.state.name !== 'open');
            throw new Error(`${error.message}; absent: ${absent.map(({ id, client, troubles, disconnects }) =>
                `${id} ${JSON.stringify(client.state)} ${troubles} ${disconnects}`).join('; ')}`);
        });
    }

    /** A student's share: mostly questions, some words to all, some to one other. The host speaks to all. */
    #choose = (person) => {
        const other = this.students[Math.floor(Math.random() * this.students.length)];
        const draw = Math.random();
        if (person.type === 'teacher') return draw < 0.7 ? ['student'] : draw < 0.9 ? ['all'] : ['student', other.id];
        return draw < this.aloud ? ['all'] : draw < this.aloud + 0.2 ? ['student', other.id] : ['teacher'];
    };

    /** Everybody begins to talk: a word about every `every` ms each; `aloud` is the share of students' words to all. */
    talk({ every = 100, aloud = 0.3 } = {}) {
        this.aloud = aloud;
        for (const person of this.all) person.talk({ every, choose: this.#choose });
    }

    /** Everybody has said (and was acknowledged) `count` things more than now. Only while all talk. */
    async exchanged(count) {
        const goal = this.all.map(({ said }) => said.length + count);
        await waitFor(() => this.all.every(({ said }, i) => said.length >= goal[i]), {
            timeout: limit(RECOVERY), what: `${count} more words by everybody`,
        }).catch((error) => {
            const stuck = this.all.filter(({ said }, i) => said.length < goal[i]);
            throw new Error(`${error.message}; waiting for answers: ${stuck.map(({ id, client }) =>
                `${id} ${client.state.name} ${client.pending}`).join(', ')}`);
        });
    }

    /** Everybody stops, and all that was said is acknowledged. */
    async quiet() {
        const hushed = Promise.all(this.all.map((person) => person.hush()));
        await within(hushed, limit(RECOVERY), 'answers to all that was said')
            .catch((error) => {
                const stuck = this.all.filter(({ client }) => client.pending > 0);
                throw new Error(`${error.message}; waiting: ${stuck.map(({ id, client, server }) =>
                    `${id} ${client.state.name} ${client.pending} at ${server.port}`).join(', ')}`);
            });
    }

    /**
     * Waits until everybody has heard all that was acknowledged, and proves the rest. `gaps`: an emptied Redis may have
     * forgotten what a `since` named; then what there is may come over the wire again.
     */
    async verify({ gaps = false, patience = RECOVERY } = {}) {
        const all = this.all.flatMap(({ said }) => said);
        for (const { id, troubles } of this.all) assert.deepEqual(troubles, [], `what happened to ${id}`);
        await waitFor(() => this.all.every((person) => person.missing(all).length === 0), {
            timeout: limit(patience), every: 50, what: 'all messages at everybody',
        }).catch((error) => {
            const lost = this.all.map((person) => [person.id, person.missing(all)])
                .filter(([, list]) => list.length > 0);
            throw new Error(`${error.message}: ${JSON.stringify(lost)}`);
        });
        const told = new Map(all.map((said) => [`${said.sender} ${said.n}`, said]));
        const ids = all.map(({ id }) => id).filter(Boolean);
        assert.equal(new Set(ids).size, ids.length, 'an id was given twice');
        for (const person of this.all) this.#verify(person, told, gaps);
        return ids.length;
    }

    #verify(person, told, gaps) {
        const { id, heard } = person;
        assert.deepEqual(person.unwanted, [], `${id} heard what was not meant for it`);
        if (!gaps) {
            assert.deepEqual(person.gaps, [], `${id} was told of a gap`);
            const twice = [...person.ids].filter(([, times]) => times > 1);
            assert.deepEqual(twice, [], `${id}: over the wire more than once`);
        }
        const last = new Map();
        let newest = null;
        for (const word of heard) {
            const key = `${word.sender} ${word.n}`;
            const said = told.get(key);
            assert.ok(said, `${id} heard ${key}, which nobody said`);
            if (said.id !== undefined) assert.equal(word.id, said.id, `${id} heard ${key} under another id`);
            assert.ok(word.n > (last.get(word.sender) ?? 0), `${id} heard ${key} after ${last.get(word.sender)}`);
            last.set(word.sender, word.n);
            const at = parts(word.id);
            if (newest && newest[0] === at[0]) assert.ok(before(newest, at), `${id} heard ${word.id} after ${newest}`);
            newest = at;
        }
    }

    close() {
        for (const person of this.all) {
            person.hush().catch(() => {});
            person.client.close();
            person.socket?.terminate();
        }
    }
}

/** A class with everybody in it. They leave when the test ends. */
export async function gather(t, servers, { students = 6, query = { hold: 60 }, code = roomCode() } = {}) {
    const people = new People(servers, code, students, { talk: 'all', ...query });
    t.after(() => people.close());
    await people.arrive();
    return people;
}
