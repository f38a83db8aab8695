/** What images say. */

import { common, defineStrings } from '../strings';
import type { KeyOf } from '../strings';

export const t = defineStrings({
    ...common,

    image: { ko: '이미지', en: 'Image' },
    addImage: { ko: '이미지 보내기', en: 'Send an image' },
    addFile: { ko: '파일 보내기', en: 'Send a file' },
    dropFileHere: { ko: '여기에 놓으면 파일을 보내요', en: 'Drop the file here to send it' },
    dropHere: { ko: '여기에 놓으면 이미지를 보내요', en: 'Drop the image here to send it' },
    uploads: { ko: '보내는 이미지', en: 'Images on their way' },
    fileUploads: { ko: '보내는 파일', en: 'Files on their way' },
    file: { ko: '파일', en: 'File' },
    waiting: { ko: '차례를 기다리는 중', en: 'Waiting for its turn' },
    preparing: { ko: '이미지를 준비하는 중…', en: 'Preparing the image…' },
    preparingFile: { ko: '파일을 준비하는 중…', en: 'Preparing the file…' },
    uploading: { ko: '보내는 중 {percent}%', en: 'Sending, {percent}%' },
    shrunk: {
        ko: '{from} → {to}로 줄여서 보내요.',
        en: 'Made smaller: {to} in place of {from}.',
    },
    offline: {
        ko: '연결이 끊겼어요. 이미지는 그대로 있고, 연결되면 다시 보내요.',
        en: 'The connection is lost. The image is kept and will be sent when it is back.',
    },
    offlineFile: {
        ko: '연결이 끊겼어요. 파일은 그대로 있고, 연결되면 다시 보내요.',
        en: 'The connection is lost. The file is kept and will be sent when it is back.',
    },
    busyFiles: {
        ko: '지금 서버가 바빠요. 곧 다시 보내요.',
        en: 'The server is busy right now. The file will be tried again soon.',
    },
    busyImages: {
        ko: '지금 이미지를 보내는 사람이 많아요. 곧 다시 보내요.',
        en: 'Many images are being sent right now. This one will be tried again soon.',
    },
    notImage: { ko: '이미지 파일이 아니에요.', en: 'This file is not an image.' },
    broken: {
        ko: '이미지가 손상됐거나 읽을 수 없는 형식이에요.',
        en: 'The image is damaged, or of a kind that cannot be read.',
    },
    tooBig: {
        ko: '파일이 너무 커요 ({size}). 크기를 줄여서 다시 보내세요.',
        en: 'The file is too big ({size}). Make it smaller and try again.',
    },
    cutOff: {
        ko: '서버가 이 파일을 받지 못했어요 ({size}). 크기를 줄여서 다시 보내세요.',
        en: 'The server did not take this file ({size}). Make it smaller and try again.',
    },
    tooManyPixels: {
        ko: '이미지가 너무 커요. 화소 수를 줄여서 다시 보내세요.',
        en: 'The image has too many pixels. Make it smaller and try again.',
    },
    notAllowed: {
        ko: '지금은 이미지를 보낼 수 없어요.',
        en: 'Images cannot be sent here now.',
    },
    roomFull: {
        ko: '이 수업의 이미지 공간이 가득 찼어요.',
        en: 'This class has no space left for images.',
    },
    noMember: { ko: '이 대화방에 참여하고 있지 않아서 보낼 수 없어요.', en: 'You are not in this room.' },
    takenBack: {
        ko: '보내는 동안 메시지가 삭제됐어요.',
        en: 'The message was deleted while the file was on its way.',
    },
    storeFull: {
        ko: '서버에 남은 파일 공간이 없어요.',
        en: 'The server has no space left for files.',
    },
    ended: { ko: '수업이 끝났어요.', en: 'The class has ended.' },
    chatGone: { ko: '이 대화방은 이제 없어요.', en: 'This room is no longer there.' },
    otherFailure: {
        ko: '이미지를 보내지 못했어요 ({code}).',
        en: 'The image could not be sent ({code}).',
    },
    otherFileFailure: {
        ko: '파일을 보내지 못했어요 ({code}).',
        en: 'The file could not be sent ({code}).',
    },
    tooManyFiles: {
        ko: '한 번에 {count}개까지 보낼 수 있어요. 나머지는 빠졌어요.',
        en: 'Only {count} files can wait at once. The others were left out.',
    },
    tooMany: {
        ko: '한 번에 {count}개까지 보낼 수 있어요. 나머지는 빠졌어요.',
        en: 'Only {count} images can wait at once. The others were left out.',
    },
    retry: { ko: '다시 보내기', en: 'Try again' },
    remove: { ko: '빼기', en: 'Remove' },
    removeUpload: { ko: '{name} 빼기', en: 'Remove {name}' },
    cancelUpload: { ko: '{name} 보내기 취소', en: 'Cancel sending {name}' },
    enlarge: { ko: '크게 보기: {name}', en: 'Enlarge: {name}' },
    gone: { ko: '이 이미지는 더 이상 없어요.', en: 'This image is no longer there.' },
    original: { ko: '새 창에서 열기', en: 'Open in a new window' },
});

export type StringKey = KeyOf<typeof t>;
