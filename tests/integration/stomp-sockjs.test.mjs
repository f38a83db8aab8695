// STOMP over SockJS at /sockjs/stomp, with the clients that others wrote (docs/protocol.md, "SockJS" and "STOMP").

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import SockJS from 'sockjs-client';
import { openClass } from './classroom.mjs';
import { startBoth, waitFor } from './harness.mjs';
import { follow, publish, stompJs } from './stomp.mjs';

let server, stop;
before(async () => { ({ server, stop } = await startBoth({ LECTERN_LOOPS: 2 })); });
after(() => stop?.());

const overSockjs = (transport) => ({
    webSocketFactory: () => new SockJS(`${server.url}/sockjs/stomp`, null, { transports: [transport] }),
});

describe('@stomp/stompjs with sockjs-client', () => {
    for (const transport of ['websocket', 'xhr-streaming', 'xhr-polling']) {
        test(`by ${transport}: joins, sends with receipts, hears, leaves`, async () => {
            const { code, host } = await openClass(server, { query: { talk: 'all' } });
            const client = await stompJs(server, { user: { sub: 's1' }, ...overSockjs(transport) });
            const room = await follow(client, `/topic/room/${code}`);
            await publish(client, { destination: '/app/chat.sendMessage', body: JSON.stringify({ roomId: code, message: '안녕 \u2028 "', type: 'TALK' }) });
            assert.equal((await host.next('send')).message, '안녕 \u2028 "');
            host.send({ targetType: 'student', messageType: 'send', message: 'x'.repeat(60000) });
            await waitFor(() => room.messages.length === 2, { what: 'both messages' });
            assert.equal(room.messages[0].message, '안녕 \u2028 "');
            assert.ok(room.messages[1].message === 'x'.repeat(60000));
            await client.deactivate();
            assert.equal((await host.next('leave')).message.reason, 'left');
            assert.deepEqual(client.errors, []);
            await host.close();
        });
    }

    test('a refusal is told there too, and ends the session', async () => {
        const client = await stompJs(server, { user: { sub: 's1' }, reconnectDelay: 0, ...overSockjs('xhr-streaming') });
        client.subscribe('/topic/NOBODY', () => {}, { receipt: 'r' });
        await waitFor(() => client.errors.length === 1 && client.closes.length === 1, { what: 'ERROR and the end' });
        assert.equal(client.errors[0].headers.code, 'room_not_found');
        assert.equal(client.errors[0].headers['receipt-id'], 'r');
        assert.equal(client.closes[0].code, 4008);
        await client.end();
    });
});
