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

/* guest.c */
void guest_post(struct request *req); /* POST /guest */

/* ops.c */
void ops_health(struct request *req);  /* GET /healthz */
void ops_ready(struct request *req);   /* GET /readyz */
void ops_metrics(struct request *req); /* GET /metrics */
void ops_version(struct request *req); /* GET /version */

#endif
