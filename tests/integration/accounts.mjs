// What the tests of accounts share: addresses of their own, so that no test is slowed by another's failures, people who sign up
// and in, and the operators' command.

import assert from 'node:assert/strict';
import { api, BIN, randomId, runCommand } from './harness.mjs';

/** A setting for servers whose clients are told apart by forwarded(). */
export const BEHIND_PROXY = { LECTERN_TRUSTED_PROXIES: '127.0.0.1' };

let addresses = 0;

/** An address that no other test of this process has. */
export function address() {
    addresses += 1;
    return `10.${process.pid & 255}.${addresses >> 8}.${addresses & 255}`;
}

export const forwarded = (from) => ({ 'X-Forwarded-For': from });

export const PASSWORD = 'correct horse';

/** A person who can sign up and in, not known anywhere yet. */
export const person = (more = {}) => ({ id: randomId('p'), name: '김민준', password: PASSWORD, ...more });

/** POST with a client's address of its own unless one is given. */
export const post = (server, where, body, { from = address(), headers = {}, ...options } = {}) =>
    api(server, 'POST', where, { body, headers: { ...forwarded(from), ...headers }, ...options });

export const login = (server, id, password = PASSWORD, options = {}) => post(server, '/login', { id, password }, options);

/** Signs somebody up and returns {...person, token}. */
export async function signUp(server, more = {}, options = {}) {
    const who = person(more);
    const { token } = granted(await post(server, '/signup', who, options));
    return { ...who, token };
}

/** The body of an answer that must be a token. */
export function granted(answer) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(typeof answer.body.token, 'string');
    return answer.body;
}

/** An answer that must be this error, in its documented form. */
export function refusedWith(answer, status, code, field) {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error.code, code, answer.text);
    assert.equal(answer.body.error.field, field, answer.text);
    assert.match(answer.body.error.message, /^[A-Z"\\].*\.$/, 'an error says what is wrong in a sentence');
    return answer;
}

/** What a token says, without looking at its signature. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());

/** `lectern user …` with the settings given, and text on standard input: {code, stdout, stderr}. */
export function userCommand(args, env, input) {
    const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('LECTERN_'));
    return runCommand(BIN, ['user', ...args], { env: { ...Object.fromEntries(clean), ...env }, input });
}
