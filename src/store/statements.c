/* The list of prepared statements; see statements.h. Short enough to be searched from its start. */
#include "store/statements.h"

#include <stdlib.h>

long statements_find(const struct statements *statements, const char *sql)
{
    for (size_t i = 0; i < statements->count; i++) {
        if (statements->list[i].sql == sql) {
            return (long)i;
        }
    }
    return -1;
}

long statements_add(struct statements *statements, const char *sql, void *prepared)
{
    if (statements->count == statements->cap) {
        size_t cap = statements->cap ? 2 * statements->cap : 16;
        struct statement *list = reallocarray(statements->list, cap, sizeof *list);
        if (!list) {
            return -1;
        }
        statements->list = list;
        statements->cap = cap;
    }
    statements->list[statements->count] = (struct statement){sql, prepared};
    return (long)statements->count++;
}

void statements_finish(struct statements *statements)
{
    free(statements->list);
    *statements = (struct statements){0};
}
