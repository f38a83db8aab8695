// A plain Node server with ws and ioredis, the documented way: a host's message is published on room:NAME, one subscriber
// connection hands it to each socket of the room with send(). No tokens, no memory of messages.
//
//   node ws.mjs PORT REDIS_PORT      GET /host?room=NAME sends, GET /student?room=NAME receives

import http from 'node:http';
import Redis from 'ioredis';
import { WebSocketServer } from 'ws';

const [port, redisPort] = process.argv.slice(2).map(Number);
const publisher = new Redis(redisPort, '127.0.0.1');
const subscriber = new Redis(redisPort, '127.0.0.1');
const rooms = new Map(); // channel -> {sockets, subscribed}

subscriber.on('messageBuffer', (channel, message) => {
    for (const socket of rooms.get(channel.toString())?.sockets ?? []) socket.send(message, { binary: false });
});

async function join(channel, socket) {
    let room = rooms.get(channel);
    if (!room) {
        room = { sockets: new Set(), subscribed: subscriber.subscribe(channel) };
        rooms.set(channel, room);
    }
    room.sockets.add(socket);
    await room.subscribed;
    socket.send('ready');
}

function leave(channel, socket) {
    const room = rooms.get(channel);
    room.sockets.delete(socket);
    if (room.sockets.size === 0) {
        rooms.delete(channel);
        subscriber.unsubscribe(channel);
    }
}

const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });
sockets.on('connection', (socket, request) => {
    const url = new URL(request.url, 'http://localhost');
    const channel = `room:${url.searchParams.get('room')}`;
    if (url.pathname === '/host') {
        socket.on('message', (message) => publisher.publish(channel, message));
        socket.send('ready');
        return;
    }
    socket.on('close', () => leave(channel, socket));
    join(channel, socket);
});
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
