// What the tests of hostile clients share: figures of a server, the time that joins take, and connections that keep silent.

import { api, asStudent, asTeacher, limit, rawSocket, roomCode, waitFor } from '../integration/harness.mjs';
import { marker } from '../integration/classroom.mjs';

export const HELD = { query: { hold: 60 } };
export const PLAIN = { deflate: false };
/** The longest that a join may take while others misbehave, ms. */
export const JOIN_MS = limit(1000);

export const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);
export const ids = (n, prefix = 's') => upTo(n).map((i) => `${prefix}${i}`);

/** One figure of /metrics, written as it is there, labels included; 0 where it is missing. */
export async function metric(server, name) {
    const text = (await api(server, 'GET', '/metrics')).body;
    return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0);
}

/** A class of `n` students joins, all at once; the time that the slowest of them took, ms. */
export async function joinTime(server, n = 30) {
    const code = roomCode();
    const took = async (join) => {
        const began = Date.now();
        const client = await join();
        return [Date.now() - began, client];
    };
    const [first, host] = await took(() => asTeacher(server, code, {}, HELD));
    const all = await Promise.all(ids(n).map((sub) => took(() => asStudent(server, code, { sub }))));
    await marker(host, [host, ...all.map(([, client]) => client)]);
    for (const [, client] of all) client.terminate();
    host.send({ messageType: 'end' });
    await host.closed;
    return Math.max(first, ...all.map(([time]) => time));
}

/** `n` connections that have sent `head` and keep silent; `drip` sends that byte to all of them every 200 ms. */
export async function silent(t, server, n, head, drip) {
    const all = await Promise.all(upTo(n).map(() => rawSocket(server)));
    for (const raw of all) {
        raw.socket.on('error', () => {});
        if (head) raw.write(head);
        raw.over = false;
        raw.closed.then(() => { raw.over = true; });
    }
    const timer = drip && setInterval(() => {
        for (const raw of all) if (raw.socket.writable) raw.write(drip);
    }, 200);
    t.after(() => {
        clearInterval(timer);
        for (const raw of all) raw.destroy();
    });
    return all;
}

export const allOver = (raws, timeout, what) => waitFor(() => raws.every((raw) => raw.over), { timeout, what });
