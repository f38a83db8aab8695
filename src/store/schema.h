/*
 * The tables, as a list of steps from nothing to what this version needs. Servers are upgraded one
 * after the other, so each step leaves what the version before it does possible. Steps that were
 * released are never changed.
 */
#ifndef LECTERN_STORE_SCHEMA_H
#define LECTERN_STORE_SCHEMA_H

#include "store/db.h"

struct migration {
    const char *sqlite; /* statements, separated by semicolons */
    const char *postgres;
};

extern const struct migration schema_migrations[];
extern const size_t schema_migration_count;

enum schema_result {
    SCHEMA_OK = 0,
    SCHEMA_UNREACHED = -1, /* the connection was lost or too slow: it may be tried again */
    SCHEMA_REFUSED = -2,   /* a statement was refused: tables of another program, missing rights */
    SCHEMA_NEWER = -3,     /* it has been through more steps than these */
};

/*
 * Brings the database to the end of `list`, in one transaction under a lock that all servers
 * respect, so that one of them does it and the others find it done. Why it could not be done is in
 * db->error. Looking whether there is anything to do keeps to the connection's deadline, doing it may
 * take SCHEMA_LIMIT_MS.
 */
#define SCHEMA_LIMIT_MS 60000
enum schema_result schema_migrate(struct db *db, const struct migration *list, size_t count)
    __attribute__((warn_unused_result));

#endif
