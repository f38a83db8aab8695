/** What the connection check says. */

import { common, defineStrings } from '../ui/strings';
import type { KeyOf } from '../ui/strings';

export const t = defineStrings({
    ...common,

    title: { ko: '연결 확인', en: 'Connection check' },
    lead: {
        ko: '이 기기와 네트워크에서 수업이 잘 되는지 알아봅니다.',
        en: 'Finds out whether classes work on this device and network.',
    },
    running: { ko: '확인하는 중…', en: 'Checking…' },
    again: { ko: '다시 확인', en: 'Check again' },
    stepHttp: { ko: '서버 연결', en: 'Reaching the server' },
    stepWs: { ko: '실시간 연결 (WebSocket)', en: 'Live connection (WebSocket)' },
    stepRtt: { ko: '왕복 시간', en: 'Round trip' },
    stepFallback: { ko: '예비 연결', en: 'Fallback connection' },
    stateOk: { ko: '됨', en: 'works' },
    stateBad: { ko: '안 됨', en: 'does not work' },
    stateRunning: { ko: '확인 중', en: 'checking' },
    stateSkipped: { ko: '확인하지 않음', en: 'not checked' },
    rtt: { ko: '보통 {ms} ms, 가장 길 때 {max} ms', en: '{ms} ms usually, {max} ms at most' },
    lost: { ko: '{count}개 잃음', en: '{count} lost' },

    good: { ko: '수업에 참여할 수 있어요.', en: 'Ready for class.' },
    slow: {
        ko: '연결되지만 느려요. 메시지가 늦게 올 수 있어요.',
        en: 'It works, but slowly: messages may arrive late.',
    },
    byFallback: {
        ko: '이 네트워크는 WebSocket을 막지만, 예비 연결로 수업에 참여할 수 있어요.',
        en: 'This network blocks WebSocket, but classes work by the fallback connection.',
    },
    httpUnreachable: {
        ko: '서버에 닿지 않아요. 와이파이가 켜져 있는지, 선생님과 같은 네트워크인지 확인하세요.',
        en: 'The server cannot be reached. Is the Wi-Fi on, and is it the same network as your teacher’s?',
    },
    httpIntercepted: {
        ko: '서버 대신 네트워크가 답했어요. 로그인이 필요한 와이파이이거나 프록시가 막고 있어요.',
        en: 'The network answered in the server’s place: a Wi-Fi that wants you to sign in first, or a proxy that blocks.',
    },
    httpTrouble: {
        ko: '서버에 닿았지만 서버에 문제가 있어요. 잠시 뒤에 다시 확인하세요.',
        en: 'The server was reached, but it is in trouble. Check again in a while.',
    },
    wsTimeout: {
        ko: '웹 페이지는 열리지만 실시간 연결에 아무 답이 없어요. 방화벽이 WebSocket을 조용히 막는 것 같아요.',
        en: 'Pages load, but the live connection gets no answer at all: a firewall seems to drop WebSocket silently.',
    },
    wsRefused: {
        ko: '웹 페이지는 열리지만 실시간 연결이 거절돼요. 프록시나 보안 프로그램이 WebSocket을 막고 있어요.',
        en: 'Pages load, but the live connection is refused: a proxy or security software blocks WebSocket.',
    },
    wsCut: {
        ko: '실시간 연결이 열렸다가 바로 끊겨요. 네트워크가 연결을 오래 두지 않는 것 같아요.',
        en: 'The live connection opens, but is soon cut: the network does not seem to let connections last.',
    },
    wsSilent: {
        ko: '실시간 연결은 열리지만 메시지가 돌아오지 않아요. 프록시가 내용을 붙잡고 있는 것 같아요.',
        en: 'The live connection opens, but messages do not come back: a proxy seems to hold them.',
    },
    wsAltered: {
        ko: '메시지가 오가는 길에 바뀌어요. 프록시나 보안 프로그램이 내용을 건드려요.',
        en: 'Messages are changed on their way: a proxy or security software tampers with them.',
    },
    forAdmin: {
        ko: '네트워크 담당자에게: {address} 로 가는 WebSocket 연결을 허용해 주세요.',
        en: 'For the network’s administrator: please allow WebSocket connections to {address}.',
    },

    tellTitle: { ko: '선생님에게 결과 알리기', en: 'Tell your teacher' },
    tellLead: {
        ko: '{code} 수업의 선생님이 결과를 볼 수 있어요.',
        en: 'The teacher of class {code} sees your result.',
    },
    nameHint: { ko: '선생님에게 보이는 이름', en: 'The name your teacher will see' },
    badName: { ko: '이름은 1~64자예요.', en: 'A name has 1 to 64 characters.' },
    tell: { ko: '결과 보내기', en: 'Send the result' },
    telling: { ko: '결과를 보내는 중…', en: 'Sending the result…' },
    told: { ko: '선생님에게 결과를 보냈어요.', en: 'Your teacher has the result.' },
    cannotTell: {
        ko: '실시간 연결이 안 되어 결과를 보낼 수 없어요. 이 화면을 선생님에게 보여 주세요.',
        en: 'Without a live connection the result cannot be sent. Show this screen to your teacher.',
    },
    notOpen: { ko: '수업이 열려 있지 않아요.', en: 'The class is not open.' },
    doorLocked: {
        ko: '입장이 잠겨 있어요. 선생님이 열어 주면 다시 보내세요.',
        en: 'The door is locked. Send it again when your teacher has opened it.',
    },
    classFull: { ko: '수업에 자리가 없어요.', en: 'The class is full.' },
    oddName: {
        ko: '이름에 쓸 수 없는 글자가 있어요. 다시 적어 주세요.',
        en: 'The name has characters that cannot be used. Type it again without them.',
    },
    notThrough: {
        ko: '연결이 끊겨 결과가 선생님에게 닿지 않았어요. 다시 보내세요.',
        en: 'The connection was lost before your teacher had the result. Send it again.',
    },
    serverBusy: {
        ko: '서버가 바빠요. 잠시 뒤에 다시 보내세요.',
        en: 'The server is busy. Send it again in a moment.',
    },
    noGuests: {
        ko: '이 서버는 손님을 받지 않아요. 이 화면을 선생님에게 보여 주세요.',
        en: 'This server takes no guests. Show this screen to your teacher.',
    },
    checkSuffix: { ko: ' (연결 확인)', en: ' (check)' },
    notTold: { ko: '결과를 보내지 못했어요: {why}', en: 'The result was not sent: {why}' },
    device: { ko: '이 기기: {browser}', en: 'This device: {browser}' },
});

export type StringKey = KeyOf<typeof t>;
