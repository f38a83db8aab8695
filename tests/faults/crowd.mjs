// A crowd of sockets in a process of its own: started by crowd() of hostile.test.mjs, spoken to by JSON lines.
//
// A socket here is a TCP connection, a hand-written upgrade and a counter, so that thousands fit into one process. They come
// from many addresses (127.0.1.1, 127.0.1.2, …), and whoever is refused or cut off comes back after a while, as the client
// library does. Commands: {members: [{room, token, query}…], port} connects them all; {port} alone changes where to connect;
// {report: true} answers {open, welcomed, refused: {status: n}, lost, received: {messageType: n}, longest: ms}, and
// {clear: true} starts these counts again.

import net from 'node:net';
import { createInterface } from 'node:readline';

const ADDRESSES = 40;
const FIRST_DELAY = 200; // ms, doubled up to the last one, half of it by chance
const LAST_DELAY = 2000;
let port;
let count = 0;
let stats;
const clear = () => { stats = { refused: {}, lost: 0, received: {}, longest: 0, welcomed: 0 }; };
clear();
const bump = (table, key) => { table[key] = (table[key] ?? 0) + 1; };

class Member {
    constructor({ room, token, query = '' }, index) {
        this.from = `127.0.1.${1 + (index % ADDRESSES)}`;
        this.head = `GET /ws?room=${room}&history=0${query} HTTP/1.1\r\nHost: crowd\r\nUpgrade: websocket\r\n`
            + 'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
            + `Sec-WebSocket-Protocol: lectern.v1\r\nAuthorization: Bearer ${token}\r\n\r\n`;
        this.delay = FIRST_DELAY;
        this.began = Date.now();
    }

    connect() {
        this.upgraded = this.welcome = false;
        this.bytes = Buffer.alloc(0);
        this.socket = net.connect({ host: '127.0.0.1', port, localAddress: this.from }, () => this.socket.write(this.head));
        this.socket.on('data', (data) => this.read(data));
        this.socket.on('error', () => {});
        this.socket.on('close', () => this.again());
    }

    again() {
        if (this.welcome) {
            count--;
            stats.lost++;
            this.began = Date.now();
        } else {
            const status = /^HTTP\/1\.1 (\d+)/.exec(this.bytes.toString('latin1'))?.[1];
            bump(stats.refused, this.upgraded ? 'closed' : status ?? 'no answer');
        }
        setTimeout(() => this.connect(), this.delay * (0.5 + Math.random() / 2));
        this.delay = Math.min(this.delay * 2, LAST_DELAY);
    }

    read(data) {
        this.bytes = this.bytes.length ? Buffer.concat([this.bytes, data]) : data;
        if (!this.upgraded) {
            const end = this.bytes.indexOf('\r\n\r\n');
            if (end < 0 || !this.bytes.subarray(0, 13).equals(Buffer.from('HTTP/1.1 101 '))) return;
            this.upgraded = true;
            this.bytes = this.bytes.subarray(end + 4);
        }
        for (;;) {
            if (this.bytes.length < 2) return;
            const short = this.bytes[1] & 0x7f;
            const head = short < 126 ? 2 : short === 126 ? 4 : 10;
            if (this.bytes.length < head) return;
            const length = short < 126 ? short : short === 126 ? this.bytes.readUInt16BE(2) : Number(this.bytes.readBigUInt64BE(2));
            if (this.bytes.length < head + length) return;
            this.frame(this.bytes[0] & 0x0f, this.bytes.subarray(head, head + length));
            this.bytes = this.bytes.subarray(head + length);
        }
    }

    frame(opcode, payload) {
        if (opcode === 9) this.socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
        if (opcode !== 1) return;
        const type = /"messageType":"([^"]+)"/.exec(payload.toString('latin1'))?.[1] ?? '?';
        bump(stats.received, type);
        if (type !== 'welcome' || this.welcome) return;
        this.welcome = true;
        count++;
        stats.welcomed++;
        stats.longest = Math.max(stats.longest, Date.now() - this.began);
        this.delay = FIRST_DELAY;
    }
}

createInterface({ input: process.stdin }).on('line', (line) => {
    const command = JSON.parse(line);
    if (command.port) port = command.port;
    if (command.clear) clear();
    command.members?.forEach((member, i) => new Member(member, i).connect());
    if (command.report) process.stdout.write(`${JSON.stringify({ open: count, ...stats })}\n`);
}).on('close', () => process.exit(0));
