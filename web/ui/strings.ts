/**
 * What the pages say, in Korean and English. Each page and each shared part has a table of its own
 * that `defineStrings` turns into a `t()`; the type of a table's entries lets neither language lack
 * what the other has. `{name}` is filled in; a text never holds HTML.
 *
 * `t()` speaks the language of the moment: a text that is kept must be kept as key and values.
 */

import { device } from './storage';

export type Language = 'ko' | 'en';

export const LANGUAGES: readonly { id: Language; name: string }[] = [
    { id: 'ko', name: '한국어' },
    { id: 'en', name: 'English' },
];

export type Text = Readonly<Record<Language, string>>;
export type Values = Readonly<Record<string, string | number>>;
export type Translate<Key extends string> = (key: Key, values?: Values) => string;

/** The keys of a `t`. */
export type KeyOf<T> = T extends Translate<infer Key> ? Key : never;

/** Where the reader's choice is kept. */
const CHOICE = 'lectern.language';

/** The first of the preferred languages that we speak. */
export function chooseLanguage(preferred: readonly string[]): Language {
    for (const tag of preferred) {
        if (/^ko\b/i.test(tag)) return 'ko';
        if (/^en\b/i.test(tag)) return 'en';
    }
    return 'en';
}

function firstLanguage(): Language {
    const chosen = device.get<Language>(CHOICE);
    if (chosen === 'ko' || chosen === 'en') return chosen;
    if (typeof navigator === 'undefined') return 'en';
    return chooseLanguage(
        navigator.languages?.length ? navigator.languages : [navigator.language],
    );
}

let current = firstLanguage();
const listeners = new Set<() => void>();

export function language(): Language {
    return current;
}

function adopt(next: Language): void {
    if (next === current) return;
    current = next;
    for (const listener of [...listeners]) listener();
}

/** Switches all pages that this browser shows, and will show. */
export function setLanguage(next: Language): void {
    device.set(CHOICE, next);
    adopt(next);
}

if (typeof window !== 'undefined') {
    // Told where another page of this browser has switched: the projector follows the teacher.
    window.addEventListener('storage', ({ key }) => {
        if (key === CHOICE) adopt(firstLanguage());
    });
}

/** Calls `fn` after each switch; the returned function ends that. */
export function onLanguage(fn: () => void): () => void {
    listeners.add(fn);
    return () => void listeners.delete(fn);
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** What is written from right to left keeps its own order within a sentence, and the sentence its. */
function filledIn(value: string | number = ''): string {
    const text = String(value);
    return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** Makes a `t()` of a table. */
export function defineStrings<Table extends Record<string, Text>>(
    table: Table,
): Translate<keyof Table & string> {
    return (key, values = {}) =>
        table[key]![current].replace(/\{(\w+)\}/g, (_, name: string) => filledIn(values[name]));
}

/** What more than one page says. */
export const common = {
    language: { ko: '언어', en: 'Language' },
    close: { ko: '닫기', en: 'Close' },
    classCode: { ko: '수업 코드', en: 'Class code' },
    unnamedClass: { ko: '수업 {code}', en: 'Class {code}' },
    yourName: { ko: '이름', en: 'Your name' },
    message: { ko: '메시지', en: 'Message' },
    messages: { ko: '메시지', en: 'Messages' },
    conversation: { ko: '대화 내용', en: 'Messages' },
    chat: { ko: '대화', en: 'Chat' },
    cancel: { ko: '취소', en: 'Cancel' },
    useHere: { ko: '여기에서 계속하기', en: 'Continue here' },
    tryAgain: { ko: '다시 시도', en: 'Try again' },
    newMessage: { ko: '새 메시지 1개', en: '1 new message' },
    newMessages: { ko: '새 메시지 {count}개', en: '{count} new messages' },
    tooLong: {
        ko: '메시지는 {most}자까지예요. {over}자를 줄이세요.',
        en: 'A message has at most {most} characters. Take {over} away.',
    },
    noMessages: { ko: '아직 메시지가 없어요.', en: 'No messages yet.' },
    sendAgain: { ko: '다시 보내기', en: 'Send again' },
    send: { ko: '보내기', en: 'Send' },
    me: { ko: '나', en: 'You' },
    privately: { ko: '나에게만', en: 'only to you' },
    onlyTo: { ko: '{name}에게만', en: 'only to {name}' },
    sending: { ko: '보내는 중…', en: 'Sending…' },
    notSent: { ko: '보내지 못했어요: {why}', en: 'Not sent: {why}' },
    gap: {
        ko: '이 사이의 일부 메시지는 남아 있지 않아요.',
        en: 'Some messages from this time are no longer there.',
    },
    hostAway: { ko: '선생님 연결이 끊겼어요.', en: 'The teacher lost the connection.' },
    hostBack: { ko: '선생님이 돌아왔어요.', en: 'The teacher is back.' },
    refusedTalk: { ko: '지금은 보낼 수 없어요', en: 'not allowed now' },
    refusedBig: { ko: '너무 길어요', en: 'too long' },
    refusedEnded: { ko: '수업이 끝났어요', en: 'the class has ended' },
    refusedAnotherClass: {
        ko: '같은 코드로 열린 이전 수업에 쓴 내용이에요',
        en: 'it was written for the class before this one',
    },
    refusedClosed: { ko: '여기는 수업과 연결이 끊겼어요', en: 'this page is no longer connected' },
    refusedLate: { ko: '너무 오래 기다렸어요', en: 'it waited for too long' },
    refusedQueue: {
        ko: '보내지 못한 메시지가 너무 많아요',
        en: 'too many messages are waiting to be sent',
    },
    refusedOffline: { ko: '지금은 연결되어 있지 않아요', en: 'there is no connection right now' },
    refusedOther: { ko: '서버가 거절했어요 ({code})', en: 'the server refused it ({code})' },
    connecting: { ko: '연결하는 중…', en: 'Connecting…' },
    connected: { ko: '연결됨', en: 'Connected' },
    reconnecting: { ko: '연결이 끊겨 다시 연결하는 중…', en: 'Connection lost. Reconnecting…' },
    reconnectingIn: {
        ko: '연결이 끊겼어요. {seconds}초 뒤에 다시 연결해요.',
        en: 'Connection lost. Trying again in {seconds} s.',
    },
    unreachable: {
        ko: '서버에 연결할 수 없어요. {seconds}초 뒤에 다시 시도해요.',
        en: 'The server cannot be reached. Trying again in {seconds} s.',
    },
    busy: {
        ko: '서버가 바빠요. {seconds}초 뒤에 다시 시도해요.',
        en: 'The server is busy. Trying again in {seconds} s.',
    },
    roomEnded: { ko: '수업이 끝났어요.', en: 'The class has ended.' },
    roomTaken: {
        ko: '다른 선생님이 쓰고 있는 코드예요.',
        en: 'Another teacher is using this code.',
    },
    badRoom: {
        ko: '코드는 영문 대문자와 숫자 4~12자예요.',
        en: 'A code has 4 to 12 letters and digits.',
    },
    youWereRemoved: {
        ko: '선생님이 내보냈어요. 이 수업에는 다시 들어올 수 없어요.',
        en: 'The teacher removed you. You cannot come back to this class.',
    },
    replaced: {
        ko: '다른 창이나 기기에서 참여했어요. 여기는 연결이 끊겼어요.',
        en: 'You joined from another window or device. This one is disconnected.',
    },
    youLeft: { ko: '수업에서 나왔어요.', en: 'You left the class.' },
    tokenExpired: {
        ko: '토큰이 만료되었어요. 새 토큰을 붙여 넣으세요.',
        en: 'Your token has expired. Paste a new one.',
    },
    tokenInvalid: {
        ko: '서버가 받지 않는 토큰이에요. 새 토큰을 붙여 넣으세요.',
        en: 'The server does not accept this token. Paste another one.',
    },
    refusedTeacher: {
        ko: '서버가 수업을 열어 주지 않아요. 토큰과 코드를 확인하세요.',
        en: 'The server does not open the class. Check the token and the code.',
    },
    broken: {
        ko: '연결에 문제가 생겼어요. 페이지를 새로 고치세요.',
        en: 'Something went wrong. Reload the page.',
    },
} as const;

export const t = defineStrings(common);
export type StringKey = KeyOf<typeof t>;

/** Made once: making one takes longer than using it a hundred times. */
function clock(language: Language): Intl.DateTimeFormat {
    return new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' });
}
const clocks: Record<Language, Intl.DateTimeFormat> = { ko: clock('ko'), en: clock('en') };

/** 2:05 PM, in the reader's own way. */
export function clockTime(ms: number): string {
    return clocks[current].format(ms);
}

/** 1:23 */
export function countdown(ms: number): string {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
