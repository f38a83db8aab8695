// scripts/redis-monitor.sh against a real Redis, here and through a stand-in for ssh and docker that runs the command on
// this machine; scripts/run.sh with the real binary in a small tree of its own, where nothing has to be built.

import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { api, BIN, connect, freePort, launch, limit, ROOT, runCommand, startRedis, waitFor, within } from './harness.mjs';

const MONITOR = path.join(ROOT, 'scripts/redis-monitor.sh');
const temp = mkdtempSync(path.join(tmpdir(), 'lectern-scripts-'));
after(() => rmSync(temp, { recursive: true, force: true }));

const environment = (extra = {}) => {
    const env = { ...process.env, ...extra };
    for (const name of Object.keys(env)) if (name.startsWith('LECTERN_') && !(name in extra)) delete env[name];
    return env;
};

const isGone = (pid) => {
    try {
        process.kill(pid, 0);
        return false;
    } catch {
        return true;
    }
};

function script(name, text) {
    const file = path.join(temp, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
}

describe('redis-monitor.sh', () => {
    const PASSWORD = "p'a s$s\"w%rd";
    let redis;
    let url;

    before(async () => {
        redis = await startRedis({ password: PASSWORD });
        url = `redis://default:${encodeURIComponent(PASSWORD).replace(/'/g, '%27')}@127.0.0.1:${redis.port}`;
        await redis.client.multi()
            .sadd('room:FTYXPM:users', 't1', 's1')
            .hset('room:FTYXPM:info', { name: '3학년 2반', host: 't1', hostName: '김선생', locked: '1' })
            .hset('room:FTYXPM:user:t1', { name: '김선생', userType: 'teacher', serverId: 'a1', joinedAt: '0', state: 'active' })
            .hset('room:FTYXPM:user:s1', { name: '민준', userType: 'student', serverId: 'a2', joinedAt: '0', state: 'pending' })
            .sadd('room:ABCD:users', 's9', 'a"b\\c\nd')
            .hset('room:ABCD:user:s9', { name: 'x\u001b[2J\u0007\u009b31m\u202Ey', userType: 'student' })
            .sadd('other:ABCD:users', 'nobody')
            .exec();
    });
    after(() => redis.stop());

    const monitor = (args, { env = {} } = {}) =>
        runCommand('bash', [MONITOR, ...args], { env: environment({ LECTERN_REDIS_URL: url, TZ: 'UTC', ...env }) });

    /** Runs it without --once; resolves when it listens. */
    async function watch(args, env = {}) {
        const process = launch('bash', [MONITOR, ...args],
            { env: environment({ LECTERN_REDIS_URL: url, TZ: 'UTC', ...env }) });
        await waitFor(() => /-- listening on/.test(process.stdout) || !process.running, { what: 'live view' });
        assert.ok(process.running, process.stderr);
        process.lines = () => process.stdout.split('-- listening on')[1].split('\n').slice(1, -1);
        return process;
    }

    async function end(process) {
        process.kill('SIGINT');
        return within(process.exited, limit(5000), 'end of redis-monitor.sh');
    }

    const subscribers = async () => (await redis.client.pubsub('NUMPAT')) + (await redis.client.pubsub('CHANNELS')).length;

    test('--once shows who is in which room, in columns', async () => {
        const { code, stdout, stderr } = await monitor(['--once', 'FTYXPM']);
        assert.equal(code, 0, stderr);
        assert.deepEqual(stdout.split('\n').sort(), [
            '',
            '  student  s1               민준                  since 00:00:00  server a2  pending',
            '  teacher  t1               김선생                since 00:00:00  server a1',
            'room FTYXPM  3학년 2반  host t1 김선생  2 present  locked',
        ]);
    });

    test('without a room it shows all rooms, and only rooms', async () => {
        const { code, stdout } = await monitor(['--once']);
        assert.equal(code, 0);
        assert.deepEqual(stdout.match(/^room \S+/gm), ['room ABCD', 'room FTYXPM']);
        assert.ok(!stdout.includes('nobody'));
    });

    test('what users wrote reaches the terminal as text only', async () => {
        const { stdout } = await monitor(['--once', 'ABCD']);
        assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.test(stdout), JSON.stringify(stdout));
        assert.match(stdout, /x\uFFFD\[2J\uFFFD\uFFFD31m\uFFFDy/);
        assert.match(stdout, /a"b\\c d/, 'an id with quotes, backslash and newline stays in its line');
        assert.equal(stdout.trimEnd().split('\n').length, 3);
    });

    test('an empty Redis and a room without anybody', async () => {
        const empty = await startRedis();
        const all = await monitor(['--once', '-u', empty.url]);
        assert.deepEqual([all.code, all.stdout], [0, 'no participants in any room\n']);
        const one = await monitor(['--once', '-u', empty.url, 'ZZZZ']);
        assert.match(one.stdout, /^room ZZZZ .* 0 present\n$/);
        await empty.stop();
    });

    test('many rooms and members: SCAN goes on to its end, KEYS is never used', async () => {
        const big = await startRedis();
        const fill = big.client.pipeline();
        for (let room = 0; room < 1500; room++) fill.sadd(`room:R${room}:users`, 's1');
        for (let user = 0; user < 3000; user++) fill.sadd('room:BIGROOM:users', `student-${user}`);
        await fill.exec();
        const { code, stdout } = await monitor(['--once', '-u', big.url]);
        assert.equal(code, 0);
        assert.equal(stdout.match(/^room R\d+ /gm).length, 1500);
        assert.match(stdout, /^room BIGROOM .* 3000 present$/m);
        const used = await big.client.info('commandstats');
        assert.match(used, /cmdstat_scan:/);
        assert.doesNotMatch(used, /cmdstat_keys:/);
        await big.stop();
    });

    test('live: one line per message: time, room, who to whom, type, message', async () => {
        const view = await watch([]);
        const publish = (room, message) =>
            redis.client.publish(`room:${room}`, typeof message === 'string' ? message : JSON.stringify(message));
        await publish('FTYXPM', '{"seal":"s3cr3t","id":"k.1-0","ts":1732094000123,"room":"room:FTYXPM","senderType":"teacher",'
            + '"sender":"t1","targetType":"student","messageType":"send","message":"여러분 \\"안녕\\"\\n하세요"}');
        await publish('ABCD', { ts: 1, senderType: 'student', sender: 's1', targetType: 'teacher', target: 't1',
            messageType: 'answer', message: { a: [1, '}'], b: null }, ref: 'x' });
        await publish('ABCD', { ts: 2, senderType: 'server', sender: 'lectern', targetType: 'all', messageType: 'close' });
        await publish('ABCD', 'no json \u001b]0;title\u0007\n\u009b2J');
        await publish('ABCD', { ts: 3, senderType: 'student', sender: 's\u001b[1m', targetType: 'all', messageType: 'send',
            message: '\u0085\u2028'.padEnd(5000, '가') });
        await waitFor(() => view.lines().length === 5, { what: 'five lines' });
        const lines = view.lines();
        assert.equal(lines[0], '09:13:20 FTYXPM  t1 (teacher) → student: send 여러분 "안녕" 하세요');
        assert.equal(lines[1], '00:00:00 ABCD  s1 (student) → teacher t1: answer {"a":[1,"}"],"b":null}');
        assert.equal(lines[2], '00:00:00 ABCD  lectern (server) → all: close ');
        assert.match(lines[3], /^\d\d:\d\d:\d\d ABCD {2}\(not a JSON object\) no json \uFFFD\]0;title\uFFFD \uFFFD2J$/);
        assert.match(lines[4], /^00:00:00 ABCD {2}s\\u001b\[1m \(student\) → all: send \uFFFD\uFFFD가{49}…$/);
        assert.ok(!view.stdout.includes('s3cr3t'));
        assert.equal((await end(view)).code, 0);
        await waitFor(async () => await subscribers() === 0, { what: 'end of the subscription' });
    });

    test('live: only the room that was asked for', async () => {
        const view = await watch(['ABCD']);
        await redis.client.publish('room:FTYXPM', '{"messageType":"other"}');
        await redis.client.publish('room:ABCD', '{"messageType":"mine"}');
        await waitFor(() => view.lines().length > 0, { what: 'a line' });
        assert.equal(view.lines().length, 1);
        assert.match(view.lines()[0], /mine/);
        await end(view);
    });

    test('killed outright, it leaves no subscription behind', async () => {
        const view = await watch([]);
        view.kill('SIGKILL');
        await view.exited;
        await waitFor(async () => await subscribers() === 0, { what: 'end of the subscription' });
    });

    test('a Redis that goes away ends it with a message', async () => {
        const other = await startRedis();
        const view = await watch(['-u', other.url]);
        await other.kill();
        const { code } = await within(view.exited, limit(5000), 'end of redis-monitor.sh');
        assert.equal(code, 1);
        assert.match(view.stderr, /the connection to Redis is lost/);
        await other.stop();
    });

    test('unreachable Redis, wrong password, unreadable address: code 1 and a sentence', async () => {
        const nobody = await freePort();
        const unreachable = await monitor(['--once', '-u', `redis://127.0.0.1:${nobody}`]);
        assert.equal(unreachable.code, 1);
        assert.match(unreachable.stderr, /Connection refused[\s\S]*no answer from Redis/);
        const wrong = await monitor(['--once', '-u', `redis://:wrong@127.0.0.1:${redis.port}`]);
        assert.equal(wrong.code, 1);
        assert.match(wrong.stderr, /NOAUTH/);
        const odd = await monitor(['--once', '-u', 'http://127.0.0.1']);
        assert.equal(odd.code, 1);
        assert.match(odd.stderr, /allowed is redis:/);
    });

    test('wrong usage: code 2, what is wrong, and the usage', async () => {
        const cases = [
            [['--nonsense'], /unknown option --nonsense/], [['-u'], /-u needs a value/],
            [['-p', '22'], /need a user@host/], [['a@b', 'c@d'], /two hosts/],
            [['a@b', '-p', '22;x'], /a number/], [['room:a b*'], /not a room id/],
            [['--container', '-v/:/x'], /not a container's name/], [['nonsense'], /neither a user@host nor a room code/],
        ];
        for (const [args, expected] of cases) {
            const { code, stderr } = await monitor(args);
            assert.equal(code, 2, args.join(' '));
            assert.match(stderr, expected);
            assert.match(stderr, /^usage: /m);
        }
        const help = await monitor(['--help']);
        assert.equal(help.code, 0);
        assert.match(help.stdout, /^usage: .*user@host/);
    });

    describe('on another host', () => {
        const calls = path.join(temp, 'calls');
        let env;

        // They write down how they were called, and do what the real ones do with the command.
        before(() => {
            script('ssh', `printf '%s\\n' ssh "$@" >>"$CALLS"
                for last; do :; done
                exec sh -c "$last"`);
            script('docker', `printf '%s\\n' docker "$@" >>"$CALLS"
                [ "$1 $2" = "exec -i" ] || exit 9
                shift 3
                exec "$@"`);
            env = { PATH: `${temp}:${process.env.PATH}`, CALLS: calls };
        });

        const called = () => {
            const lines = readFileSync(calls, 'utf8').trimEnd().split('\n');
            rmSync(calls);
            return lines;
        };

        test('by ssh with key and port; the password is in no command line', async () => {
            const key = '/some where/it\'s "key"';
            const { code, stdout, stderr } = await monitor(['-i', key, '-p', '2222', 'op@school', '--once', 'FTYXPM'], { env });
            assert.equal(code, 0, stderr);
            assert.match(stdout, /^room FTYXPM .* 2 present/);
            const lines = called();
            assert.deepEqual(lines.slice(0, 7), ['ssh', '-i', key, '-p', '2222', '--', 'op@school']);
            assert.equal(lines.length, 8, 'one command, in one line');
            assert.ok(!lines[7].includes('w%rd') && !lines[7].includes('w%25rd'), lines[7]);
        });

        test('by ssh in a container, and in a container here', async () => {
            const there = await monitor(['op@school', '--container', 'redis-1', '--once'], { env });
            assert.equal(there.code, 0, there.stderr);
            assert.match(there.stdout, /^room FTYXPM /m);
            const remote = called();
            assert.deepEqual(remote.slice(0, 3), ['ssh', '--', 'op@school']);
            assert.deepEqual(remote.slice(4, 8), ['docker', 'exec', '-i', 'redis-1']);

            const here = await monitor(['--container', 'redis-1', '--once'], { env });
            assert.equal(here.code, 0, here.stderr);
            assert.match(here.stdout, /^room FTYXPM /m);
            assert.deepEqual(called().slice(0, 4), ['docker', 'exec', '-i', 'redis-1']);
        });

        test('values from the address reach the other side as words, not as commands', async () => {
            const proof = path.join(temp, 'proof');
            const user = encodeURIComponent(`$(touch ${proof})`);
            const { code } = await monitor(
                ['op@school', '--once', '-u', `redis://${user}:x@h'; touch \${CALLS}.x; '`], { env });
            assert.equal(code, 1);
            assert.ok(!existsSync(proof) && !existsSync(`${calls}.x`));
            called();
        });

        test('live by ssh; when it ends, so does redis-cli there', async () => {
            const view = await watch(['op@school'], env);
            await redis.client.publish('room:FTYXPM', '{"messageType":"over-ssh"}');
            await waitFor(() => /over-ssh/.test(view.stdout), { what: 'the message' });
            view.kill('SIGTERM');
            await within(view.exited, limit(5000), 'end of redis-monitor.sh');
            await waitFor(async () => await subscribers() === 0, { what: 'end of the subscription' });
        });
    });
});

describe('run.sh', () => {
    const tree = path.join(temp, 'tree with blanks');
    const data = path.join(tree, 'data');
    let port;

    before(async () => {
        mkdirSync(path.join(tree, 'build'), { recursive: true });
        cpSync(path.join(ROOT, 'scripts'), path.join(tree, 'scripts'), { recursive: true });
        cpSync(BIN, path.join(tree, 'build/lectern'));
        writeFileSync(path.join(tree, 'Makefile'), 'all:\n');
        const manifest = { name: 'tree', version: '1.0.0', private: true };
        const pages = 'mkdir -p build/web/teacher && echo hi >build/web/teacher/index.html';
        writeFileSync(path.join(tree, 'package.json'), JSON.stringify({ ...manifest, scripts: { build: pages } }));
        writeFileSync(path.join(tree, 'package-lock.json'), JSON.stringify(
            { ...manifest, lockfileVersion: 3, requires: true, packages: { '': manifest } }));
        port = await freePort();
    });

    const start = (env = {}, args = ['--no-install']) => launch('bash', [path.join(tree, 'scripts/run.sh'), ...args],
        { env: environment({ LECTERN_LISTEN: `127.0.0.1:${port}`, ...env }), cwd: temp });

    async function started(env) {
        const run = start(env);
        await waitFor(() => /\/student\//.test(run.stdout) || !run.running, { timeout: limit(20000), what: 'addresses' });
        assert.ok(run.running, run.stdout + run.stderr);
        return run;
    }

    const ended = (run) => within(run.exited, limit(15000), 'end of run.sh');

    // The processes that run.sh started, by their parent.
    function childrenOf(pid) {
        const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
        return Object.fromEntries(children.map((id) => [readFileSync(`/proc/${id}/comm`, 'utf8').trim(), Number(id)]));
    }

    test('starts Redis and the server, prints addresses that work, and Ctrl-C ends both', async () => {
        const run = await started();
        const [, token] = run.stdout.match(new RegExp(`http://127\\.0\\.0\\.1:${port}/teacher/#token=(\\S+)`));
        assert.match(run.stdout, new RegExp(`http://127\\.0\\.0\\.1:${port}/student/\\n`));
        assert.match(run.stdout, new RegExp(`http://127\\.0\\.0\\.1:${port}/chat/\\n`));
        assert.equal(statSync(data).mode & 0o777, 0o700);
        assert.equal(statSync(path.join(data, 'redis-url')).mode & 0o777, 0o600);

        const page = await api({ url: `http://127.0.0.1:${port}` }, 'GET', '/teacher/');
        assert.deepEqual([page.status, page.text], [200, 'hi\n']);
        const host = await connect({ wsUrl: `ws://127.0.0.1:${port}` }, { token });
        const { code, stdout } = await runCommand('bash', [path.join(tree, 'scripts/redis-monitor.sh'), '--once'],
            { env: environment() });
        assert.equal(code, 0, 'redis-monitor.sh finds the Redis that run.sh started');
        assert.match(stdout, new RegExp(`^room ${host.room} .*host teacher Teacher`));
        host.terminate();

        // The first teacher's account: the password works, and is written nowhere.
        const [, password] = run.stdout.match(/^ {2}id {8}teacher\n {2}password {2}([a-z2-7]{16})$/m);
        const login = await api({ url: `http://127.0.0.1:${port}` }, 'POST', '/login', { body: { id: 'teacher', password } });
        assert.deepEqual([login.status, login.body.user.userType], [200, 'teacher'], login.text);
        const grep = await runCommand('grep', ['-rlF', password, data]);
        assert.equal(grep.stdout, '');

        const children = childrenOf(run.pid);
        assert.deepEqual(Object.keys(children).sort(), ['lectern', 'redis-server']);
        run.kill('SIGINT');
        assert.deepEqual(await ended(run), { code: 0, signal: null }, run.stderr);
        assert.match(run.stdout, /^== stopping/m);
        assert.ok(Object.values(children).every(isGone));
        assert.ok(!existsSync(path.join(data, 'redis-url')));
    });

    test('the data outlives a restart, and a second start builds nothing', async () => {
        const secret = readFileSync(path.join(data, 'redis/redis.log'), 'utf8');
        assert.match(secret, /Ready to accept connections/);
        const first = await started();
        const url = readFileSync(path.join(data, 'redis-url'), 'utf8').trim();
        const set = await runCommand('redis-cli', ['-u', url, 'SET', 'kept', 'yes']);
        assert.equal(set.stdout, 'OK\n');
        first.kill('SIGTERM');
        assert.equal((await ended(first)).code, 0);

        const second = await started();
        assert.doesNotMatch(second.stdout, /== (installing|building)/);
        for (const run of [first, second]) assert.doesNotMatch(run.stdout, /password/, 'that was shown once');
        const again = readFileSync(path.join(data, 'redis-url'), 'utf8').trim();
        assert.equal((await runCommand('redis-cli', ['-u', again, 'GET', 'kept'])).stdout, 'yes\n');
        second.kill('SIGTERM');
        assert.equal((await ended(second)).code, 0);
    });

    test('with LECTERN_REDIS_URL it uses that Redis, and leaves it running', async () => {
        const redis = await startRedis();
        const run = await started({ LECTERN_REDIS_URL: redis.url });
        assert.deepEqual(Object.keys(childrenOf(run.pid)), ['lectern']);
        assert.equal((await api({ url: `http://127.0.0.1:${port}` }, 'GET', '/readyz')).status, 200);
        run.kill('SIGTERM');
        assert.equal((await ended(run)).code, 0);
        assert.equal(await redis.client.ping(), 'PONG');
        await redis.stop();
    });

    test('makes the first teacher where there are students only, and says when it cannot', async () => {
        for (const [id, made] of [['kim', true], ['teacher', false]]) {
            const own = mkdtempSync(path.join(temp, 'accounts-'));
            const env = environment({ LECTERN_DATA_DIR: own });
            const added = await runCommand(BIN, ['user', 'add', '--type', 'student', id], { env });
            assert.equal(added.code, 0, added.stderr);
            const run = await started({ LECTERN_DATA_DIR: own });
            if (made) {
                const [, password] = run.stdout.match(/^ {2}id {8}teacher\n {2}password {2}([a-z2-7]{16})$/m);
                const login = await api({ url: `http://127.0.0.1:${port}` }, 'POST', '/login', { body: { id: 'teacher', password } });
                assert.deepEqual([login.status, login.body.user.userType], [200, 'teacher'], login.text);
            } else {
                assert.doesNotMatch(run.stdout, /password/);
                assert.match(run.stderr, /teacher: there is an account with this id already[\s\S]*there is no teacher's account yet/);
            }
            run.kill('SIGTERM');
            assert.equal((await ended(run)).code, 0);
        }
    });

    test('one data directory, one run.sh', async () => {
        const run = await started();
        const other = start({ LECTERN_LISTEN: `127.0.0.1:${await freePort()}` });
        assert.equal((await ended(other)).code, 1);
        assert.match(other.stderr, /another scripts\/run\.sh is using the data directory/);
        run.kill('SIGTERM');
        await ended(run);
    });

    test('a port that is taken: the server says so, Redis is stopped again', async () => {
        const run = await started();
        const other = start({ LECTERN_DATA_DIR: path.join(temp, 'other') });
        const { code } = await ended(other);
        assert.notEqual(code, 0);
        assert.match(other.stderr, new RegExp(`${port}[\\s\\S]*the server ended with code`));
        const log = readFileSync(path.join(temp, 'other/redis/redis.log'), 'utf8');
        assert.match(log, /ready to exit, bye bye/);
        run.kill('SIGTERM');
        await ended(run);
    });

    test('a server or a Redis that dies takes the rest down, with a code that says so', async () => {
        for (const name of ['lectern', 'redis-server']) {
            const run = await started();
            const children = childrenOf(run.pid);
            process.kill(children[name], 'SIGKILL');
            assert.equal((await ended(run)).code, 137);
            assert.match(run.stderr, name === 'lectern' ? /server ended by itself/ : /Redis ended/);
            await waitFor(() => Object.values(children).every(isGone), { what: 'end of all it started' });
        }
    });

    test('killed outright, it still leaves nothing behind', async () => {
        const run = await started();
        const children = childrenOf(run.pid);
        run.kill('SIGKILL');
        await waitFor(() => Object.values(children).every(isGone), { timeout: limit(15000), what: 'end of all it started' });
    });

    test('an incomplete copy, wrong usage, --help', async () => {
        rmSync(path.join(tree, 'package-lock.json'));
        const run = start();
        assert.equal((await ended(run)).code, 1);
        assert.match(run.stderr, /package-lock\.json is missing/);
        const wrong = start({}, ['--nonsense']);
        assert.equal((await ended(wrong)).code, 2);
        assert.match(wrong.stderr, /^usage: /);
        const help = start({}, ['--help']);
        assert.equal((await ended(help)).code, 0);
        assert.match(help.stdout, /^usage: scripts\/run\.sh/);
    });
});
