/*
 * Members whose account has signed out everywhere, while Redis takes its time to say so. The functions that
 * src/room calls of the link are defined here; the linker then takes these.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "room/internal.h"
#include "session/refresh.h"
#include "session/revoke.h"

/* ---- Redis, asked once at a time ---- */

static bool up;
static bus_reply_fn *asked; /* NULL: nothing is under way */
static void *asked_arg;
static size_t asked_keys;

bool bus_is_up(const struct bus *bus)
{
    (void)bus;
    return up;
}

int bus_command(struct bus *bus, const struct span *argv, size_t argc, bus_reply_fn *fn, void *arg)
{
    (void)bus;
    assert_true(span_eq(argv[0], "MGET"));
    assert_null(asked);
    if (!up) {
        return -1;
    }
    asked = fn;
    asked_arg = arg;
    asked_keys = argc - 1;
    return 0;
}

int bus_script(struct bus *bus, enum bus_script script, const struct span *keys, size_t key_count,
               const struct span *args, size_t arg_count, bus_reply_fn *fn, void *arg)
{
    (void)bus, (void)script, (void)keys, (void)key_count, (void)args, (void)arg_count;
    (void)fn, (void)arg;
    return -1;
}

int bus_subscribe(struct bus *bus, struct span channel)
{
    (void)bus, (void)channel;
    return -1;
}

void bus_unsubscribe(struct bus *bus, struct span channel)
{
    (void)bus, (void)channel;
}

/* Every account that was asked for is answered alike, as on the wire; NULL: the link broke. */
static void answer(const char *each)
{
    bus_reply_fn *fn = asked;
    void *reply = NULL;
    assert_non_null(fn);
    if (each) {
        redisReader *reader = redisReaderCreate();
        char head[32];
        assert_non_null(reader);
        snprintf(head, sizeof head, "*%zu\r\n", asked_keys);
        assert_int_equal(redisReaderFeed(reader, head, strlen(head)), REDIS_OK);
        for (size_t i = 0; i < asked_keys; i++) {
            assert_int_equal(redisReaderFeed(reader, each, strlen(each)), REDIS_OK);
        }
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
        assert_non_null(reply);
        redisReaderFree(reader);
    }
    asked = NULL;
    fn(asked_arg, reply);
    if (reply) {
        freeReplyObject(reply);
    }
}

/* ---- Tokens: whatever comes is good, and of this generation ---- */

static uint32_t fresh;

enum refresh_result refresh_read(const struct tokens *tokens, struct json_value body,
                                 const char *user_id, enum user_type type, struct claims *claims,
                                 enum token_error *error)
{
    (void)tokens, (void)body, (void)user_id, (void)error;
    *claims = (struct claims){.type = type, .expires_ms = INT64_MAX, .generation = fresh};
    return REFRESH_OK;
}

/* ---- Sockets ---- */

struct person {
    struct member *member;
    unsigned acks;
    uint16_t closed; /* with that code */
};

static void person_tell(void *socket, const char *type, const char *ref, struct span body)
{
    struct person *person = socket;
    (void)ref, (void)body;
    person->acks += strcmp(type, "ack") == 0;
}

static void person_close(void *socket, uint16_t code, const char *reason)
{
    struct person *person = socket;
    (void)reason;
    person->closed = code;
}

static const struct receiver_ops person_ops = {.tell = person_tell, .close = person_close};

/* ---- A class ---- */

static const struct config config = {
    .rate_student = {100, 100}, .message_max = 4096, .log_max = 10, .log_bytes = 4096};
static struct loop *loop;
static struct rooms *rooms;

static int begin(void **state)
{
    (void)state;
    up = false; /* rooms neither subscribe nor load */
    loop = loop_create(0);
    rooms = loop ? rooms_create(loop, &config, NULL, "server", "abcdef") : NULL;
    return rooms ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    assert_null(asked);
    assert_null(rooms->head);
    rooms_destroy(rooms);
    loop_destroy(loop);
    return 0;
}

/* Sits in class, with a token of that generation. */
static void person_come(struct person *person, const char *id, uint32_t generation)
{
    const struct room_ticket ticket = {.room = "MATH", .epoch = "epoch", .session = "session"};
    struct claims claims = {
        .type = USER_STUDENT, .expires_ms = INT64_MAX, .generation = generation};
    (void)span_copy(span_of(id), claims.user_id, sizeof claims.user_id);
    *person = (struct person){NULL};
    person->member = member_create(rooms, &ticket, &claims, "", 0, 0, &person_ops, person);
    assert_non_null(person->member);
    joining_free(person->member->joining);
    person->member->joining = NULL;
    person->member->welcomed = true;
    person->member->state = MEMBER_ATTACHED;
}

static void person_refresh(struct person *person, uint32_t generation)
{
    unsigned before = person->acks;
    fresh = generation;
    member_receive(person->member,
                   span_of("{\"messageType\":\"token\",\"message\":\"x\",\"ref\":\"t\"}"));
    assert_int_equal(person->acks, before + 1);
}

static void look(void)
{
    up = true;
    rooms->generations_ms = clock_mono_ms() - REVOKE_CHECK_MS;
    rooms_check_generations(rooms);
    up = false;
}

#define GENERATION_2 "$1\r\n2\r\n"
#define NO_GENERATION "$-1\r\n"

static struct person ann, bob, cho;

static void everybody_goes(void)
{
    member_gone(ann.member, true);
    member_gone(bob.member, true);
    member_gone(cho.member, true);
}

/* A fresh token that comes while Redis is asked about the old one counts. */
static void test_fresh_token_while_generations_are_asked_for(void **state)
{
    (void)state;
    person_come(&ann, "ann", 1);
    person_come(&bob, "bob", 1);
    person_come(&cho, "cho", 1);
    look();
    assert_int_equal(asked_keys, 3);
    person_refresh(&ann, 2);
    person_refresh(&bob, 1); /* as old as the one it had */
    answer(GENERATION_2);
    assert_int_equal(ann.closed, 0);
    assert_int_equal(bob.closed, CLOSE_TOKEN_EXPIRED);
    assert_int_equal(cho.closed, CLOSE_TOKEN_EXPIRED);
    look();
    answer(GENERATION_2);
    assert_int_equal(ann.closed, 0);
    everybody_goes();
}

/* Tokens of no account are not asked about, and one that comes meanwhile is none of Redis's business. */
static void test_tokens_of_no_account(void **state)
{
    (void)state;
    person_come(&ann, "ann", 1);
    person_come(&bob, "bob", 0);
    person_come(&cho, "cho", 2);
    look();
    assert_int_equal(asked_keys, 2);
    person_refresh(&ann, 0);
    answer(GENERATION_2);
    assert_int_equal(ann.closed, 0);
    assert_int_equal(bob.closed, 0);
    assert_int_equal(cho.closed, 0);
    everybody_goes();
}

/* Where Redis does not say, nobody is closed; who has gone meanwhile is not touched. */
static void test_no_answer(void **state)
{
    (void)state;
    person_come(&ann, "ann", 1);
    person_come(&bob, "bob", 1);
    person_come(&cho, "cho", 1);
    look();
    answer(NO_GENERATION);
    look();
    answer(NULL);
    assert_int_equal(ann.closed, 0);
    look();
    everybody_goes();
    answer(GENERATION_2);
    assert_int_equal(ann.closed, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_fresh_token_while_generations_are_asked_for),
        TEST(test_tokens_of_no_account),
        TEST(test_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
