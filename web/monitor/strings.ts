/** What the dashboard says. */

import { common, defineStrings } from '../ui/strings';
import type { KeyOf } from '../ui/strings';

export const t = defineStrings({
    ...common,

    title: { ko: '이벤트 모니터', en: 'Event monitor' },
    lead: {
        ko: '서비스가 보내는 이벤트를 실시간으로 봅니다.',
        en: 'Shows the events of services as they happen.',
    },
    tokenLabel: { ko: '접근 토큰', en: 'Access token' },
    tokenHint: {
        ko: '볼 채널이 담긴 토큰이 필요해요. 관리자에게 받으세요. 이 탭에만 보관돼요.',
        en: 'A token that names the channels: ask the administrator. It is kept in this tab only.',
    },
    tokenForm: { ko: '토큰은 점 두 개로 나뉜 글자예요.', en: 'A token has three parts with dots between.' },
    open: { ko: '열기', en: 'Open' },
    leave: { ko: '나가기', en: 'Leave' },
    asking: { ko: '서버에 묻는 중…', en: 'Asking the server…' },

    online: { ko: '연결됨', en: 'Connected' },
    connecting: { ko: '연결하는 중…', en: 'Connecting…' },
    reconnecting: { ko: '다시 연결하는 중…', en: 'Reconnecting…' },
    reconnectingIn: { ko: '연결이 끊겼어요. {seconds}초 뒤 다시 연결해요.', en: 'Connection lost. Next try in {seconds} s.' },
    unreachable: { ko: '서버에 닿지 않아요. {seconds}초 뒤 다시 시도해요.', en: 'The server cannot be reached. Next try in {seconds} s.' },
    busy: { ko: '서버가 지금 받을 수 없어요. {seconds}초 뒤 다시 시도해요.', en: 'The server cannot take us now. Next try in {seconds} s.' },
    offline: { ko: '오프라인', en: 'Offline' },
    tokenExpired: { ko: '토큰이 만료됐어요. 새 토큰을 넣으세요.', en: 'The token has expired. Enter a new one.' },
    tokenInvalid: { ko: '이 토큰은 쓸 수 없어요.', en: 'This token is not valid.' },
    forbidden: { ko: '이 토큰으로는 이 채널을 볼 수 없어요.', en: 'This token does not open these channels.' },
    refused: { ko: '서버가 연결을 받아 주지 않아요.', en: 'The server does not let us in.' },

    channels: { ko: '채널', en: 'Channels' },
    channel: { ko: '채널', en: 'Channel' },
    total: { ko: '이벤트', en: 'Events' },
    rate: { ko: '초당', en: 'Per second' },
    lastSeen: { ko: '마지막', en: 'Last' },
    lostColumn: { ko: '놓침', en: 'Missed' },
    never: { ko: '없음', en: 'none' },
    chart: { ko: '최근 5분, 초당 이벤트', en: 'Events per second, last five minutes' },
    chartLabel: {
        ko: '최근 5분 동안 채널별 초당 이벤트 수 그래프. 지금 값은 표에 있어요.',
        en: 'Chart of events per second and channel over the last five minutes. The table has the present figures.',
    },

    events: { ko: '이벤트 목록', en: 'Events' },
    pause: { ko: '멈춤', en: 'Pause' },
    goOn: { ko: '계속', en: 'Go on' },
    pausedWith: { ko: '멈춤 · 새 이벤트 {count}개', en: 'Paused · {count} new' },
    allChannels: { ko: '모든 채널', en: 'All channels' },
    search: { ko: '내용에서 찾기', en: 'Find in events' },
    shown: { ko: '{found}개 중 최근 {shown}개', en: 'Newest {shown} of {found}' },
    noEvents: { ko: '아직 이벤트가 없어요.', en: 'No events yet.' },
    nothingFound: { ko: '찾는 이벤트가 없어요.', en: 'No event fits.' },
    clear: { ko: '비우기', en: 'Clear' },
    eventOf: { ko: '{channel} 이벤트', en: 'Event of {channel}' },
    time: { ko: '시각', en: 'Time' },
    id: { ko: '번호', en: 'Id' },
    noId: { ko: '없음 (다시 받을 수 없는 이벤트)', en: 'none (cannot be replayed)' },
    data: { ko: '내용', en: 'Data' },
    cutOff: { ko: '너무 길어 앞부분만 보여요.', en: 'Too long: only its beginning is shown.' },

    dropped: {
        ko: '이벤트 {count}개를 놓쳤어요. 이 화면이 느렸거나 이벤트가 너무 컸어요.',
        en: 'Events left out: {count}. This page read too slowly, or they were too large.',
    },
    gap: {
        ko: '연결이 끊긴 사이의 이벤트 일부는 남아 있지 않아요.',
        en: 'Some events from while the connection was away are no longer there.',
    },
});

export type StringKey = KeyOf<typeof t>;
