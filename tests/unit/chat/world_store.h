/* A clock that the test moves, and a store that answers when the test says so; see world.h. */
#ifndef TESTS_UNIT_CHAT_WORLD_STORE_H
#define TESTS_UNIT_CHAT_WORLD_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "chat/internal.h"
#include "core/metrics.h"
#include "session/refresh.h"

/* Not every test needs all of it. */
#pragma GCC diagnostic ignored "-Wunused-function"

#define ROOM "cabcdefghijklmno"
#define CHANNEL "room:" ROOM
#define SEAL "sealsealseal"
#define LOOPS 2
#define USERS 4
#define ROWS_MAX 4096

/* ---- Time ---- */

struct loop {
    int64_t now_ms;
};

static struct loop the_clock = {.now_ms = 1000000};
static uv_timer_t *timers[8];
static size_t timer_count;

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    (void)loop;
    return NULL;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    (void)loop;
    timer->timer_cb = NULL;
    timers[timer_count++] = timer;
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t in_ms, uint64_t repeat_ms)
{
    timer->timer_cb = cb;
    timer->timeout = (uint64_t)the_clock.now_ms + in_ms;
    timer->repeat = repeat_ms;
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    timer->timer_cb = NULL;
    return 0;
}

void uv_close(uv_handle_t *handle, uv_close_cb cb)
{
    for (size_t i = 0; i < timer_count; i++) {
        if ((uv_handle_t *)timers[i] == handle) {
            timers[i] = timers[--timer_count];
        }
    }
    assert_null(cb);
}

static void pass(int64_t ms)
{
    for (int64_t until = the_clock.now_ms + ms; the_clock.now_ms < until;) {
        the_clock.now_ms += 25;
        for (size_t i = 0; i < timer_count; i++) {
            uv_timer_t *timer = timers[i];
            if (timer->timer_cb && timer->timeout <= (uint64_t)the_clock.now_ms) {
                timer->timeout = (uint64_t)the_clock.now_ms + timer->repeat;
                timer->timer_cb(timer);
            }
        }
    }
}

/* ---- The store ---- */

struct stored_row {
    enum chat_row_kind kind;
    const char *sender, *type, *body; /* never freed: what was read once stays as it was */
    int64_t about;
};

/* One piece of work: submitted, then done (what it sees is what is true then), then answered. */
struct work {
    struct work *next;
    struct loop *loop;
    struct store_task *task;
    enum store_result (*run)(struct store_task *task);
    enum store_result result;
    bool is_write, is_done;
};

static struct {
    struct stored_row rows[ROWS_MAX + 1]; /* by number */
    int64_t last_seq, left_at[USERS];
    bool members[USERS], room_is_there, away;
    struct work *first;
    char *texts[4 * ROWS_MAX];
    size_t text_count;
} db;

static int user_number(const char *user)
{
    return user[1] - '0'; /* u0, u1, … */
}

static const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *text(const char *format, ...)
{
    va_list args;
    char *out = NULL;
    va_start(args, format);
    assert_true(vasprintf(&out, format, args) >= 0);
    va_end(args);
    assert_true(db.text_count < sizeof db.texts / sizeof db.texts[0]);
    return db.texts[db.text_count++] = out;
}

static const char *user_name_of(int user)
{
    static const char *const names[USERS] = {"u0", "u1", "u2", "u3"};
    return names[user];
}

static int64_t db_append(enum chat_row_kind kind, int user, const char *type, const char *body,
                         int64_t about)
{
    assert_true(db.last_seq < ROWS_MAX);
    db.rows[++db.last_seq] = (struct stored_row){kind, user_name_of(user), type, body, about};
    return db.last_seq;
}

static int64_t db_say(int user)
{
    return db_append(MESSAGE_SENT, user, "send", text("\"%" PRId64 "\"", db.last_seq + 1), 0);
}

static int64_t db_join(int user)
{
    db.members[user] = true;
    return db_append(MESSAGE_JOIN, user, "join", "{}", 0);
}

static int64_t db_leave(int user)
{
    db.members[user] = false;
    return db.left_at[user] = db_append(MESSAGE_LEAVE, user, "leave", "{}", 0);
}

static int64_t db_delete(int64_t seq)
{
    db.rows[seq] = (struct stored_row){MESSAGE_DELETED, db.rows[seq].sender, "", "", 0};
    return db_append(MESSAGE_DELETE, 0, "delete", text("{\"id\":\"" ROOM ".%" PRId64 "\"}", seq),
                     seq);
}

static int64_t db_file_state(int64_t seq)
{
    db.rows[seq].body = text("\"%" PRId64 " ready\"", seq);
    return db_append(MESSAGE_FILE_STATE, 0, "file-state",
                     text("{\"id\":\"" ROOM ".%" PRId64 "\",\"state\":\"ready\"}", seq), seq);
}

static struct chat_message_row row_of(int64_t seq)
{
    const struct stored_row *row = &db.rows[seq];
    struct chat_message_row out = {.seq = seq,
                                   .kind = row->kind,
                                   .created_ms = 1,
                                   .sender = span_of(row->sender),
                                   .sender_name = span_of(row->sender),
                                   .sender_type = USER_STUDENT,
                                   .type = span_of(row->type),
                                   .body = span_of(row->body)};
    memcpy(out.room, ROOM, sizeof out.room);
    return out;
}

static enum store_result admit(const char *room, const char *user)
{
    if (!db.room_is_there || strcmp(room, ROOM) != 0) {
        return STORE_NOT_FOUND;
    }
    return db.members[user_number(user)] ? STORE_OK : STORE_NOT_MEMBER;
}

static int submit_work(struct loop *loop, struct store_task *task, bool is_write,
                       enum store_result (*run)(struct store_task *))
{
    struct work *work = db.away ? NULL : calloc(1, sizeof *work);
    struct work **link = &db.first;
    if (!work) {
        return -1;
    }
    *work = (struct work){.loop = loop, .task = task, .is_write = is_write, .run = run};
    while (*link) {
        link = &(*link)->next;
    }
    *link = work;
    return 0;
}

static void work_do(struct work *work)
{
    if (!work->is_done) {
        work->result = work->run(work->task);
        work->is_done = true;
    }
}

static void work_answer(struct work *work)
{
    struct work **link = &db.first;
    work_do(work);
    while (*link != work) {
        link = &(*link)->next;
    }
    *link = work->next;
    struct store_task *task = work->task;
    enum store_result result = work->result;
    free(work);
    task->done(task, result);
}

/* All that waits; not what comes of that. */
static void store_answer_all(void)
{
    struct work *last = db.first;
    while (last && last->next) {
        last = last->next;
    }
    for (bool more = last != NULL; more;) {
        more = db.first != last;
        work_answer(db.first);
    }
}

static enum store_result run_enter(struct store_task *task)
{
    struct chat_enter *op = (struct chat_enter *)task;
    op->room = (struct chat_room_row){.kind = CHAT_GROUP, .last_seq = db.last_seq, .members = 1};
    memcpy(op->room.id, ROOM, sizeof op->room.id);
    memcpy(op->room.seal, SEAL, sizeof op->room.seal);
    op->people = (struct chat_people){0};
    return admit(op->room_id, op->user);
}

int chats_enter_submit(struct store *store, struct loop *loop, struct chat_enter *op)
{
    (void)store;
    return submit_work(loop, &op->task, false, run_enter);
}

void chat_people_finish(struct chat_people *people)
{
    free(people->list);
}

static enum store_result run_read(struct store_task *task)
{
    struct chat_read *op = (struct chat_read *)task;
    op->read_seq = op->seq < db.last_seq ? op->seq : db.last_seq;
    op->moved = true;
    memcpy(op->seal, SEAL, sizeof op->seal);
    return admit(op->room, op->user);
}

int chats_read_submit(struct store *store, struct loop *loop, struct chat_read *op)
{
    (void)store;
    return submit_work(loop, &op->task, true, run_read);
}

static enum store_result run_tips(struct store_task *task)
{
    struct chats_tips *op = (struct chats_tips *)task;
    for (size_t i = 0; i < op->count; i++) {
        bool here = db.room_is_there && strcmp(op->tips[i].room, ROOM) == 0;
        op->tips[i].last_seq = here ? db.last_seq : -1;
    }
    return STORE_OK;
}

int chats_tips_submit(struct store *store, struct loop *loop, struct chats_tips *op)
{
    (void)store;
    return submit_work(loop, &op->task, false, run_tips);
}

static enum store_result run_append(struct store_task *task)
{
    struct message_append *op = (struct message_append *)task;
    enum store_result result = admit(op->room, op->sender);
    if (result == STORE_OK) {
        op->seq = db_append(MESSAGE_SENT, user_number(op->sender), "send",
                            text("%.*s", (int)op->body.n, op->body.p), 0);
        op->created_ms = 1;
        op->repeated = false;
        memcpy(op->seal, SEAL, sizeof op->seal);
    }
    return result;
}

int messages_append_submit(struct store *store, struct loop *loop, struct message_append *op)
{
    (void)store;
    return submit_work(loop, &op->task, true, run_append);
}

static void add_row(struct chat_message_rows *rows, int64_t seq)
{
    rows->list = reallocarray(rows->list, rows->count + 1, sizeof *rows->list);
    assert_non_null(rows->list);
    rows->list[rows->count++] = row_of(seq);
}

void chat_message_rows_finish(struct chat_message_rows *rows)
{
    free(rows->list);
    *rows = (struct chat_message_rows){0};
}

static enum store_result run_delete(struct store_task *task)
{
    struct message_delete *op = (struct message_delete *)task;
    enum store_result result = admit(op->room, op->user);
    op->rows = (struct chat_message_rows){0};
    if (result == STORE_OK && (op->seq > db.last_seq || db.rows[op->seq].kind != MESSAGE_SENT)) {
        result = STORE_NOT_FOUND;
    }
    if (result == STORE_OK) {
        add_row(&op->rows, db_delete(op->seq));
        memcpy(op->seal, SEAL, sizeof op->seal);
    }
    return result;
}

int messages_delete_submit(struct store *store, struct loop *loop, struct message_delete *op)
{
    (void)store;
    return submit_work(loop, &op->task, true, run_delete);
}

static enum store_result run_page(struct store_task *task)
{
    struct messages_page *op = (struct messages_page *)task;
    op->rows = (struct chat_message_rows){0};
    for (int64_t seq = op->from;
         db.room_is_there && seq <= op->to && seq <= db.last_seq && op->rows.count < op->limit;
         seq++) {
        add_row(&op->rows, seq);
    }
    return STORE_OK;
}

int messages_page_submit(struct store *store, struct loop *loop, struct messages_page *op)
{
    (void)store;
    return submit_work(loop, &op->task, false, run_page);
}

unsigned store_tasks(struct store *store, struct loop *loop)
{
    unsigned count = 0;
    (void)store;
    for (const struct work *work = db.first; work; work = work->next) {
        count += work->loop == loop;
    }
    return count;
}

void store_cancel(struct store *store, struct loop *loop)
{
    (void)store;
    for (struct work *work = db.first, *next; work; work = next) {
        next = work->next;
        if (work->loop == loop && !work->is_done) {
            work->result = STORE_UNAVAILABLE;
            work->is_done = true;
            work_answer(work);
            next = db.first; /* anything may have changed */
        }
    }
}

#endif
