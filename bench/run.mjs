// Runs the benchmark: servers on CPU 0, the generator on CPU 1, the servers taken in turn within each round, so that they
// meet the same moods of the machine. Prints medians, and ratios to the bare loop of the same round. docs/performance.md
// says what the scenarios are.
//
//   node bench/run.mjs [--servers raw,lectern] [--scenarios fan-1x1000-w1,…] [--rounds 5] [--quick]
//       [--growth] [--store] [--messages 100000] [--build build] [--lectern FILE] [--json FILE] [--install-peers] [--list]

import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fail, installPeers, loadOptions, pinned, startServer, starters } from './servers.mjs';
import { benchStore } from './store.mjs';

// aim: what the project wants of Lectern here; × raw is a ratio to the bare loop of the same round.
const scenarios = {
    'fan-1x1000-w1': { args: 'fanout --rooms 1 --students 1000 --window 1', aim: 'cpu × raw ≤ 1.05' },
    'fan-1x1000-w16': { args: 'fanout --rooms 1 --students 1000 --window 16', aim: 'cpu × raw ≤ 0.14' },
    'fan-100x30-w1': { args: 'fanout --rooms 100 --students 30 --window 1', aim: 'cpu × raw ≤ 1.1' },
    'fan-100x30-w8': { args: 'fanout --rooms 100 --students 30 --window 8', aim: 'cpu × raw ≤ 0.21' },
    'fan-4k': { args: 'fanout --rooms 1 --students 1000 --window 4 --size 4096', aim: 'throughput × raw ≥ 1.5' },
    'latency': {
        args: 'latency --rooms 100 --students 30 --rate 1',
        duration: 20000,
        aim: 'p50 × raw ≤ 2, p99 × raw ≤ 3',
    },
    'churn': { args: 'churn --rooms 100 --students 30 --clients 32', aim: 'server ≤ 100 µs each' },
    'join': { args: 'join --rooms 1 --students 1000', fresh: true, aim: '< 2,000 ms, none refused' },
    'idle': { args: 'idle --rooms 500 --students 29', fresh: true, aim: '≤ 700 bytes per socket' },
    'reconnect': {
        args: 'reconnect --rooms 50 --students 100',
        fresh: true,
        only: ['lectern', 'lectern2'],
        aim: '≤ 10,000 ms, none lost',
    },
};

// What a host's message has around its text, in bytes (bench/dialect.c).
const ENVELOPE = '{"targetType":"student","messageType":"send","message":""}'.length;

// How cost grows: the same 10,000 deliveries/s to 2,000 students in ever more rooms; ever longer texts to 200 students; one
// server, and two that share a Redis and each room's students.
const ONE_AND_TWO = ['raw', 'lectern', 'lectern2'];
const growth = {
    ...Object.fromEntries([1, 10, 100, 1000].map((rooms) => [
        `rooms-${rooms}`, { args: `latency --rooms ${rooms} --students ${2000 / rooms} --rate 5`, duration: 5000 },
    ])),
    ...Object.fromEntries([50, 256, 1024, 4096, 16384, 65024].map((size) => [
        `size-${size}`, { args: `fanout --rooms 1 --students 200 --window 4 --size ${size + ENVELOPE}` },
    ])),
    ...Object.fromEntries(['1x1000-w1', '1x1000-w16', '100x30-w1', '100x30-w8'].map((name) => {
        const [rooms, students, window] = name.match(/\d+/g);
        const args = `fanout --rooms ${rooms} --students ${students} --window ${window}`;
        return [`servers-${name}`, { args, servers: ONE_AND_TWO }];
    })),
    'servers-churn': { args: scenarios.churn.args, servers: ONE_AND_TWO },
};

const { values: options } = parseArgs({
    options: {
        servers: { type: 'string', default: 'raw,lectern' },
        scenarios: { type: 'string' },
        rounds: { type: 'string', default: '5' },
        quick: { type: 'boolean', default: false },
        growth: { type: 'boolean', default: false },
        store: { type: 'boolean', default: false },
        messages: { type: 'string', default: '100000' },
        build: { type: 'string', default: 'build' },
        lectern: { type: 'string' },
        json: { type: 'string' },
        'install-peers': { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
    },
});
if (options.help) {
    console.log('usage: run.mjs [--servers A,B] [--scenarios A,B] [--rounds N] [--quick] [--growth] [--build DIR] [--lectern FILE]\n'
        + '               [--store] [--messages N] [--json FILE] [--install-peers] [--list]        docs/performance.md says more');
    process.exit(0);
}
const build = path.resolve(options.build);
const lectern = path.resolve(options.lectern ?? path.join(build, 'lectern'));
const table = options.growth ? growth : scenarios;
const jsonFile = path.resolve(options.json ?? path.join(build, 'bench', 'results.jsonl'));

function chosen(text, known, what) {
    const names = text ? text.split(',') : Object.keys(known);
    for (const name of names) if (!known[name]) fail(`unknown ${what} ${name}; known: ${Object.keys(known).join(', ')}`);
    return names;
}

const median = (numbers) => {
    const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    if (sorted.length === 0) return NaN;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

// ---- measuring ----

function runLoad(server, scenario) {
    const times = [];
    if (options.quick) times.push('--warm', '300', '--duration', '1000');
    else if (scenario.duration) times.push('--duration', String(scenario.duration));
    const command = [path.join(build, 'bench', 'load'), ...scenario.args.split(' '), ...times, ...loadOptions(server)];
    const [file, ...args] = pinned(1, command);
    const result = spawnSync(file, args, { encoding: 'utf8', timeout: 180000 });
    const json = result.status === 0 ? result.stdout.trim().split('\n').at(-1) : null;
    if (!json) {
        console.error(`bench: ${server.name}: ${scenario.args}: ${result.stderr.trim() || 'no result in time'}`);
        return null;
    }
    return JSON.parse(json);
}

/** Those that take part in a scenario: its own, or those asked for, where it does not leave them out. */
const serversOf = ({ servers, only }, asked) => servers ?? asked.filter((name) => !only || only.includes(name));

async function measure(name, running, serverNames, results) {
    const scenario = table[name];
    for (const serverName of serversOf(scenario, serverNames)) {
        const server = scenario.fresh ? await startServer(serverName, { build, lectern }) : running.get(serverName);
        const result = runLoad(server, scenario);
        if (scenario.fresh) await server.stop();
        if (!results.has(name)) results.set(name, new Map());
        const perServer = results.get(name);
        if (!perServer.has(serverName)) perServer.set(serverName, []);
        perServer.get(serverName).push(result);
        if (result) appendFileSync(jsonFile, `${JSON.stringify({ scenario: name, ...result })}\n`);
    }
}

// ---- printing ----

// Columns: title, the result's field, decimals; ratio: to the bare loop's in the same round.
const columns = {
    fanout: [
        ['k deliv/s', 'kdeliveries_s', 1], ['MB/s', 'mb_s', 1], ['server s/M', 'server_s_per_m', 2],
        ['Redis s/M', 'redis_s_per_m', 2], ['cpu × raw', 'cpu_s_per_m', 2, 'ratio'],
        ['thr × raw', 'kdeliveries_s', 2, 'ratio'], ['per read', 'per_read', 1],
        ['p50 ms', 'broadcast_ms_p50', 2], ['p99 ms', 'broadcast_ms_p99', 2], ['server %', 'server_pct', 0],
        ['client %', 'client_pct', 0], ['lost', 'lost', 0], ['repeats', 'repeated', 0],
    ],
    latency: [
        ['k deliv/s', 'kdeliveries_s', 1], ['p50 µs', 'delivery_us_p50', 0], ['p99 µs', 'delivery_us_p99', 0],
        ['p99.9 µs', 'delivery_us_p999', 0], ['p50 × raw', 'delivery_us_p50', 2, 'ratio'],
        ['p99 × raw', 'delivery_us_p99', 2, 'ratio'], ['server s/M', 'server_s_per_m', 1],
        ['Redis s/M', 'redis_s_per_m', 1], ['cpu × raw', 'cpu_s_per_m', 2, 'ratio'], ['lost', 'lost', 0],
        ['repeats', 'repeated', 0],
    ],
    churn: [
        ['handshakes/s', 'handshakes_s', 0], ['server µs each', 'server_us_each', 0],
        ['Redis µs each', 'redis_us_each', 0], ['p50 ms', 'join_ms_p50', 2], ['p99 ms', 'join_ms_p99', 2],
        ['refused', 'refused', 0],
    ],
    join: [
        ['joined', 'joined', 0], ['all ms', 'all_ms', 0], ['p50 ms', 'join_ms_p50', 0], ['p99 ms', 'join_ms_p99', 0],
        ['server µs each', 'server_us_each', 0], ['Redis µs each', 'redis_us_each', 0], ['refused', 'refused', 0],
    ],
    idle: [
        ['RSS empty MiB', 'rss_mib_empty', 1], ['B/socket at a third', 'bytes_per_socket_third', 0],
        ['B/socket', 'bytes_per_socket_full', 0], ['B/socket added', 'bytes_per_socket_marginal', 0],
        ['B/socket after a message', 'bytes_per_socket_sent', 0], ['RSS MiB', 'rss_mib_full', 1],
        ['refused', 'refused', 0],
    ],
    reconnect: [
        ['back', 'back', 0], ['all ms', 'all_ms', 0], ['p50 ms', 'join_ms_p50', 0], ['p99 ms', 'join_ms_p99', 0],
        ['server s', 'server_s', 2], ['Redis s', 'redis_s', 2], ['refused', 'refused', 0], ['lost', 'lost', 0],
        ['repeats', 'repeated', 0],
    ],
};

function cell([, field, decimals, ratio], runs, rawRuns) {
    const values = ratio
        ? runs.map((run, i) => (run && rawRuns?.[i] ? run[field] / rawRuns[i][field] : NaN))
        : runs.map((run) => run?.[field] ?? NaN);
    const middle = median(values);
    if (Number.isNaN(middle)) return '–';
    const finite = values.filter(Number.isFinite);
    const spread = finite.length > 1 && (ratio || decimals > 0)
        ? ` (${Math.min(...finite).toFixed(decimals)}–${Math.max(...finite).toFixed(decimals)})`
        : '';
    return middle.toFixed(decimals) + spread;
}

function print(name, perServer) {
    const scenario = table[name];
    const kind = columns[scenario.args.split(' ')[0]];
    const rows = [['server', ...kind.map(([title]) => title), 'runs']];
    for (const [server, runs] of perServer) {
        const done = runs.filter(Boolean).length;
        rows.push([server, ...kind.map((column) => cell(column, runs, perServer.get('raw'))), `${done}/${runs.length}`]);
    }
    console.log(`\n**${name}**: ${scenario.args}${scenario.aim ? ` (aim: ${scenario.aim})` : ''}\n`);
    console.log(`| ${rows[0].join(' | ')} |\n|${rows[0].map(() => '---').join('|')}|`);
    for (const row of rows.slice(1)) console.log(`| ${row.join(' | ')} |`);
}

async function main() {
    if (options.store) {
        await benchStore({ build, messages: Number(options.messages) });
        process.exit(0); // the tests' harness, which knows how to start PostgreSQL, would report on tests
    }
    if (options['install-peers']) installPeers(build);
    if (options.list) {
        for (const [name, { args, aim }] of Object.entries(table)) console.log(`${name.padEnd(16)} ${args}  ${aim ?? ''}`);
        return;
    }
    const serverNames = chosen(options.servers, starters, 'server');
    const names = chosen(options.scenarios, table, 'scenario');
    const rounds = Number(options.rounds);
    if (!(rounds >= 1 && rounds <= 100)) fail('--rounds is a number from 1 to 100');
    mkdirSync(path.dirname(jsonFile), { recursive: true });
    const running = new Map();
    const wanted = names.flatMap((name) => (table[name].fresh ? [] : serversOf(table[name], serverNames)));
    for (const name of new Set(wanted)) running.set(name, await startServer(name, { build, lectern }));
    const results = new Map();
    for (let round = 1; round <= rounds; round++) {
        console.error(`bench: round ${round} of ${rounds}`);
        for (const name of names) await measure(name, running, serverNames, results);
    }
    for (const [name, perServer] of results) print(name, perServer);
    for (const server of running.values()) await server.stop();
}

await main();
