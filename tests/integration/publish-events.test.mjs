// scripts/publish-events.sh, which plays the publishing services.

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ROOT, launch, limit, runCommand, startRedis, startServer, within } from './harness.mjs';
import { dataOf, follow, serviceToken, typed } from './feed.mjs';

const SCRIPT = path.join(ROOT, 'scripts', 'publish-events.sh');
let redis;
let server;

before(async () => {
    redis = await startRedis({ password: 'p@ss %w' });
    server = await startServer({ redis });
});
after(async () => {
    await server?.stop();
    await redis?.stop();
});

async function run(args, env = {}, input = '') {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LECTERN_')));
    const { code, stdout, stderr } = await runCommand(SCRIPT, args, { env: { ...clean, ...env }, input });
    return { code, out: stdout, err: stderr };
}

test('publishes in Redis, on the channels in turn, bounded by count', async () => {
    const client = await follow(server);
    const { code, out, err } = await run(['-n', '5', '-r', '100', 'chat_monitor', 'exe_monitor'],
        { LECTERN_REDIS_URL: redis.url });
    assert.equal(code, 0, err);
    assert.match(out, /^5 events on 2 channels$/m);
    await client.next((message) => message.data?.n === 5);
    assert.deepEqual(dataOf(client, 'chat_monitor').map(({ n }) => n), [1, 3, 5]);
    assert.deepEqual(dataOf(client, 'exe_monitor').map(({ n }) => n), [2, 4]);
    assert.equal(client.all(typed('chat_monitor'))[0].id, undefined);
    assert.ok(client.messages[1].data.user);
});

test('sends to /events with a token, from the environment or from standard input', async () => {
    const client = await follow(server);
    const text = 'say "hi" \\ to\nall 안녕';
    const { code, err } = await run(['--post', server.url, '--count', '6', '--rate', '100', '--text', text],
        { LECTERN_EVENTS_TOKEN: serviceToken('*') });
    assert.equal(code, 0, err);
    const event = await client.next(typed('fake_scan_monitor'));
    assert.equal(event.data.text, 'say "hi" \\ to all 안녕');
    assert.match(event.id, /^[a-z2-7]{6}\./);
    const piped = await run(['--post', `${server.url}/`, '-n', '1', 'scan_monitor'], {}, `${serviceToken('scan_monitor')}\n`);
    assert.equal(piped.code, 0, piped.err);
});

test('says what went wrong', async () => {
    for (const [args, env, code, words] of [
        [['--nonsense'], {}, 2, /unknown option/],
        [['-n'], {}, 2, /needs a value/],
        [['-n', '-1'], {}, 2, /whole number/],
        [['-r', '0'], {}, 2, /whole number/],
        [['a b'], {}, 2, /no channel/],
        [['-u', 'http://x'], {}, 2, /the URL is not/],
        ...['/', 'localhost:8080', 'http://', 'redis://127.0.0.1'].map((url) =>
            [['--post', url], { LECTERN_EVENTS_TOKEN: serviceToken('*'), LECTERN_REDIS_URL: redis.url }, 2, /--post takes an address: /]),
        [['-u', 'redis://127.0.0.1:1', '-n', '1'], {}, 1, /Redis: /],
        [['-u', redis.url.replace(/:[^:@]*@/, ':wrong@'), '-n', '1'], {}, 1, /Redis: /],
        [['--post', server.url, '-n', '1'], { LECTERN_EVENTS_TOKEN: 'x y' }, 1, /no token/],
        [['--post', server.url, '-n', '1'], {}, 1, /no token/],
        [['--post', server.url, '-n', '1'], { LECTERN_EVENTS_TOKEN: serviceToken('exe_monitor') }, 1, /403 .*channel_forbidden/],
        [['--post', 'http://127.0.0.1:1', '-n', '1'], { LECTERN_EVENTS_TOKEN: serviceToken('*') }, 1, /curl|connect/],
    ]) {
        const result = await run(args, env);
        assert.equal(result.code, code, `${args.join(' ')}: ${result.out}${result.err}`);
        assert.match(result.err, words);
    }
    const { code, out } = await run(['--help']);
    assert.equal(code, 0);
    assert.match(out, /^usage: /);
});

test('without end until it is told to stop', async () => {
    const client = await follow(server, { channels: 'chat_monitor' });
    const self = launch(SCRIPT, ['-n', '0', '-r', '50', '-u', redis.url, 'chat_monitor'], {});
    await client.next((message) => message.data?.n === 10, { timeout: limit(20000) });
    self.kill('SIGTERM');
    const { code } = await within(self.exited, limit(10000), 'end');
    assert.equal(code, 0);
    assert.match(self.stdout, /^\d+ events on 1 channels$/m);
});
