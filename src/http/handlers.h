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

/* files.c */
void files_serve(struct request *req); /* GET /files/{id} */

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

/* ops.c */
void ops_health(struct request *req);  /* GET /healthz */
void ops_ready(struct request *req);   /* GET /readyz */
void ops_metrics(struct request *req); /* GET /metrics */
void ops_version(struct request *req); /* GET /version */

#endif
