/** What signing in and making an account say, on any page. */

import { common, defineStrings } from '../strings';
import type { KeyOf } from '../strings';

export const t = defineStrings({
    ...common,

    signIn: { ko: '로그인', en: 'Sign in' },
    signingIn: { ko: '로그인하는 중…', en: 'Signing in…' },
    loginId: { ko: '아이디 또는 이메일', en: 'User name or e-mail' },
    loginIdMissing: { ko: '아이디를 입력하세요.', en: 'Enter your user name.' },
    password: { ko: '비밀번호', en: 'Password' },
    passwordMissing: { ko: '비밀번호를 입력하세요.', en: 'Enter your password.' },
    loginFailed: {
        ko: '아이디나 비밀번호가 맞지 않아요.',
        en: 'The user name or the password is wrong.',
    },
    tooManyAttempts: {
        ko: '여러 번 틀렸어요. {seconds}초 뒤에 다시 해 보세요.',
        en: 'Too many tries. Try again in {seconds} s.',
    },
    serverBusy: {
        ko: '서버가 바빠요. {seconds}초 뒤에 다시 해 보세요.',
        en: 'The server is busy. Try again in {seconds} s.',
    },
    accountsOff: {
        ko: '이 서버에서는 비밀번호로 로그인하지 않아요. 학교에서 받은 토큰을 쓰세요.',
        en: 'This server has no sign-in by password. Use the token that your school gave you.',
    },
    notTeacher: {
        ko: '학생 계정으로는 수업을 열 수 없어요.',
        en: 'This is a student’s account. Only teachers can start a class.',
    },
    unreachableNow: {
        ko: '서버에 연결할 수 없어요. 네트워크를 확인하고 다시 해 보세요.',
        en: 'The server cannot be reached. Check your network and try again.',
    },
    waysUnknown: {
        ko: '서버가 답하지 않아요. 다시 물어보고 있어요.',
        en: 'The server does not answer. It is being asked again.',
    },
    withNewAccount: { ko: '계정 만들기', en: 'Make an account' },
    makeAccount: { ko: '계정 만들기', en: 'Make the account' },
    signupClosed: {
        ko: '이 서버에서는 관리자가 선생님 계정을 만들어요.',
        en: 'On this server, teachers’ accounts are made by its operator.',
    },
    signupClosedHere: {
        ko: '이 서버에서는 관리자가 계정을 만들어요.',
        en: 'On this server, accounts are made by its operator.',
    },
    newId: { ko: '아이디', en: 'User name' },
    newIdHint: {
        ko: '영문자, 숫자, . _ @ - 로 64자까지',
        en: 'Letters, digits, and . _ @ -; at most 64.',
    },
    newName: { ko: '학생에게 보이는 이름', en: 'Name that students see' },
    newNameOthers: { ko: '다른 사람에게 보이는 이름', en: 'Name that others see' },
    email: { ko: '이메일 (선택)', en: 'E-mail (optional)' },
    newPasswordHint: { ko: '8자 이상', en: 'At least 8 characters.' },
    badId: {
        ko: '쓸 수 없는 아이디예요. 영문자, 숫자, . _ @ - 만 쓸 수 있어요.',
        en: 'This user name cannot be used. Use letters, digits and . _ @ - only.',
    },
    badName: { ko: '이름은 1~64자예요.', en: 'A name has 1 to 64 characters.' },
    badEmail: { ko: '이메일 주소가 아니에요.', en: 'This is not an e-mail address.' },
    badPassword: {
        ko: '비밀번호는 8자 이상이고 너무 길지 않아야 해요.',
        en: 'A password has at least 8 characters, and at most 128 bytes.',
    },
    idTaken: { ko: '이미 쓰고 있는 아이디예요.', en: 'This user name is taken.' },
    emailTaken: { ko: '이미 쓰고 있는 이메일이에요.', en: 'This e-mail address is taken.' },
    withToken: { ko: '토큰으로 로그인', en: 'Sign in with a token' },
    withAccount: { ko: '아이디로 로그인', en: 'Sign in with a password' },
    token: { ko: '교사 토큰', en: 'Teacher token' },
    anyToken: { ko: '토큰', en: 'Token' },
    tokenHint: {
        ko: '학교에서 받은 토큰을 붙여 넣으세요.',
        en: 'Paste the token that your school gave you.',
    },
    useToken: { ko: '토큰 사용', en: 'Use this token' },
    tokenUnreadable: { ko: '토큰이 아니에요.', en: 'This is not a token.' },
});

export type StringKey = KeyOf<typeof t>;
