/**
 * The REST calls about accounts: docs/protocol.md, "Accounts". Failures are data, never thrown.
 */

import type { Environment } from './env';
import { request } from './rest';
import type { Answer } from './rest';
import type { User } from './protocol';

/** What the server offers to somebody who has no token yet. */
export interface AccountsOffer {
    /** Whether people sign in here; false where tokens come from the school's login service. */
    login: boolean;
    /** Who may make an account of their own: students, anybody (open), nobody (closed). */
    signup: 'students' | 'open' | 'closed';
}

export interface SignIn {
    token: string;
    /** Seconds that the token is good for. */
    expiresIn: number;
    user: User;
}

export interface SignUp {
    id: string;
    name: string;
    /** May be empty. */
    email: string;
    password: string;
    userType: 'teacher' | 'student';
}

export interface Profile extends User {
    /** False where the token is no account's: a guest's, or one of the school's or an operator's. */
    account: boolean;
    /** Accounts only; may be empty. */
    email?: string;
    /** Accounts only; ms since 1970. */
    createdAt?: number;
}

/** `GET /accounts`: what a page should offer. */
export function accounts(env: Environment, base: string): Promise<Answer<AccountsOffer>> {
    return request(env, `${base}/accounts`);
}

/**
 * `POST /login`; `id` is the account's id or its e-mail. Codes worth a sentence of their own:
 * `login_failed`, `too_many_attempts` (with retryAfterMs), `busy`, `accounts_off`.
 */
export function login(
    env: Environment,
    base: string,
    id: string,
    password: string,
): Promise<Answer<SignIn>> {
    return request(env, `${base}/login`, { method: 'POST', body: { id, password } });
}

/**
 * `POST /signup`: makes the account and signs in. Codes besides login's: `id_taken`, `email_taken`,
 * `signup_closed`, `bad_field` (with field).
 */
export function signup(env: Environment, base: string, form: SignUp): Promise<Answer<SignIn>> {
    return request(env, `${base}/signup`, { method: 'POST', body: form });
}

/** `GET /profile`: whose token this is. `token_revoked`: the account has signed out everywhere. */
export function profile(env: Environment, base: string, token: string): Promise<Answer<Profile>> {
    return request(env, `${base}/profile`, { token });
}

/**
 * `POST /profile/password`: changes it, and signs out everywhere but here: the answer's token takes
 * the place of the one that was given. `login_failed`: the present password is another.
 */
export function changePassword(
    env: Environment,
    base: string,
    token: string,
    password: string,
    newPassword: string,
): Promise<Answer<SignIn>> {
    const body = { password, newPassword };
    return request(env, `${base}/profile/password`, { method: 'POST', body, token });
}

/** `POST /logout-all`: no token issued so far works any more, this one included. */
export function logoutAll(
    env: Environment,
    base: string,
    token: string,
): Promise<Answer<{ signedOut: true }>> {
    return request(env, `${base}/logout-all`, { method: 'POST', body: {}, token });
}
