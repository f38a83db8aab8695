/** What the chat page says. */

import { common, defineStrings } from '../ui/strings';
import type { KeyOf } from '../ui/strings';

export const t = defineStrings({
    ...common,

    signInLead: { ko: '대화하려면 로그인하세요.', en: 'Sign in to chat.' },
    signInAgain: {
        ko: '로그인이 만료되었어요. 다시 로그인하세요. 쓰던 내용은 그대로 있어요.',
        en: 'Your sign-in has expired. Sign in again; what you were writing is kept.',
    },
    signInTitle: { ko: '다시 로그인', en: 'Sign in again' },
    otherUser: { ko: '같은 계정으로 로그인하세요.', en: 'Sign in as the same user.' },
    staySignedIn: { ko: '이 기기에서 로그인 상태 유지', en: 'Stay signed in on this device' },
    signOut: { ko: '로그아웃', en: 'Sign out' },
    accountRequired: {
        ko: '대화에는 계정이 필요해요. 수업에 손님으로 참여한 이름으로는 쓸 수 없어요.',
        en: 'Chat needs an account. The name with which you joined a class as a guest has none.',
    },

    // The connection
    stateOffline: {
        ko: '연결이 끊겼어요. 쓴 메시지는 연결되면 보내요.',
        en: 'You are offline. What you write is sent when the connection is back.',
    },
    stateUnreachable: {
        ko: '서버에 연결할 수 없어요. 다시 연결하고 있어요.',
        en: 'The server cannot be reached. Trying again.',
    },
    stateBusy: {
        ko: '서버가 바빠요. 다시 연결하고 있어요.',
        en: 'The server is busy. Trying again.',
    },
    stateClosed: {
        ko: '연결이 끝났어요. 페이지를 새로 고치세요.',
        en: 'The connection has ended. Reload the page.',
    },
    connectNow: { ko: '지금 연결', en: 'Connect now' },

    // The list of rooms
    rooms: { ko: '대화방', en: 'Rooms' },
    noRooms: {
        ko: '아직 대화방이 없어요. 그룹에 들어가거나 다른 사람과 대화를 시작해 보세요.',
        en: 'You are in no room yet. Find a group to join, or start a chat with a person.',
    },
    loadingRooms: { ko: '대화방을 불러오는 중…', en: 'Loading your rooms…' },
    listFailed: {
        ko: '대화방 목록을 불러오지 못했어요. 다시 시도하고 있어요.',
        en: 'Your rooms could not be loaded. Trying again.',
    },
    newChat: { ko: '새 대화', en: 'New chat' },
    groups: { ko: '그룹', en: 'Groups' },
    unreadCount: { ko: '읽지 않은 메시지 {count}개', en: '{count} unread' },
    manyUnread: { ko: '{count}+', en: '{count}+' },
    memberCount: { ko: '{count}명', en: '{count} members' },
    oneMember: { ko: '1명', en: '1 member' },
    previewImage: { ko: '사진', en: 'Image' },
    previewFile: { ko: '파일: {name}', en: 'File: {name}' },
    previewMine: { ko: '나: {text}', en: 'You: {text}' },
    previewFrom: { ko: '{name}: {text}', en: '{name}: {text}' },
    joined: { ko: '{name}님이 들어왔어요.', en: '{name} joined.' },
    leftRoom: { ko: '{name}님이 나갔어요.', en: '{name} left.' },
    draftOf: { ko: '작성 중: {text}', en: 'Draft: {text}' },

    // A room
    chooseRoom: { ko: '대화방을 고르세요.', en: 'Choose a room.' },
    back: { ko: '대화방 목록으로', en: 'Back to the rooms' },
    members: { ko: '구성원', en: 'Members' },
    owner: { ko: '방장', en: 'owner' },
    teacher: { ko: '선생님', en: 'teacher' },
    you: { ko: '나', en: 'you' },
    moreMembers: { ko: '그리고 {count}명 더', en: 'and {count} more' },
    leave: { ko: '나가기', en: 'Leave' },
    leaveRoom: { ko: '대화방에서 나가기', en: 'Leave the room' },
    leaveQuestion: {
        ko: '“{name}”에서 나갈까요? 나가면 지난 대화를 볼 수 없어요.',
        en: 'Leave “{name}”? You will not see its messages any more.',
    },
    roomGone: { ko: '이 대화방은 이제 없어요.', en: 'This room is no longer there.' },
    roomEnded: { ko: '“{name}” 대화방은 이제 없어요.', en: '“{name}” is no longer there.' },
    roomLeft: { ko: '“{name}”에서 나왔어요.', en: 'You have left “{name}”.' },
    notYours: {
        ko: '참여하고 있지 않은 대화방이에요.',
        en: 'You are not in this room.',
    },
    loadingMessages: { ko: '메시지를 불러오는 중…', en: 'Loading messages…' },
    loadFailed: { ko: '메시지를 불러오지 못했어요.', en: 'The messages could not be loaded.' },
    beginning: { ko: '여기에서 대화가 시작됐어요.', en: 'This is where the conversation begins.' },
    toNewest: { ko: '최근 메시지로', en: 'To the newest messages' },
    unreadBelow: { ko: '여기부터 읽지 않은 메시지', en: 'Unread from here' },
    writeHint: { ko: '메시지 쓰기', en: 'Write a message' },
    typingOne: { ko: '{name}님이 입력하고 있어요…', en: '{name} is writing…' },
    typingTwo: { ko: '{name}님과 {other}님이 입력하고 있어요…', en: '{name} and {other} are writing…' },
    typingMany: { ko: '{count}명이 입력하고 있어요…', en: '{count} people are writing…' },

    // A message
    read: { ko: '읽음', en: 'Read' },
    notReadYet: { ko: '{count}명이 아직 읽지 않음', en: 'not read by {count} yet' },
    readByAll: { ko: '모두 읽음', en: 'read by all' },
    delete: { ko: '삭제', en: 'Delete' },
    deleteMessage: { ko: '{name}의 메시지 삭제: {text}', en: 'Delete the message of {name}: {text}' },
    deleteQuestion: {
        ko: '이 메시지를 모두에게서 삭제할까요?',
        en: 'Delete this message for everyone?',
    },
    deleting: { ko: '삭제하는 중…', en: 'Being deleted…' },
    deleteFailed: { ko: '삭제하지 못했어요: {why}', en: 'Not deleted: {why}' },
    drop: { ko: '지우기', en: 'Discard' },
    refusedMember: { ko: '이 대화방에 참여하고 있지 않아요', en: 'you are not in this room' },
    refusedDeleted: { ko: '이미 삭제된 메시지예요', en: 'it was deleted' },
    refusedNotYours: {
        ko: '보낸 사람과 방장만 삭제할 수 있어요',
        en: 'only its sender and the room’s owner can delete it',
    },
    refusedSignedOut: { ko: '로그인이 끝났어요', en: 'you are no longer signed in' },

    // Files
    download: { ko: '{name} 내려받기', en: 'Download {name}' },
    fileUploading: { ko: '올리는 중…', en: 'Being uploaded…' },
    fileFailed: { ko: '올리지 못했어요', en: 'The upload failed' },
    playVideo: { ko: '동영상: {name}', en: 'Video: {name}' },
    playAudio: { ko: '소리: {name}', en: 'Audio: {name}' },

    // People and groups
    person: { ko: '이름 또는 아이디', en: 'Name or user name' },
    personHint: {
        ko: '대화할 사람을 찾으세요.',
        en: 'Find the person to chat with.',
    },
    nobody: { ko: '그런 사람이 없어요.', en: 'Nobody was found.' },
    found: { ko: '{count}개를 찾았어요.', en: '{count} found.' },
    groupName: { ko: '새 그룹 이름', en: 'Name of a new group' },
    createGroup: { ko: '그룹 만들기', en: 'Make the group' },
    findGroup: { ko: '그룹 찾기', en: 'Find a group' },
    noGroups: { ko: '그런 그룹이 없어요.', en: 'No group was found.' },
    join: { ko: '들어가기', en: 'Join' },
    joinGroup: { ko: '{name}에 들어가기', en: 'Join {name}' },
    openGroup: { ko: '{name} 열기', en: 'Open {name}' },
    openRoom: { ko: '열기', en: 'Open' },
    more: { ko: '더 보기', en: 'More' },
    badName: { ko: '이름은 1~64자예요.', en: 'A name has 1 to 64 characters.' },
    oddName: {
        ko: '이름에 쓸 수 없는 글자가 있어요.',
        en: 'The name has characters that cannot be used.',
    },
    tooManyRooms: {
        ko: '참여한 대화방이 너무 많아요. 먼저 다른 대화방에서 나가세요.',
        en: 'You are in too many rooms. Leave one first.',
    },
    roomFull: { ko: '대화방이 가득 찼어요.', en: 'The room is full.' },
    userGone: { ko: '이 사람을 찾을 수 없어요.', en: 'This person was not found.' },
    busyNow: {
        ko: '서버가 바빠요. 잠시 뒤에 다시 해 보세요.',
        en: 'The server is busy. Try again in a moment.',
    },
    failed: { ko: '요청을 처리하지 못했어요 ({code}). 다시 해 보세요.', en: 'It did not work ({code}). Try again.' },
    unreachableNow: {
        ko: '서버에 연결할 수 없어요. 네트워크를 확인하고 다시 해 보세요.',
        en: 'The server cannot be reached. Check your network and try again.',
    },

    // Search
    search: { ko: '메시지 검색', en: 'Search messages' },
    inAll: { ko: '모든 대화방', en: 'All rooms' },
    inRoom: { ko: '이 대화방', en: 'This room' },
    searchHere: { ko: '“{name}”에서 검색', en: 'Search in “{name}”' },
    results: { ko: '검색 결과', en: 'Search results' },
    noResults: { ko: '검색 결과가 없어요.', en: 'No message was found.' },
    searching: { ko: '찾는 중…', en: 'Searching…' },
    endSearch: { ko: '검색 닫기', en: 'Close the search' },
});

export type StringKey = KeyOf<typeof t>;
