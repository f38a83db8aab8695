/** What the projector says. */

import { common, defineStrings } from '../web/ui/strings';

export const t = defineStrings({
    ...common,

    projector: { ko: '프로젝터 화면', en: 'Projector view' },
    joinHere: { ko: '여기로 들어오세요', en: 'Join at' },
    withCode: { ko: '수업 코드', en: 'with the code' },
    qr: { ko: '수업 {code} 참여 QR 코드', en: 'QR code to join class {code}' },
    here: { ko: '{count}명 참여', en: '{count} here' },
    locked: { ko: '입장 잠김', en: 'The door is locked' },
    answered: { ko: '{of}명 중 {count}명 답함', en: '{count} of {of} answered' },
    answeredOnce: { ko: '{count}명 답함', en: '{count} answered' },
    resultsLater: { ko: '결과는 마감한 뒤에 보입니다.', en: 'The results come when it is closed.' },
    resultsShown: {
        ko: '선생님이 보여 주면 답이 여기에 나옵니다.',
        en: 'Answers appear here when your teacher shows them.',
    },
    closed: { ko: '마감', en: 'Closed' },
    showCode: { ko: '코드만', en: 'Code only' },
    showQuestion: { ko: '질문', en: 'Question' },
    fullScreen: { ko: '전체 화면', en: 'Full screen' },
    ended: { ko: '수업이 끝났어요.', en: 'The class has ended.' },
    elsewhere: {
        ko: '선생님이 다른 기기에서 수업을 이어 가고 있어요.',
        en: 'The class goes on. Your teacher has moved to another device.',
    },
    away: {
        ko: '선생님 화면을 기다리는 중이에요. 수업을 연 창을 열어 두세요.',
        en: 'Waiting for the teacher’s page. Keep the window with the class open.',
    },
});
