/** A teacher's page that comes into a class of more messages than are replayed: the whole log. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asStudent, limit } from '../integration/harness.mjs';
import { checkView, openTeacher, startAll } from './support.mjs';

test('a log that does not come is asked for again', { timeout: limit(120_000) }, async (t) => {
    const parts = await startAll(t, { env: { LECTERN_RATE_STUDENT: '1000/2000' } });
    const { page, code } = await openTeacher(t, parts);
    const student = await asStudent(parts.server, code, { name: '민준' });
    const say = (message) => ({ targetType: 'teacher', messageType: 'send', message });
    await student.request({ ...say({ up: true }), messageType: 'hand' });
    for (let n = 0; n < 505; n += 1) student.send(say(`line ${n}`));
    const log = page.getByRole('log');
    const raised = page.getByRole('button', { name: 'Lower the hand of 민준' });
    await log.getByText('line 504', { exact: true }).waitFor();
    await raised.waitFor();
    let asked = 0;
    let refuse = true;
    await page.route('**/rooms/*/log', (route) => {
        asked += 1;
        return refuse ? route.abort() : route.continue();
    });
    await page.reload();
    const missing = page.getByRole('status').getByText('The earlier part is missing.');
    await missing.waitFor();
    await log.getByText('line 504', { exact: true }).waitFor();
    await checkView(page, 'teacher-log-missing');
    refuse = false;
    await missing.waitFor({ state: 'detached', timeout: limit(40_000) });
    await raised.waitFor();
    assert.ok(asked >= 2, `asked ${asked} times`);
});
