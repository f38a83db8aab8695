/*
 * The store alone: how fast chat messages are appended, and how long searching among them takes.
 *
 * usage: store URL [messages]      (bench/run.mjs --store starts it on both kinds of database)
 *
 * 50 rooms of four people each; one of them, "me", is in 25, another, "few", in two. The database is filled with messages of
 * three to twelve words, Korean mostly, some English, drawn so that a few words are frequent and most are rare; then
 * messages are appended at a fixed rate, and each latency counts from the scheduled time; then each kind of query is asked
 * many times. Prints one line of JSON for each thing that was measured.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "core/log.h"
#include "net/loop.h"
#include "store/search.h"
#include "store/users.h"

#define ROOMS 50
#define MINE 25 /* of `me`; the others are others' */
#define PEOPLE 200
#define WINDOW 2000 /* appends under way while the database is filled */
#define RATE 2000   /* appends per second when they are measured */
#define RATED 20000
#define ASKED 200 /* times that each query is asked */
#define TEXT_MAX 400

static const char *const words[] = {
    "네",         "오늘",     "선생님",   "숙제",   "내일",       "수업",    "안녕하세요",
    "감사합니다", "질문",     "발표",     "자료",   "모둠",       "시험",    "수학",
    "영어",       "국어",     "과학",     "확인",   "부탁드려요", "파일",    "사진",
    "링크",       "올렸어요", "언제까지", "인가요", "프로젝트",   "project", "deadline",
    "체육",       "점심",     "급식",     "교실",   "도서관",     "보고서",  "실험",
    "결과",       "의견",     "토론",     "주제",   "정리",       "제출",    "마감",
    "연습",       "문제",     "답안",     "풀이",   "공식",       "그래프",  "presentation",
    "slides",     "역사",     "지리",     "음악",   "미술",       "합창",    "축제",
    "동아리",     "방과후",   "상담",     "과학실",
};
#define WORDS (sizeof words / sizeof words[0])

struct append {
    struct message_append op;
    int64_t due_ns;
    char text[TEXT_MAX];
    char body[TEXT_MAX + 2];
    char sender[16];
};

static struct {
    struct store *store;
    struct loop *loop;
    uv_timer_t timer;
    char rooms[ROOMS][CHAT_ROOM_ID_LEN + 1];
    struct append *appends;
    double *latencies; /* ms */
    unsigned number, total, submitted, finished;
    unsigned rate; /* 0: as fast as the window allows */
    unsigned failed;
    int64_t began_ns;
    uint32_t random;
    atomic_bool over;
} run;

static void fail(const char *what)
{
    fprintf(stderr, "store: %s\n", what);
    exit(1);
}

static void must(enum store_result result, const char *what)
{
    if (result != STORE_OK) {
        fail(what);
    }
}

static unsigned dice(unsigned sides)
{
    run.random = run.random * 1664525 + 1013904223;
    return (unsigned)((uint64_t)run.random * sides >> 32);
}

/* ---- Messages ---- */

/* The first words are said often, the last ones seldom. */
static const char *draw_word(void)
{
    size_t a = dice(WORDS), b = dice(WORDS), c = dice(WORDS);
    size_t low = a < b ? a : b;
    return words[low < c ? low : c];
}

static void add_word(char *text, const char *word)
{
    size_t len = strlen(text);
    snprintf(text + len, TEXT_MAX - len, "%s%s", len ? " " : "", word);
}

/* What the queries look for is put in: see queries[]. */
static void write_text(unsigned number, unsigned room, char *text)
{
    text[0] = '\0';
    for (unsigned left = 3 + dice(10); left > 0; left--) {
        add_word(text, draw_word());
    }
    if (room >= MINE) {
        add_word(text, "비밀");
    }
    if (number % 1000 == 7) {
        add_word(text, "우체국");
    }
    if (number % 10000 == 5000) {
        add_word(text, "튤립");
    }
    add_word(text, "해요.");
}

static void prepare(struct append *append, unsigned number)
{
    unsigned room = dice(ROOMS);
    write_text(number, room, append->text);
    snprintf(append->body, sizeof append->body, "\"%s\"", append->text);
    snprintf(append->sender, sizeof append->sender, "u%u", room + ROOMS * dice(PEOPLE / ROOMS));
    append->op = (struct message_append){.room = run.rooms[room],
                                         .sender = append->sender,
                                         .type = span_of("send"),
                                         .body = span_of(append->body),
                                         .text = span_of(append->text),
                                         .now_ms = clock_wall_ms()};
}

/* ---- Appending ---- */

static void submit(int64_t due_ns);

static void appended(struct store_task *task, enum store_result result)
{
    struct append *append = (struct append *)task;
    run.latencies[run.finished++] = (double)(clock_mono_ns() - append->due_ns) / 1e6;
    run.failed += result != STORE_OK;
    if (!run.rate && run.submitted < run.total) {
        submit(clock_mono_ns());
    }
    if (run.finished == run.total) {
        uv_close((uv_handle_t *)&run.timer, NULL);
        run.over = true;
    }
}

static void submit(int64_t due_ns)
{
    struct append *append = &run.appends[run.submitted];
    prepare(append, run.number++);
    append->op.task.done = appended;
    append->due_ns = due_ns;
    if (messages_append_submit(run.store, run.loop, &append->op)) {
        fail("a message was not taken");
    }
    run.submitted++;
}

static void tick(uv_timer_t *timer)
{
    (void)timer;
    while (run.rate && run.submitted < run.total) {
        int64_t due_ns = run.began_ns + (int64_t)run.submitted * 1000000000 / run.rate;
        if (due_ns > clock_mono_ns()) {
            break;
        }
        submit(due_ns);
    }
}

static void begin(void *arg)
{
    (void)arg;
    uv_timer_init(loop_uv(run.loop), &run.timer);
    uv_timer_start(&run.timer, tick, 1, 1);
    run.began_ns = clock_mono_ns();
    for (unsigned i = 0; !run.rate && i < WINDOW && i < run.total; i++) {
        submit(run.began_ns);
    }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void append_many(unsigned total, unsigned rate)
{
    run.total = total;
    run.rate = rate;
    run.submitted = run.finished = run.failed = 0;
    run.over = false;
    run.appends = calloc(total, sizeof *run.appends);
    run.latencies = calloc(total, sizeof *run.latencies);
    run.loop = loop_create(0);
    if (!run.appends || !run.latencies || !run.loop || loop_post(run.loop, begin, NULL) ||
        loop_start(run.loop)) {
        fail("no memory");
    }
    while (!run.over) {
        usleep(1000);
    }
    double seconds = (double)(clock_mono_ns() - run.began_ns) / 1e9;
    loop_stop(run.loop);
    loop_destroy(run.loop);
    qsort(run.latencies, total, sizeof run.latencies[0], ascending);
    printf("{\"kind\":\"append\",\"rate\":%u,\"messages\":%u,\"per_s\":%.0f,\"ms_p50\":%.2f,"
           "\"ms_p99\":%.2f,\"ms_max\":%.2f,\"failed\":%u}\n",
           rate, total, total / seconds, run.latencies[total / 2],
           run.latencies[(size_t)total * 99 / 100], run.latencies[total - 1], run.failed);
    free(run.appends);
    free(run.latencies);
}

/* ---- People and rooms ---- */

static void add_user(const char *id)
{
    struct user_row row = {.type = USER_STUDENT, .generation = 1, .created_ms = 1};
    snprintf(row.id, sizeof row.id, "%s", id);
    snprintf(row.name, sizeof row.name, "학생 %s", id);
    must(users_add(run.store, &row), "an account could not be made: is the database empty?");
}

static void join(const char *user, const char *room)
{
    struct chat_message_rows rows = {0};
    struct chat_join op = {.room = room,
                           .user = user,
                           .now_ms = 1,
                           .rooms_max = ROOMS,
                           .members_max = PEOPLE,
                           .rows = &rows};
    must(chats_join(run.store, &op), "a room could not be joined");
    chat_message_rows_finish(&rows);
}

static void people_rooms(void)
{
    char id[16];
    add_user("me");
    add_user("few");
    for (unsigned i = 0; i < PEOPLE; i++) {
        snprintf(id, sizeof id, "u%u", i);
        add_user(id);
    }
    for (unsigned i = 0; i < PEOPLE; i++) {
        snprintf(id, sizeof id, "u%u", i);
        if (i < ROOMS) {
            struct chat_create op = {
                .owner = id, .name = span_of(id), .now_ms = 1, .rooms_max = ROOMS};
            must(chats_create(run.store, &op), "a room could not be made");
            memcpy(run.rooms[i], op.room.id, sizeof run.rooms[i]);
        } else {
            join(id, run.rooms[i % ROOMS]);
        }
    }
    for (unsigned i = 0; i < MINE; i++) {
        join("me", run.rooms[i]);
    }
    join("few", run.rooms[0]);
    join("few", run.rooms[1]);
}

/* ---- Searching ---- */

static const struct {
    const char *name, *user, *part;
} queries[] = {
    {"in every message", "me", "해요."},
    {"frequent, two syllables", "me", "숙제"},
    {"one syllable", "me", "수"},
    {"seldom, two syllables", "me", "합창"},
    {"one in 1,000", "me", "우체국"},
    {"one in 10,000", "me", "튤립"},
    {"in no message", "me", "고래"},
    {"in every message of others", "me", "비밀"},
    {"English, capitals", "me", "DeadLine"},
    {"English, in no message", "me", "zebra"},
    {"two words", "me", "모둠 시험"},
    {"two rooms, frequent", "few", "숙제"},
    {"two rooms, in no message", "few", "고래"},
};

static void ask(const char *name, const char *user, const char *part)
{
    double times[ASKED];
    size_t found = 0;
    for (unsigned i = 0; i < ASKED; i++) {
        struct messages_search op = {.user = user, .part = span_of(part), .limit = 20};
        int64_t began_ns = clock_mono_ns();
        must(messages_search(run.store, &op), "a search failed");
        times[i] = (double)(clock_mono_ns() - began_ns) / 1e6;
        found = op.rows.count;
        chat_message_rows_finish(&op.rows);
    }
    qsort(times, ASKED, sizeof times[0], ascending);
    printf("{\"kind\":\"search\",\"case\":\"%s\",\"found\":%zu,\"ms_p50\":%.2f,\"ms_p99\":%.2f,"
           "\"ms_max\":%.2f}\n",
           name, found, times[ASKED / 2], times[ASKED * 99 / 100], times[ASKED - 1]);
}

int main(int argc, char **argv)
{
    struct config config = {.data_dir = ".", .store_timeout_ms = 30000, .http_threads = 64};
    char error[512] = "";
    long messages = argc > 2 ? strtol(argv[2], NULL, 10) : 100000;
    if (argc < 2 || messages < 2 * RATED || messages > 10000000) {
        fputs("usage: store sqlite:FILE|postgresql://… [messages, at least 40000]\n", stderr);
        return 2;
    }
    config.store_url = argv[1];
    log_set_level(LOG_LEVEL_WARN);
    if (id_init() || !(run.store = store_open(&config, error, sizeof error))) {
        fail(*error ? error : "no random numbers");
    }
    run.random = 1;
    people_rooms();
    append_many((unsigned)messages - RATED, 0);
    append_many(RATED, RATE);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        ask(queries[i].name, queries[i].user, queries[i].part);
    }
    store_close(run.store);
    return 0;
}
