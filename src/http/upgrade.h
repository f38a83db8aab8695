/*
 * Upgrades: civetweb's WebSocket connect handler, where the rules of the door stand, and from which
 * sockets go to the loops (docs/architecture.md, "Living with civetweb 1.15").
 */
#ifndef LECTERN_HTTP_UPGRADE_H
#define LECTERN_HTTP_UPGRADE_H

#include "http/app.h"

/* Registers the handlers for every path. `server->civetweb` runs already. */
void upgrade_register(struct http_server *server);

#endif
