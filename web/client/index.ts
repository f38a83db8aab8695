/** The client library's public face. */

export { accounts, changePassword, login, logoutAll, profile, signup } from './accounts';
export type { AccountsOffer, Profile, SignIn, SignUp } from './accounts';
export { Backoff } from './backoff';
export type { BackoffLimits } from './backoff';
export { LecternClient } from './client';
export { CLOSE_CODES, closeInfo } from './close';
export type { CloseInfo, CloseKind, Comeback } from './close';
export { faultOf } from './diagnosis';
export type { Reason } from './diagnosis';
export { environment } from './env';
export type { Environment, Fetch, WebSocketConstructor, WebSocketLike } from './env';
export type { ClientOptions, Events, State, Times } from './options';
export { LecternError, epochOf, roomCode } from './protocol';
export type * from './protocol';
export { guest, request, roomStatus } from './rest';
export type { Answer, Failure, Guest, RoomStatus } from './rest';
export { uploadImage } from './upload';
export type { ImageFile, UploadOptions } from './upload';
export { RecentIds } from './recent';
export { tokenClaims, tokenExpiry } from './token';
