/**
 * Every text that the pages show, in Korean and English: one table, so that neither language lacks
 * what the other has. `{name}` is filled in; a text never holds HTML.
 */

const STRINGS = {
    // Names of things
    student: { ko: '학생', en: 'Student' },
    teacher: { ko: '선생님', en: 'Teacher' },
    classCode: { ko: '수업 코드', en: 'Class code' },
    className: { ko: '수업 이름', en: 'Class name' },
    unnamedClass: { ko: '수업 {code}', en: 'Class {code}' },
    yourName: { ko: '이름', en: 'Your name' },
    message: { ko: '메시지', en: 'Message' },
    messages: { ko: '메시지', en: 'Messages' },
    optional: { ko: '선택', en: 'optional' },

    // Student page
    studentTitle: { ko: '수업 참여', en: 'Join a class' },
    studentLead: {
        ko: '선생님이 알려 준 코드와 이름을 입력하세요.',
        en: 'Enter the code from your teacher, and your name.',
    },
    codeHint: { ko: '예: FTYXPM', en: 'For example FTYXPM' },
    nameHint: { ko: '선생님에게 보이는 이름', en: 'The name your teacher will see' },
    join: { ko: '참여하기', en: 'Join' },
    cancel: { ko: '취소', en: 'Cancel' },
    leave: { ko: '나가기', en: 'Leave' },
    joinAgain: { ko: '다시 참여하기', en: 'Join again' },
    otherClass: { ko: '다른 수업', en: 'Another class' },
    useHere: { ko: '여기에서 계속하기', en: 'Continue here' },
    tryAgain: { ko: '다시 시도', en: 'Try again' },
    signedInAs: { ko: '{name}(으)로 참여 중', en: 'You are {name}' },
    toTeacherHint: { ko: '선생님에게 보낼 메시지', en: 'Write to your teacher' },
    noMessages: { ko: '아직 메시지가 없어요.', en: 'No messages yet.' },

    // Teacher page
    teacherTitle: { ko: '수업 열기', en: 'Open a class' },
    teacherLead: {
        ko: '수업을 열면 코드가 나옵니다. 학생은 이 코드로 참여합니다.',
        en: 'An open class has a code. Students join with it.',
    },
    token: { ko: '교사 토큰', en: 'Teacher token' },
    tokenHint: {
        ko: '학교에서 받은 토큰을 붙여 넣으세요.',
        en: 'Paste the token that your school gave you.',
    },
    useToken: { ko: '토큰 사용', en: 'Use this token' },
    tokenUnreadable: { ko: '토큰이 아니에요.', en: 'This is not a token.' },
    otherToken: { ko: '다른 토큰', en: 'Another token' },
    welcomeTeacher: { ko: '{name} 선생님', en: 'Signed in as {name}' },
    ownCode: { ko: '원하는 코드', en: 'A code of your own' },
    ownCodeHint: {
        ko: '영문 대문자와 숫자 4~12자. 비워 두면 자동으로 정해집니다.',
        en: '4 to 12 capital letters and digits. Left empty, one is drawn.',
    },
    classNameHint: { ko: '예: 3학년 2반 과학', en: 'For example Science 3-2' },
    openClass: { ko: '수업 열기', en: 'Open class' },
    openAgain: { ko: '같은 코드로 다시 열기', en: 'Open again with this code' },
    newClass: { ko: '새 수업', en: 'New class' },
    joinAt: { ko: '학생 접속 주소', en: 'Students join at' },
    copyLink: { ko: '주소 복사', en: 'Copy link' },
    copied: { ko: '복사했어요', en: 'Copied' },
    copyFailed: { ko: '복사하지 못했어요', en: 'Could not copy' },
    roster: { ko: '학생 {count}명', en: '{count} students' },
    rosterOne: { ko: '학생 1명', en: '1 student' },
    rosterEmpty: {
        ko: '아직 들어온 학생이 없어요.',
        en: 'Nobody has joined yet.',
    },
    joinedAt: { ko: '{time} 입장', en: 'joined {time}' },
    remove: { ko: '내보내기', en: 'Remove' },
    removeOne: { ko: '{name} 내보내기', en: 'Remove {name}' },
    removeAsk: {
        ko: '{name} 학생을 내보낼까요? 이 수업에 다시 들어올 수 없습니다.',
        en: 'Remove {name}? They cannot come back to this class.',
    },
    writeTo: { ko: '받는 사람', en: 'To' },
    everyone: { ko: '모든 학생', en: 'All students' },
    writeToOne: { ko: '{name}에게 쓰기', en: 'Write to {name}' },
    lock: { ko: '입장 잠그기', en: 'Lock the door' },
    unlock: { ko: '잠금 풀기', en: 'Unlock the door' },
    locked: { ko: '입장 잠김', en: 'Locked' },
    endClass: { ko: '수업 끝내기', en: 'End class' },
    endAsk: {
        ko: '모두의 수업을 끝낼까요?',
        en: 'End the class for everyone?',
    },
    toAllHint: { ko: '모든 학생에게 보낼 메시지', en: 'Write to all students' },
    toOneHint: { ko: '{name} 학생에게만 보낼 메시지', en: 'Write to {name} only' },

    // Messages
    send: { ko: '보내기', en: 'Send' },
    me: { ko: '나', en: 'You' },
    privately: { ko: '나에게만', en: 'only to you' },
    onlyTo: { ko: '{name}에게만', en: 'only to {name}' },
    sending: { ko: '보내는 중…', en: 'Sending…' },
    notSent: { ko: '보내지 못했어요: {why}', en: 'Not sent: {why}' },
    joined: { ko: '{name} 들어옴', en: '{name} joined' },
    left: { ko: '{name} 나감', en: '{name} left' },
    lost: { ko: '{name} 연결 끊김', en: '{name} lost the connection' },
    removed: { ko: '{name} 내보냄', en: '{name} was removed' },
    gap: {
        ko: '이 사이의 일부 메시지는 남아 있지 않아요.',
        en: 'Some messages from this time are no longer there.',
    },
    hostAway: { ko: '선생님 연결이 끊겼어요.', en: 'The teacher lost the connection.' },
    hostBack: { ko: '선생님이 돌아왔어요.', en: 'The teacher is back.' },
    refusedTalk: { ko: '지금은 보낼 수 없어요', en: 'not allowed now' },
    refusedBig: { ko: '너무 길어요', en: 'too long' },
    refusedEnded: { ko: '수업이 끝났어요', en: 'the class has ended' },
    refusedOther: { ko: '서버가 거절했어요 ({code})', en: 'the server refused it ({code})' },

    // States
    connecting: { ko: '연결하는 중…', en: 'Connecting…' },
    connected: { ko: '연결됨', en: 'Connected' },
    hostAwayFor: {
        ko: '선생님을 기다리는 중이에요. {time} 안에 돌아오지 않으면 수업이 끝나요.',
        en: 'Waiting for the teacher. The class ends in {time} unless they are back.',
    },
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
    roomMissing: {
        ko: '수업이 아직 열리지 않았어요. 열리면 바로 참여해요.',
        en: 'The class is not open yet. You will join as soon as it is.',
    },
    roomEndedWaiting: {
        ko: '수업이 끝났어요. 같은 코드로 다시 열리면 바로 참여해요.',
        en: 'The class has ended. If it opens again, you will join it.',
    },
    roomEnded: { ko: '수업이 끝났어요.', en: 'The class has ended.' },
    roomEndedAway: {
        ko: '자리를 비운 사이에 수업이 끝났어요.',
        en: 'The class ended while you were away.',
    },
    roomLocked: {
        ko: '입장이 잠겨 있어요. 열리면 바로 참여해요.',
        en: 'The door is locked. You will join as soon as it opens.',
    },
    roomFull: {
        ko: '자리가 없어요. 자리가 나면 바로 참여해요.',
        en: 'The class is full. You will join as soon as there is room.',
    },
    roomTaken: {
        ko: '다른 선생님이 쓰고 있는 코드예요.',
        en: 'Another teacher is using this code.',
    },
    badRoom: {
        ko: '코드는 영문 대문자와 숫자 4~12자예요.',
        en: 'A code has 4 to 12 letters and digits.',
    },
    badName: { ko: '이름은 1~64자예요.', en: 'A name has 1 to 64 characters.' },
    youWereRemoved: {
        ko: '선생님이 내보냈어요. 이 수업에는 다시 들어올 수 없어요.',
        en: 'The teacher removed you. You cannot come back to this class.',
    },
    replaced: {
        ko: '다른 창이나 기기에서 참여했어요. 여기는 연결이 끊겼어요.',
        en: 'You joined from another window or device. This one is disconnected.',
    },
    youLeft: { ko: '수업에서 나왔어요.', en: 'You left the class.' },
    tokenRenewing: { ko: '입장을 다시 확인하는 중…', en: 'Checking your access again…' },
    tokenExpired: {
        ko: '토큰이 만료되었어요. 새 토큰을 붙여 넣으세요.',
        en: 'Your token has expired. Paste a new one.',
    },
    tokenInvalid: {
        ko: '서버가 받지 않는 토큰이에요. 새 토큰을 붙여 넣으세요.',
        en: 'The server does not accept this token. Paste another one.',
    },
    accessLost: { ko: '다시 참여해 주세요.', en: 'Please join again.' },
    refused: { ko: '이 수업에 들어갈 수 없어요.', en: 'You cannot enter this class.' },
    refusedTeacher: {
        ko: '서버가 수업을 열어 주지 않아요. 토큰과 코드를 확인하세요.',
        en: 'The server does not open the class. Check the token and the code.',
    },
    guestsUnavailable: {
        ko: '이 서버에서는 코드만으로 참여할 수 없어요.',
        en: 'This server does not let students in by code alone.',
    },
    broken: {
        ko: '연결에 문제가 생겼어요. 페이지를 새로 고치세요.',
        en: 'Something went wrong. Reload the page.',
    },
} as const;

export type StringKey = keyof typeof STRINGS;
export type Language = 'ko' | 'en';

export function chooseLanguage(preferred: readonly string[]): Language {
    for (const tag of preferred) {
        if (/^ko\b/i.test(tag)) return 'ko';
        if (/^en\b/i.test(tag)) return 'en';
    }
    return 'en';
}

export const language: Language = chooseLanguage(
    navigator.languages?.length ? navigator.languages : [navigator.language],
);

export function t(key: StringKey, values: Record<string, string | number> = {}): string {
    return STRINGS[key][language].replace(/\{(\w+)\}/g, (_, name: string) =>
        String(values[name] ?? ''),
    );
}

/** 14:05, in the reader's own way. */
export function clockTime(ms: number): string {
    return new Date(ms).toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit' });
}

/** 1:23 */
export function countdown(ms: number): string {
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
