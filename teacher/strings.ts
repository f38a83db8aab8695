/** What the teacher page says. */

import { common, defineStrings } from '../web/ui/strings';
import type { KeyOf } from '../web/ui/strings';

const start = {
    teacherTitle: { ko: '수업 열기', en: 'Start a class' },
    teacherLead: {
        ko: '학생은 화면에 나오는 코드로 참여해요.',
        en: 'Students join with the code that you will see.',
    },
    signInLead: { ko: '수업을 열려면 로그인하세요.', en: 'Sign in to start a class.' },
    signOut: { ko: '로그아웃', en: 'Sign out' },
    signInAgain: {
        ko: '로그인이 만료되었어요. 다시 로그인하세요. 쓰던 내용은 그대로 있어요.',
        en: 'Your sign-in has expired. Sign in again; what you were writing is kept.',
    },
    signInSoon: {
        ko: '로그인이 {time} 뒤에 만료돼요. 지금 다시 로그인하면 수업이 끊기지 않아요.',
        en: 'Your sign-in ends in {time}. Sign in again now, and the class goes on without a break.',
    },
    signInOver: {
        ko: '로그인이 만료되어 연결이 끊겼어요.',
        en: 'Your sign-in has expired, and the class is disconnected.',
    },
    signInTitle: { ko: '다시 로그인', en: 'Sign in again' },
    otherUser: {
        ko: '이 수업을 연 선생님의 계정으로 로그인하세요.',
        en: 'Sign in as the teacher who opened this class.',
    },
    unreachableNow: {
        ko: '서버에 연결할 수 없어요. 네트워크를 확인하고 다시 해 보세요.',
        en: 'The server cannot be reached. Check your network and try again.',
    },
    welcomeTeacher: { ko: '{name} 선생님', en: 'Signed in as {name}' },
    className: { ko: '수업 이름', en: 'Class name' },
    classNameHint: { ko: '예: 3학년 2반 과학', en: 'For example Science 3-2' },
    optional: { ko: '선택', en: 'optional' },
    ownCode: { ko: '원하는 코드', en: 'A code of your own' },
    ownCodeHint: {
        ko: '영문 대문자와 숫자 4~12자. 비워 두면 자동으로 정해져요.',
        en: '4 to 12 capital letters and digits. Left empty, one is drawn.',
    },
    openClass: { ko: '수업 열기', en: 'Start the class' },
    stillOpen: {
        ko: '수업이 아직 열려 있어요. {time} 안에 돌아오지 않으면 끝나요.',
        en: 'is still open. It ends in {time} unless you come back.',
    },
    taughtElsewhere: {
        ko: '수업은 다른 창이나 다른 기기에서 진행 중이에요.',
        en: 'is being taught in another window or on another device.',
    },
    maybeOpen: {
        ko: '수업이 아직 열려 있어요.',
        en: 'is still open.',
    },
    backToClass: { ko: '수업으로 돌아가기', en: 'Back to the class' },
    endedClasses: { ko: '끝난 수업', en: 'Classes that have ended' },
    endedAt: { ko: '{code} · {time}에 끝남', en: '{code} · ended {time}' },
} as const;

const frame = {
    more: { ko: '더 보기', en: 'More' },
    close: { ko: '닫기', en: 'Close' },
    save: { ko: '저장', en: 'Save' },
    views: { ko: '화면', en: 'Views' },
    students: { ko: '학생', en: 'Students' },
    student: { ko: '학생', en: 'Student' },
    questions: { ko: '질문', en: 'Questions' },
    newQuestion: { ko: '질문하기', en: 'Ask a question' },
    noQuestions: {
        ko: '투표나 퀴즈로 반 전체에 물어보세요.',
        en: 'Ask the whole class: a poll or a quiz.',
    },
    noneAsked: { ko: '질문이 없었어요.', en: 'No question was asked.' },
    answers: { ko: '답 {count}개', en: 'Answers: {count}' },
    image: { ko: '사진', en: 'image' },
    leaveClass: { ko: '나가기', en: 'Leave' },
    leaveAsk: {
        ko: '잠시 나갈까요? 수업은 {minutes}분 동안 열려 있고 학생들은 기다려요. 그 안에 돌아오지 않으면 수업이 끝나요.',
        en: 'Leave for a while? The class stays open for {minutes} minutes and the students wait. It ends unless you come back by then.',
    },
    leaveUnsent: {
        ko: '아직 보내지 못한 것이 {count}개 있어요. 나가면 전해지지 않아요.',
        en: 'Not sent yet: {count}. If you leave now, this will not be delivered.',
    },
    endClass: { ko: '수업 끝내기', en: 'End class' },
    endAsk: {
        ko: '수업을 끝낼까요? 학생 {count}명의 연결이 모두 끊겨요. 출석부와 기록은 한 시간 동안 내려받을 수 있어요.',
        en: 'End the class? All {count} students are disconnected. Attendance and log can be downloaded for an hour.',
    },
    endAskOne: {
        ko: '수업을 끝낼까요? 학생 1명의 연결이 끊겨요. 출석부와 기록은 한 시간 동안 내려받을 수 있어요.',
        en: 'End the class? The one student is disconnected. Attendance and log can be downloaded for an hour.',
    },
    studentsWait: {
        ko: '학생들은 {time} 동안 더 기다려요.',
        en: 'The students wait for {time} more.',
    },
    letTalk: { ko: '학생끼리 대화', en: 'Students talk' },
    lockDoor: { ko: '입장 잠금', en: 'Lock the door' },
    locked: { ko: '입장 잠김', en: 'Locked' },
    rename: { ko: '수업 이름 바꾸기', en: 'Rename the class' },
    badClassName: {
        ko: '수업 이름은 1~64자예요.',
        en: 'A class name has 1 to 64 characters.',
    },
    oddClassName: {
        ko: '수업 이름에 쓸 수 없는 문자가 있어요.',
        en: 'The class name has characters that cannot be used.',
    },
    notDone: { ko: '하지 못했어요: {why}', en: 'That was not done: {why}' },
    overTitle: { ko: '수업이 끝났어요', en: 'The class has ended' },
    replacedTitle: {
        ko: '다른 기기에서 수업을 이어 가고 있어요',
        en: 'The class goes on on another device',
    },
    replacedText: {
        ko: '이 화면은 더 이상 메시지를 받지 않아요. 여기에서 이어 가면 다른 기기의 연결이 끊겨요.',
        en: 'This page receives nothing any more. Continue here, and the other device is disconnected.',
    },
    refusedTitle: { ko: '수업을 열 수 없어요', en: 'The class cannot be opened' },
    takenTitle: {
        ko: '다른 선생님이 쓰고 있는 코드예요',
        en: 'Another teacher is using this code',
    },
    closedTitle: { ko: '연결이 끊겼어요', en: 'The connection is closed' },
    openAgain: { ko: '같은 코드로 다시 열기', en: 'Open again with this code' },
    newClass: { ko: '처음 화면으로', en: 'To the start page' },
    records: { ko: '출석부와 기록', en: 'Attendance and log' },
    recordsSoFar: {
        ko: '지금까지의 수업을 표 파일(CSV)로 내려받아요.',
        en: 'The class so far, as tables (CSV) for a spreadsheet.',
    },
    keptForAnHour: {
        ko: '출석부와 기록은 수업이 끝난 뒤 한 시간 동안 내려받을 수 있어요.',
        en: 'Attendance and log can be downloaded for an hour after the end.',
    },
    downloadAttendance: { ko: '출석부 내려받기', en: 'Download attendance' },
    downloadLog: { ko: '기록 내려받기', en: 'Download log' },
    saved: { ko: '내려받았어요.', en: 'Downloaded.' },
    notKept: { ko: '더 이상 남아 있지 않아요.', en: 'It is no longer kept.' },
    recordsFailed: {
        ko: '내려받지 못했어요. 잠시 뒤에 다시 해 보세요.',
        en: 'The download failed. Try again in a moment.',
    },
    otherDevice: { ko: '다른 기기에서 이어 하기', en: 'Continue on another device' },
    otherDeviceWarning: {
        ko: '다음에 나오는 QR 코드를 찍는 사람은 누구든 이 수업의 선생님이 돼요. 학생이나 프로젝터 화면에 보이지 않게 하세요.',
        en: 'Whoever scans the QR code that follows becomes the teacher of this class. Do not show it to students or on the projector.',
    },
    showCode: { ko: '알겠어요, QR 코드 보기', en: 'I see. Show the QR code' },
    hideCode: { ko: '숨기기', en: 'Hide it' },
    otherDeviceQR: {
        ko: '다른 기기에서 수업을 이어 하는 QR 코드',
        en: 'QR code to continue the class on another device',
    },
    otherDeviceHint: {
        ko: '다른 기기의 카메라로 찍으세요. 이 화면의 연결은 끊겨요.',
        en: 'Scan it with the other device. This page is then disconnected.',
    },
} as const;

const code = {
    copyLink: { ko: '주소 복사', en: 'Copy link' },
    copied: { ko: '복사했어요', en: 'Copied' },
    copyFailed: { ko: '복사하지 못했어요', en: 'Could not copy' },
    projector: { ko: '프로젝터 화면', en: 'Projector view' },
    qrLabel: { ko: '수업 {code}에 참여하는 QR 코드', en: 'QR code to join class {code}' },
    connectionCheck: { ko: '연결 점검', en: 'Connection check' },
    checkLead: {
        ko: '학생들이 이 주소를 열면 연결 상태가 여기에 나와요.',
        en: 'When students open this address, you see here how well they are connected.',
    },
    noChecks: { ko: '아직 점검한 학생이 없어요.', en: 'Nobody has checked yet.' },
    checkSum: { ko: '양호 {fine}명 · 문제 {troubled}명', en: '{fine} fine · {troubled} with trouble' },
    checkConnection: { ko: '연결', en: 'Connection' },
    checkRtt: { ko: '왕복 시간', en: 'Round trip' },
    checkRttMax: { ko: '최대', en: 'Longest' },
    checkLost: { ko: '유실', en: 'Lost' },
    checkBrowser: { ko: '브라우저', en: 'Browser' },
    ms: { ko: '{value}ms', en: '{value} ms' },
    checkOk: { ko: '양호', en: 'fine' },
    checkByFallback: { ko: '예비 연결로 됨', en: 'fallback works' },
    checkTimeout: { ko: '응답 없음', en: 'no answer' },
    checkRefused: { ko: '막혀 있음', en: 'blocked' },
    checkCut: { ko: '중간에 끊김', en: 'breaks off' },
    checkSilent: { ko: '중간에서 붙잡힘', en: 'held back on the way' },
    checkAltered: { ko: '중간에서 바뀜', en: 'changed on the way' },
} as const;

const people = {
    roster: { ko: '학생 {count}명', en: '{count} students' },
    rosterOne: { ko: '학생 1명', en: '1 student' },
    tookPart: { ko: '참여한 학생 {count}명', en: 'Students who took part: {count}' },
    rosterEmpty: { ko: '아직 들어온 학생이 없어요.', en: 'Nobody has joined yet.' },
    nobodyFound: { ko: '그런 이름의 학생이 없어요.', en: 'No student has such a name.' },
    countReconnecting: { ko: '재연결 중 {count}명', en: '{count} reconnecting' },
    countGone: { ko: '나감 {count}명', en: '{count} gone' },
    findStudent: { ko: '학생 찾기', en: 'Find a student' },
    orderBy: { ko: '정렬', en: 'Order' },
    orderHand: { ko: '손든 순', en: 'By hand' },
    orderName: { ko: '이름순', en: 'By name' },
    orderState: { ko: '상태순', en: 'By state' },
    orderJoined: { ko: '입장순', en: 'By arrival' },
    here: { ko: '있음', en: 'here' },
    reconnectingNow: { ko: '재연결 중', en: 'reconnecting' },
    gone: { ko: '나감', en: 'gone' },
    removedState: { ko: '내보냄', en: 'removed' },
    remove: { ko: '내보내기', en: 'Remove' },
    removeOne: { ko: '{name} 내보내기', en: 'Remove {name}' },
    removeAsk: {
        ko: '{name} 학생을 내보낼까요? 이 수업에 다시 들어올 수 없어요.',
        en: 'Remove {name}? They cannot come back to this class.',
    },
    raisedHands: { ko: '손든 학생 {count}명', en: 'Raised hands: {count}' },
    handPlace: { ko: '손든 순서 {place}', en: 'hand raised, place {place}' },
    lower: { ko: '내리기', en: 'Lower' },
    lowerOne: { ko: '{name} 손 내리기', en: 'Lower the hand of {name}' },
    lowerAll: { ko: '모두 내리기', en: 'Lower all' },
    comings: { ko: '들고 남', en: 'Joined and left' },
    joined: { ko: '{name} 들어옴', en: '{name} joined' },
    cameBack: { ko: '{name} 돌아옴', en: '{name} came back' },
    left: { ko: '{name} 나감', en: '{name} left' },
    lost: { ko: '{name} 연결 끊김', en: '{name} lost the connection' },
    removed: { ko: '{name} 내보냄', en: '{name} was removed' },
    manyCame: { ko: '{count}명 들어옴', en: '{count} students joined' },
    manyWent: { ko: '{count}명 나감', en: '{count} students left' },
    handsNews: {
        ko: '손든 학생 {count}명, 첫 번째 {name}',
        en: 'Raised hands: {count}, first {name}',
    },
} as const;

const talk = {
    toEveryone: { ko: '받는 사람: 모든 학생', en: 'To all students' },
    backToEveryone: { ko: '모두에게 쓰기', en: 'Write to all' },
    awayNow: {
        ko: '지금 없어요. 돌아오면 보게 돼요.',
        en: 'Not here now; they will see it when they are back.',
    },
    removedNow: {
        ko: '수업에서 내보낸 학생이라 받을 수 없어요. 쓴 글은 그대로 있어요.',
        en: 'Removed from the class: nothing can be sent to them. What you wrote is kept.',
    },
    writeToOne: { ko: '{name}에게 쓰기', en: 'Write to {name}' },
    reply: { ko: '답장', en: 'Reply' },
    toTeacher: { ko: '선생님에게만', en: 'only to you' },
    toAll: { ko: '모두에게', en: 'to everyone' },
    drop: { ko: '지우기', en: 'Delete' },
    replyTo: { ko: '{name}에게 답장', en: 'Reply to {name}' },
    toAllHint: { ko: '모든 학생에게 보낼 메시지', en: 'Write to all students' },
    earlierMissing: {
        ko: '앞부분이 아직 오지 않았어요. 다시 불러오는 중…',
        en: 'The earlier part is missing. Trying to get it…',
    },
    toOneHint: { ko: '{name} 학생에게만 보낼 메시지', en: 'Write to {name} only' },
    seenBy: { ko: '{total}명 중 {count}명 봄', en: 'Seen by {count} of {total}' },
    seenByAll: { ko: '{total}명 모두 봄', en: 'Seen by all {total}' },
    seenByOne: { ko: '봄', en: 'Seen' },
    unseenByOne: { ko: '아직 안 봄', en: 'Not seen yet' },
    notSeenBy: { ko: '아직 못 본 학생 {count}명', en: 'Not seen yet by {count}' },
    andMore: { ko: '외 {count}명', en: 'and {count} more' },
    sendToThemAgain: { ko: '이 학생들에게 다시 보내기', en: 'Send it to them again' },
    againSent: { ko: '다시 보냈어요.', en: 'Sent again.' },
    againFailed: {
        ko: '일부에게 보내지 못했어요. 다시 해 보세요.',
        en: 'Some could not be sent. Try again.',
    },
} as const;

export const t = defineStrings({ ...common, ...start, ...frame, ...code, ...people, ...talk });

export type StringKey = KeyOf<typeof t>;
