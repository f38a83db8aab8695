// A plain Socket.IO server with its Redis adapter, WebSocket transport only. The adapter delivers to this server's own
// sockets at once and publishes on the side, so Redis is not on the path that is measured.
//
//   node socketio.mjs PORT REDIS_PORT      ?room=NAME&role=host sends, role=student receives

import { createAdapter } from '@socket.io/redis-adapter';
import Redis from 'ioredis';
import { Server } from 'socket.io';
import http from 'node:http';

const [port, redisPort] = process.argv.slice(2).map(Number);
const server = http.createServer();
const io = new Server(server, {
    transports: ['websocket'],
    perMessageDeflate: false,
    pingInterval: 120000,
    adapter: createAdapter(new Redis(redisPort, '127.0.0.1'), new Redis(redisPort, '127.0.0.1')),
});
io.on('connection', (socket) => {
    const { room, role } = socket.handshake.query;
    if (role === 'host') socket.on('send', (message) => io.to(room).emit('send', message));
    else socket.join(room);
});
server.listen({ port, host: '127.0.0.1', backlog: 4096 });
