/* Opening, closing, and whether it is there; see store.h. */
#include "store/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "core/log.h"
#include "core/metrics.h"
#include "store/schema.h"

#define SQLITE_SCHEME "sqlite:"
#define SQLITE_FILE "lectern.db"

enum store_result store_result_of(int db_result)
{
    return db_result >= 0 ? STORE_OK : db_result == DB_FAILED ? STORE_FAILED : STORE_UNAVAILABLE;
}

/* ---- Waiting ---- */

void store_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

int store_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
    const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    return pthread_cond_timedwait(cond, lock, &until);
}

bool crowd_enter(struct crowd *crowd)
{
    int64_t now_ms = clock_mono_ms();
    if (crowd->waiting == 0) {
        crowd->moved_ms = now_ms;
    }
    if (crowd->most && crowd->waiting >= crowd->most) {
        return false;
    }
    if (crowd->waiting >= STORE_WAITERS && now_ms - crowd->moved_ms > STORE_STALL_MS) {
        return false;
    }
    crowd->waiting++;
    return true;
}

void crowd_leave(struct crowd *crowd, bool served)
{
    crowd->waiting--;
    if (served) {
        crowd->moved_ms = clock_mono_ms();
    }
}

/* ---- Is it there? ---- */

void store_set_up(struct store *store, bool up, const char *reason)
{
    const char *name = store->target.driver->name;
    bool was_up = atomic_exchange(&store->up, up);
    if (up && !was_up) {
        log_info("store", "%s: %s", name, store->came_up ? "back" : "open");
        store->came_up = true;
        store->reason[0] = '\0';
    } else if (!up && strcmp(reason, store->reason) != 0) {
        log_warn("store", "%s is away, trying again: %s", name, reason);
        snprintf(store->reason, sizeof store->reason, "%s", reason);
    }
    metric_set(METRIC_STORE_UP, up);
    if (!up) {
        readers_wake(&store->readers);
    }
}

bool store_ready(const struct store *store)
{
    return atomic_load(&store->up);
}

struct db *store_connect(struct store *store, char error[DB_ERROR_MAX], bool *hopeless)
{
    const struct db_driver *driver = store->target.driver;
    struct db *db = driver->connect(&store->target, DB_WRITER, clock_mono_ms() + store->timeout_ms,
                                    error, hopeless);
    if (!db) {
        return NULL;
    }
    db->deadline_ms = clock_mono_ms() + store->timeout_ms;
    enum schema_result result = schema_migrate(db, schema_migrations, schema_migration_count);
    if (result == SCHEMA_OK || (result == SCHEMA_NEWER && store->came_up)) {
        return db; /* newer since we run: each step leaves what we do possible */
    }
    *hopeless = result != SCHEMA_UNREACHED;
    snprintf(error, DB_ERROR_MAX, "%s", db->error);
    driver->close(db);
    return NULL;
}

/* ---- From beginning to end ---- */

/* Relative paths get a "./", so that none is one of SQLite's special names. */
static char *join(const char *dir, const char *file)
{
    char *path = NULL;
    const char *here = *dir == '/' || (!*dir && *file == '/') ? "" : "./";
    return asprintf(&path, "%s%s%s%s", here, dir, *dir ? "/" : "", file) < 0 ? NULL : path;
}

static bool locate(struct store *store, const struct config *config, char *error, size_t cap)
{
    const char *url = config->store_url;
    bool given = *url != '\0';
    if (given && strncmp(url, SQLITE_SCHEME, strlen(SQLITE_SCHEME)) != 0) {
        store->target.driver = &db_postgres;
        store->target.place = url;
    } else {
        if (!given && mkdir(config->data_dir, 0700) && errno != EEXIST) {
            snprintf(error, cap, "%.200s cannot be made: %s", config->data_dir, strerror(errno));
            return false;
        }
        store->path =
            given ? join("", url + strlen(SQLITE_SCHEME)) : join(config->data_dir, SQLITE_FILE);
        store->target.driver = &db_sqlite;
        store->target.place = store->path;
    }
    if (!store->target.place) {
        snprintf(error, cap, "out of memory");
        return false;
    }
    const char *wrong = store->target.driver->check(store->target.place);
    if (wrong) {
        snprintf(error, cap, "LECTERN_STORE_URL (value not shown) is not allowed: %s", wrong);
    }
    return !wrong;
}

static bool start(struct store *store, char *error, size_t cap)
{
    char reason[DB_ERROR_MAX];
    bool hopeless;
    struct db *db = store_connect(store, reason, &hopeless);
    if (!db && hopeless) {
        snprintf(error, cap, "%s: %s", store->target.driver->name, reason);
        return false;
    }
    store_set_up(store, db != NULL, reason);
    if (writer_start(store, db)) {
        snprintf(error, cap, "no thread for the store");
        return false;
    }
    return true;
}

/* Reading, waiting included, keeps half of the threads at most: however slow it is, others get on. */
static unsigned waiters_of(unsigned threads)
{
    return threads / 2 > STORE_READERS ? threads / 2 - STORE_READERS : 1;
}

struct store *store_open(const struct config *config, char *error, size_t error_cap)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store) {
        snprintf(error, error_cap, "out of memory");
        return NULL;
    }
    store->timeout_ms = config->store_timeout_ms;
    store->target.timeout_ms = store->timeout_ms;
    readers_init(&store->readers, waiters_of(config->http_threads));
    tasks_init(&store->tasks);
    if (locate(store, config, error, error_cap) && start(store, error, error_cap)) {
        return store;
    }
    tasks_finish(&store->tasks);
    readers_finish(&store->readers);
    free(store->path);
    free(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    tasks_stop(&store->tasks);
    writer_stop(store);
    tasks_finish(&store->tasks);
    readers_finish(&store->readers);
    free(store->path);
    free(store);
}
