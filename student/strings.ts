/** What the student page says. */

import { common, defineStrings } from '../web/ui/strings';
import type { KeyOf } from '../web/ui/strings';

export const t = defineStrings({
    ...common,

    // The way in
    studentTitle: { ko: '수업 참여', en: 'Join a class' },
    studentLead: {
        ko: '선생님이 알려 준 코드와 이름을 입력하세요.',
        en: 'Enter the code from your teacher, and your name.',
    },
    codeHint: { ko: '예: FTYXPM', en: 'For example FTYXPM' },
    nameHint: { ko: '선생님에게 보이는 이름', en: 'The name your teacher will see' },
    join: { ko: '참여하기', en: 'Join' },
    noCode: { ko: '수업 코드를 입력하세요.', en: 'Enter the class code.' },
    badCode: {
        ko: '코드는 영문자와 숫자 4~12자예요. 다시 확인하세요.',
        en: 'A code has 4 to 12 letters and digits. Check it again.',
    },
    noName: { ko: '이름을 입력하세요.', en: 'Enter your name.' },
    longName: {
        ko: '이름은 64자까지예요. 지금은 {count}자예요.',
        en: 'A name has at most 64 characters; this one has {count}.',
    },
    oddName: {
        ko: '이름에 쓸 수 없는 문자가 들어 있어요. 지우고 다시 입력하세요.',
        en: 'The name has characters that cannot be used. Type it again without them.',
    },
    changeCode: { ko: '코드나 이름 바꾸기', en: 'Change code or name' },
    checkLink: { ko: '연결이 안 되나요? 연결 점검하기', en: 'No connection? Check it here' },
    guestsUnavailable: {
        ko: '이 서버에서는 코드만으로 참여할 수 없어요. 학교에서 안내한 방법으로 로그인하세요.',
        en: 'This server lets nobody in by code alone. Sign in the way your school told you.',
    },

    // In class
    leave: { ko: '나가기', en: 'Leave' },
    leaveAsk: {
        ko: '아직 보내지 못한 메시지가 있어요. 나가면 사라져요.',
        en: 'Some messages are not sent yet. They are lost if you leave.',
    },
    joinAgain: { ko: '다시 참여하기', en: 'Join again' },
    otherClass: { ko: '다른 수업', en: 'Another class' },
    teacher: { ko: '선생님', en: 'Teacher' },
    classmate: { ko: '친구', en: 'Classmate' },
    toEveryone: { ko: '모두에게', en: 'to everyone' },
    pointed: { ko: '선생님이 이 메시지를 봐 달라고 해요.', en: 'Your teacher points to a message.' },
    showPointed: { ko: '보기', en: 'Show it' },
    nothingYet: {
        ko: '선생님이 보낸 메시지가 여기에 나와요.',
        en: 'What your teacher sends appears here.',
    },

    // Writing
    toTeacherHint: { ko: '선생님에게 보낼 메시지', en: 'Write to your teacher' },
    toAllHint: { ko: '모두에게 보낼 메시지', en: 'Write to everyone' },
    writeTo: { ko: '받는 사람', en: 'To' },
    toTeacher: { ko: '선생님만', en: 'Teacher only' },
    toAll: { ko: '모두', en: 'Everyone' },
    drop: { ko: '지우기', en: 'Delete' },
    edit: { ko: '고쳐 쓰기', en: 'Edit' },

    // Hand and reactions
    raiseHand: { ko: '손들기', en: 'Raise hand' },
    handRaised: { ko: '손을 들었어요.', en: 'Your hand is up.' },
    handLoweredByTeacher: { ko: '선생님이 손을 내려 줬어요.', en: 'The teacher lowered your hand.' },
    handWaits: {
        ko: '다시 연결되면 손을 들어요.',
        en: 'Your hand goes up as soon as you are connected again.',
    },
    reactions: { ko: '반응 보내기', en: 'Reactions' },
    reactionOffline: {
        ko: '연결이 끊겨 반응을 보내지 못했어요.',
        en: 'Not connected: the reaction was not sent.',
    },
    like: { ko: '좋아요', en: 'Thumbs up' },
    love: { ko: '사랑해요', en: 'Heart' },
    laugh: { ko: '웃겨요', en: 'Laughing' },
    wow: { ko: '놀라워요', en: 'Surprised' },
    meMe: { ko: '저요', en: 'Me' },
    question: { ko: '궁금해요', en: 'Question' },

    // Questions
    questionNumber: { ko: '질문 {number}', en: 'Question {number}' },
    newQuestion: { ko: '새 질문: {question}', en: 'New question: {question}' },
    toNewQuestion: { ko: '새 질문 보기', en: 'Show the new question' },
    earlierQuestion: { ko: '이전 질문', en: 'Earlier question' },
    laterQuestion: { ko: '다음 질문', en: 'Later question' },
    toAnswer: { ko: '답해 주세요', en: 'Answer it' },
    answeredShort: { ko: '답했어요', en: 'Answered' },
    closedShort: { ko: '마감', en: 'Closed' },
    resultsShort: { ko: '결과', en: 'Results' },

    // The state of things: what is broken, and what happens next
    byItself: { ko: '저절로 다시 연결돼요.', en: 'It reconnects by itself.' },
    teacherAway: { ko: '선생님의 연결이 끊겼어요.', en: 'The teacher’s connection is lost.' },
    teacherAwayHint: {
        ko: '선생님이 돌아오면 저절로 이어져요. 그때까지 못 돌아오면 수업이 끝나요.',
        en: 'It goes on by itself when the teacher is back. If not in time, the class ends.',
    },
    offline: { ko: '내 기기가 인터넷에 연결되어 있지 않아요.', en: 'Your device is offline.' },
    offlineHint: {
        ko: '와이파이나 데이터를 켜면 저절로 다시 연결돼요.',
        en: 'Turn on WiFi or mobile data: it then reconnects by itself.',
    },
    cut: { ko: '내 연결이 끊겼어요.', en: 'Your connection was lost.' },
    slow: { ko: '내 인터넷이 너무 느려요.', en: 'Your network is too slow.' },
    portal: {
        ko: '내 와이파이가 서버로 가는 길을 막고 있어요.',
        en: 'Your WiFi does not let you through to the server.',
    },
    portalHint: {
        ko: '와이파이 로그인이 필요한지 보거나 데이터로 바꾸세요. 풀리면 저절로 연결돼요.',
        en: 'See if the WiFi wants a login, or use mobile data. Then it connects by itself.',
    },
    noAnswer: { ko: '서버에 닿지 않아요.', en: 'The server cannot be reached.' },
    noAnswerHint: {
        ko: '나만 그러면 내 인터넷, 모두 그러면 서버 문제예요. 저절로 다시 시도해요.',
        en: 'Only you? Then it is your network. Everyone? The server. It tries again by itself.',
    },
    serverDown: { ko: '서버에 문제가 생겼어요.', en: 'The server has a problem.' },
    serverDownHint: {
        ko: '내 인터넷은 괜찮아요. 저절로 다시 연결돼요.',
        en: 'Your network is fine. It reconnects by itself.',
    },
    moving: { ko: '서버를 옮기는 중이에요.', en: 'You are being moved to another server.' },
    crowded: {
        ko: '짧은 시간에 시도가 너무 많았어요.',
        en: 'There were too many tries in a short time.',
    },
    crowdedHint: { ko: '잠시 뒤 저절로 다시 시도해요.', en: 'It tries again by itself shortly.' },
    notOpen: { ko: '수업이 아직 열리지 않았어요.', en: 'The class is not open yet.' },
    notOpenHint: {
        ko: '열리면 바로 참여해요. 코드가 맞는지도 확인하세요.',
        en: 'You will join as soon as it is. Check the code, too.',
    },
    ended: { ko: '수업이 끝났어요.', en: 'The class has ended.' },
    endedLost: {
        ko: '선생님이 돌아오지 못해 수업이 끝났어요.',
        en: 'The teacher did not come back, so the class has ended.',
    },
    endedHint: {
        ko: '같은 코드로 다시 열리면 저절로 참여해요.',
        en: 'If it opens again with this code, you join by yourself.',
    },
    doorLocked: { ko: '입장이 잠겨 있어요.', en: 'The door is locked.' },
    doorLockedHint: {
        ko: '선생님께 열어 달라고 하세요. 열리면 바로 참여해요.',
        en: 'Ask your teacher to open it. You will join as soon as it is open.',
    },
    noSeat: { ko: '수업에 자리가 없어요.', en: 'The class is full.' },
    noSeatHint: {
        ko: '선생님께 알리세요. 자리가 나면 바로 참여해요.',
        en: 'Tell your teacher. You will join as soon as there is room.',
    },
    checking: { ko: '입장을 다시 확인하는 중이에요.', en: 'Checking your access again.' },
    kicked: { ko: '선생님이 나를 수업에서 내보냈어요.', en: 'The teacher removed you.' },
    kickedHint: {
        ko: '이 수업에는 다시 들어올 수 없어요. 잘못된 것 같으면 선생님께 말씀드리세요.',
        en: 'You cannot come back to this class. If that is a mistake, talk to your teacher.',
    },
    elsewhere: {
        ko: '다른 창이나 기기에서 같은 이름으로 참여했어요.',
        en: 'You joined from another window or device.',
    },
    elsewhereHint: {
        ko: '여기는 멈췄어요. 여기에서 쓰려면 아래 버튼을 누르세요.',
        en: 'This one has stopped. To go on here, press the button.',
    },
    gone: { ko: '수업에서 나왔어요.', en: 'You left the class.' },
    notLetIn: { ko: '서버가 들여보내 주지 않아요.', en: 'The server does not let you in.' },
    notLetInHint: { ko: '다시 시도해 보세요.', en: 'Try again.' },
    notLetInYet: { ko: '아직 들어가지 못했어요.', en: 'You are not in yet.' },
    accessOver: { ko: '입장 시간이 지났어요.', en: 'Your access has expired.' },
    accessOverHint: {
        ko: '코드와 이름으로 다시 참여하세요.',
        en: 'Join again with the code and your name.',
    },
    mistake: { ko: '이 페이지에 문제가 생겼어요.', en: 'Something went wrong on this page.' },
    mistakeHint: {
        ko: '페이지를 새로 고치세요. 쓰던 글은 그대로 있어요.',
        en: 'Reload the page. What you were writing is kept.',
    },
});

export type StringKey = KeyOf<typeof t>;
