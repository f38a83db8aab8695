/* The handlers in the route table: each answers the request once. Files by resource. */
#ifndef LECTERN_HTTP_HANDLERS_H
#define LECTERN_HTTP_HANDLERS_H

struct request;

/* rooms.c */
void rooms_get(struct request *req);   /* GET /rooms/{id} */
void rooms_users(struct request *req); /* GET /rooms/{id}/users */
void rooms_user(struct request *req);  /* GET /rooms/{id}/users/{userId} */

/* log_export.c */
void export_log(struct request *req);        /* GET /rooms/{id}/log */
void export_attendance(struct request *req); /* GET /rooms/{id}/attendance */

/* images.c */
void images_post(struct request *req); /* POST /rooms/{id}/images */

/* chat_upload.c */
void chat_upload_post(struct request *req); /* POST /chat/room/{id}/files */

/* files.c */
void files_serve(struct request *req); /* GET /files/{id} */

/* events.c */
void events_list(struct request *req); /* GET /events */
void events_post(struct request *req); /* POST /events/{channel} */

/* chat_groups.c */
void chat_groups_create(struct request *req); /* POST /chat/room/group/create */
void chat_groups_list(struct request *req);   /* GET /chat/room/group/list */
void chat_groups_join(struct request *req);   /* POST /chat/room/group/{id}/join */
void chat_groups_leave(struct request *req);  /* DELETE /chat/room/group/{id}/leave */

/* chat_rooms.c */
void chat_rooms_direct(struct request *req); /* POST /chat/room/private/create */
void chat_rooms_mine(struct request *req);   /* GET /chat/my/rooms */
void chat_rooms_get(struct request *req);    /* GET /chat/room/{id} */
void chat_rooms_people(struct request *req); /* GET /chat/people */

/* chat_history.c */
void chat_history_get(struct request *req);    /* GET /chat/history/{id} */
void chat_history_read(struct request *req);   /* POST /chat/room/{id}/read */
void chat_history_search(struct request *req); /* GET /chat/search */

/* chat_messages.c */
void chat_messages_post(struct request *req);   /* POST /chat/room/{id}/messages */
void chat_messages_delete(struct request *req); /* DELETE /chat/message/{id} */

/* guest.c */
void guest_post(struct request *req); /* POST /guest */

/* accounts.c */
void accounts_get(struct request *req);    /* GET /accounts */
void accounts_signup(struct request *req); /* POST /signup */
void accounts_login(struct request *req);  /* POST /login */

/* profile.c */
void profile_get(struct request *req);        /* GET /profile */
void profile_password(struct request *req);   /* POST /profile/password */
void profile_logout_all(struct request *req); /* POST /logout-all */

/* sockjs.c: beneath /sockjs/{service}, and there beneath /{server}/{session} */
void sockjs_greeting(struct request *req);      /* GET */
void sockjs_info(struct request *req);          /* GET /info */
void sockjs_xhr(struct request *req);           /* POST …/xhr */
void sockjs_xhr_streaming(struct request *req); /* POST …/xhr_streaming */
void sockjs_eventsource(struct request *req);   /* GET …/eventsource */
void sockjs_send(struct request *req);          /* POST …/xhr_send */

/* ops.c */
void ops_health(struct request *req);  /* GET /healthz */
void ops_ready(struct request *req);   /* GET /readyz */
void ops_metrics(struct request *req); /* GET /metrics */
void ops_version(struct request *req); /* GET /version */

#endif
