/** The client library's public face. */

export { Backoff } from './backoff';
export type { BackoffLimits } from './backoff';
export { LecternClient } from './client';
export { CLOSE_CODES, closeInfo } from './close';
export type { CloseInfo, CloseKind, Comeback } from './close';
export type { Reason } from './diagnosis';
export { environment } from './env';
export type { Environment, Fetch, WebSocketConstructor, WebSocketLike } from './env';
export type { ClientOptions, Events, State, Times } from './options';
export { LecternError, roomCode } from './protocol';
export type * from './protocol';
export { guest, request, roomStatus } from './rest';
export type { Answer, Failure, Guest, RoomStatus } from './rest';
export { tokenClaims, tokenExpiry } from './token';
