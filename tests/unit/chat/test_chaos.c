/*
 * Chats on two loops where anything happens at any time, in an order that a seed decides: people write, delete,
 * join, leave, come and go by both servers and by REST; answers of the store overtake each other; publications
 * travel slowly, or are lost; links and the store go away; sockets stop reading. In the end everybody who is still
 * there must be shown exactly what the store has, and have been shown nothing else on the way.
 *
 * `CHAOS_SEEDS=first-last` runs others than the usual ones.
 */
#include "world.h"

#define PEOPLE 6
#define PHASES 10 /* each ends in peace, and all must be well then */
#define STEPS 60

static struct person people[PEOPLE];
static uint64_t random_state;

static unsigned below(unsigned n)
{
    uint64_t mixed = random_state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return (unsigned)((mixed ^ (mixed >> 31)) % n);
}

static bool often(unsigned percent)
{
    return below(100) < percent;
}

/* ---- What happens ---- */

/* REST does it; its publication may be lost. */
static void tell_by_rest(int64_t seq)
{
    if (!often(10)) {
        publish(seq);
    }
}

static int64_t some_message(void)
{
    for (int i = 0; i < 20 && db.last_seq > 0; i++) {
        int64_t back = below(often(70) ? 5 : 60);
        int64_t seq = db.last_seq > back ? db.last_seq - back : 1;
        if (db.rows[seq].kind == MESSAGE_SENT) {
            return seq;
        }
    }
    return 0;
}

static void act_by_rest(void)
{
    int user = (int)below(USERS);
    int64_t seq = some_message();
    switch (below(12)) {
    case 0:
        if (user > 0) {
            tell_by_rest(db.members[user] ? db_leave(user) : db_join(user));
        }
        break;
    case 1:
    case 2:
        if (seq) {
            tell_by_rest(db_delete(seq));
        }
        break;
    case 3:
        if (seq) {
            tell_by_rest(db_file_state(seq));
        }
        break;
    default:
        tell_by_rest(db_say(0));
    }
    if (below(400) == 0) {
        for (int i = 0; i < 520; i++) {
            db_say(0); /* much is missed */
        }
    }
}

static void forget_view(struct person *person)
{
    person->follows = false;
    person->last = 0;
    memset(person->shown, 0, sizeof person->shown);
    memset(person->ready, 0, sizeof person->ready);
}

static void come_or_go(struct person *person)
{
    char since[CHAT_MESSAGE_ID_MAX + 1];
    if (person->chatter && !person->closed && often(70)) {
        return;
    }
    person_go(person);
    snprintf(since, sizeof since, ROOM ".%u", 1 + below((unsigned)db.last_seq + 3));
    person_come(person, (int)below(USERS), (int)below(LOOPS), often(70) ? ROOM : NULL,
                often(40) ? since : NULL, often(20) ? 0 : below(150));
}

static void act_by_socket(struct person *person)
{
    char json[160];
    if (!person->chatter || person->closed) {
        return;
    }
    switch (below(6)) {
    case 0:
        if (*chatter_room(person->chatter)) {
            return; /* it ends with its room: what it follows is not changed */
        }
        forget_view(person);
        snprintf(json, sizeof json,
                 "{\"messageType\":\"%ssubscribe\",\"room\":\"" CHANNEL "\",\"history\":%u}",
                 often(30) ? "un" : "", below(100));
        break;
    case 1:
        snprintf(json, sizeof json, "{\"messageType\":\"delete\",\"message\":\"" ROOM ".%d\"}",
                 (int)some_message() + (int)below(2));
        break;
    case 2:
        snprintf(json, sizeof json, "{\"messageType\":\"read\",\"message\":\"" ROOM ".%d\"}",
                 1 + (int)db.last_seq);
        break;
    case 3:
        snprintf(json, sizeof json,
                 "{\"messageType\":\"typing\",\"room\":\"" CHANNEL "\",\"message\":true}");
        break;
    default:
        snprintf(json, sizeof json,
                 "{\"messageType\":\"send\",\"room\":\"" CHANNEL "\",\"message\":\"%u\"}",
                 below(1000));
    }
    person_send(person, json);
}

/* Writes one after the other, reads in any order; what is done may wait before it is told. */
static void act_by_store(void)
{
    unsigned count = 0;
    bool write_seen = false;
    for (const struct work *work = db.first; work; work = work->next) {
        count++;
    }
    unsigned chosen = count > 0 ? below(count) : 0;
    for (struct work *work = db.first; work; work = work->next) {
        bool its_turn = !work->is_write || !write_seen;
        write_seen = write_seen || work->is_write;
        if (chosen-- > 0 || !its_turn) {
            continue;
        }
        if (often(50)) {
            work_do(work);
        } else {
            work_answer(work);
            return;
        }
    }
}

static void act_by_redis(struct bus *bus)
{
    if (often(50) && bus->out) {
        redis_take(bus);
    } else if (bus->in) {
        redis_bring(bus);
    }
}

static void act_by_fate(struct person *person)
{
    struct bus *bus = &buses[below(LOOPS)];
    if (!bus->up) {
        link_restore(bus);
    }
    db.away = false;
    switch (below(20)) {
    case 0:
        link_drop(bus);
        break;
    case 1:
        db.away = true;
        break;
    case 2:
        lose = below(3);
        break;
    case 3:
        refuse = !refuse;
        break;
    case 4:
        pass(3000);
        break;
    case 5:
    case 6:
        if (person->chatter && person->grows) {
            person_drain(person);
        } else {
            person->grows = true;
            person->backlog = often(50) ? 1 << 20 : person->backlog;
        }
        break;
    default:
        pass(25 + below(150));
    }
}

static void step(void)
{
    struct person *person = &people[below(PEOPLE)];
    unsigned dice = below(100);
    if (dice < 20) {
        act_by_rest();
    } else if (dice < 30) {
        come_or_go(person);
    } else if (dice < 40) {
        act_by_socket(person);
    } else if (dice < 60) {
        act_by_store();
    } else if (dice < 95) {
        act_by_redis(&buses[below(LOOPS)]);
    } else {
        act_by_fate(person);
    }
}

/* ---- What must be true then ---- */

static void calm_down(void)
{
    db.away = refuse = false;
    lose = 0;
    for (size_t i = 0; i < LOOPS; i++) {
        if (!buses[i].up) {
            link_restore(&buses[i]);
        }
    }
    for (int round = 0; round < 40; round++) {
        for (size_t i = 0; i < PEOPLE; i++) {
            if (people[i].chatter) {
                person_drain(&people[i]);
            }
        }
        settle();
        pass(250);
    }
    settle();
}

static void check_view(const struct person *person, unsigned seed)
{
    int64_t first = 1;
    while (first <= db.last_seq && !person->shown[first]) {
        first++;
    }
    for (int64_t seq = first; seq <= db.last_seq; seq++) {
        const struct stored_row *row = &db.rows[seq];
        bool is_there =
            row->kind == MESSAGE_SENT || row->kind == MESSAGE_JOIN || row->kind == MESSAGE_LEAVE;
        if (person->shown[seq] != is_there) {
            fail_msg("seed %u: number %d is %s", seed, (int)seq, is_there ? "missing" : "shown");
        }
        if (is_there && strstr(row->body, "ready") && !person->ready[seq]) {
            fail_msg("seed %u: number %d is not shown as ready", seed, (int)seq);
        }
    }
}

static void check(const struct person *person, unsigned seed)
{
    if (!person->chatter || person->closed) {
        return;
    }
    if (*chatter_room(person->chatter) && !person->follows) {
        fail_msg("seed %u: somebody waits for ever", seed);
    }
    if (person->follows) {
        if (!db.members[person->user]) {
            fail_msg("seed %u: somebody who has left is told all", seed);
        }
        check_view(person, seed);
    }
}

static void run(unsigned seed)
{
    random_state = seed;
    (void)world_begin(NULL);
    for (int user = 0; user < USERS; user++) {
        db_join(user);
    }
    for (unsigned i = below(200); i > 0; i--) {
        db_say(0);
    }
    for (int phase = 0; phase < PHASES; phase++) {
        for (int i = 0; i < STEPS; i++) {
            step();
        }
        calm_down();
        for (size_t i = 0; i < PEOPLE; i++) {
            check(&people[i], seed);
        }
    }
    for (size_t i = 0; i < PEOPLE; i++) {
        person_go(&people[i]);
    }
    (void)world_end(NULL);
}

static void test_anything_at_any_time(void **state)
{
    unsigned first = 1, last = 400;
    const char *seeds = getenv("CHAOS_SEEDS");
    (void)state;
    if (seeds) {
        assert_int_equal(sscanf(seeds, "%u-%u", &first, &last), 2);
    }
    for (unsigned seed = first; seed <= last; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_anything_at_any_time)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
