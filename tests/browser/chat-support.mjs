/** What the tests of the chat page share: people, rooms, and pages that are signed in. */

import assert from 'node:assert/strict';
import { api, mintToken } from '../integration/harness.mjs';
import { LAPTOP, openPage } from './support.mjs';

/** People of a school whose tokens the server takes; their first chat call makes them known. */
const PEOPLE = {
    kim: { type: 'teacher', sub: 'kim', name: '김하늘' },
    lee: { sub: 'lee', name: '이서연' },
    park: { sub: 'park', name: 'Park Minjun' },
};

export const tokenOf = (id) => mintToken(PEOPLE[id]);

/** A call as that person; fails where it is refused. */
export async function call(server, id, method, path, body) {
    const answer = await api(server, method, path, { token: tokenOf(id), body });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
}

/** Makes those people known to the server. */
export async function meet(server, ...ids) {
    for (const id of ids) await call(server, id, 'GET', '/chat/my/rooms');
}

/** A group of those people; the first owns it. Returns its id. */
export async function group(server, name, owner, ...others) {
    const { id } = await call(server, owner, 'POST', '/chat/room/group/create', { name });
    for (const other of others) await call(server, other, 'POST', `/chat/room/group/${id}/join`, {});
    return id;
}

/** Says something as a program does; returns the message. */
export const say = (server, id, room, message) =>
    call(server, id, 'POST', `/chat/room/${room}/messages`, { messageType: 'send', message });

/** A chat page of that person. */
export async function openChat(t, { browser, origin }, id, options = {}) {
    const opened = await openPage(t, browser, { locale: 'en-US', ...LAPTOP, ...options });
    const { page } = opened;
    await page.goto(`${origin}/chat/#token=${tokenOf(id)}`);
    await page.locator('.side-list').locator('li, .empty').first().waitFor();
    await page.locator('.side-list').getByText(/Loading|불러오는/).waitFor({ state: 'detached' });
    return opened;
}

export const rooms = (page) => page.getByRole('navigation', { name: 'Rooms' });
export const roomLink = (page, name) => rooms(page).getByRole('link', { name });
export const log = (page) => page.getByRole('log');
export const field = (page) => page.getByLabel('Message', { exact: true });
export const bubble = (page, text) => log(page).getByText(text, { exact: true });

/** Writes and sends, and waits until the server has it. */
export async function write(page, text) {
    await field(page).fill(text);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await log(page).locator('li.line-sent').getByText(text, { exact: true }).waitFor();
}

/** Opens a room from the list. */
export async function enter(page, name) {
    await roomLink(page, name).click();
    await log(page).waitFor();
}
