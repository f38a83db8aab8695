/* Accounts, on both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/rig.h"

static void assert_row(const struct user_row *a, const struct user_row *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->email, b->email);
    assert_int_equal(a->type, b->type);
    assert_string_equal(a->password, b->password);
    assert_int_equal(a->generation, b->generation);
    assert_true(a->created_ms == b->created_ms);
}

static void assert_empty(const struct user_row *row)
{
    static const struct user_row nobody;
    assert_memory_equal(row, &nobody, sizeof nobody);
}

static void what_was_added_is_found(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row row = rig_user("Kim.1", "Kim@School.example"), found;
    row.generation = UINT32_MAX - 1;
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    snprintf(row.email, sizeof row.email, "kim@school.example");
    assert_int_equal(users_get(rig->store, "Kim.1", &found), STORE_OK);
    assert_row(&found, &row);
    static const char *const logins[] = {"Kim.1", "kim.1", "KIM.1", "kim@school.example",
                                         "KIM@SCHOOL.EXAMPLE"};
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        assert_int_equal(users_find(rig->store, span_of(logins[i]), &found), STORE_OK);
        assert_row(&found, &row);
    }
    rig_reopen(rig);
    assert_int_equal(users_get(rig->store, "Kim.1", &found), STORE_OK);
    assert_row(&found, &row);
    rig_close(rig);
}

static void nobody_is_not_found(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row row = rig_user("kim", ""), found;
    char longest[400];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    static const char *const logins[] = {"", "ki", "kim ", "' OR 1=1 --", "%", "김선생"};
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        memset(&found, 'x', sizeof found);
        assert_int_equal(users_find(rig->store, span_of(logins[i]), &found), STORE_NOT_FOUND);
        assert_empty(&found);
    }
    memset(&found, 'x', sizeof found);
    assert_int_equal(users_find(rig->store, span_of(longest), &found), STORE_NOT_FOUND);
    assert_empty(&found);
    assert_int_equal(users_get(rig->store, "KIM", &found), STORE_NOT_FOUND); /* exactly */
    assert_int_equal(users_set_password(rig->store, "KIM", "x", NULL), STORE_NOT_FOUND);
    assert_int_equal(users_bump_generation(rig->store, "KIM", NULL), STORE_NOT_FOUND);
    rig_close(rig);
}

static enum store_result add(struct rig *rig, const char *id, const char *email)
{
    struct user_row row = rig_user(id, email);
    return users_add(rig->store, &row);
}

static void login_names_are_unique(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row found;
    assert_int_equal(add(rig, "kim", "kim@school.example"), STORE_OK);
    assert_int_equal(add(rig, "kim", ""), STORE_ID_TAKEN);
    assert_int_equal(add(rig, "KIM", ""), STORE_ID_TAKEN);
    assert_int_equal(add(rig, "lee", "KIM@school.example"), STORE_EMAIL_TAKEN);
    assert_int_equal(add(rig, "Kim@School.example", ""), STORE_ID_TAKEN);
    assert_int_equal(add(rig, "kim", "KIM@school.example"), STORE_ID_TAKEN); /* both: the id */
    /* Nothing of what was refused has stayed. */
    assert_int_equal(users_get(rig->store, "lee", &found), STORE_NOT_FOUND);
    assert_int_equal(add(rig, "lee", "lee@school.example"), STORE_OK);
    /* An id that is an address, alone and as its owner's own. */
    assert_int_equal(add(rig, "Park@school.example", "park@SCHOOL.example"), STORE_OK);
    assert_int_equal(add(rig, "choi", "park@school.example"), STORE_EMAIL_TAKEN);
    assert_int_equal(users_find(rig->store, span_of("park@school.EXAMPLE"), &found), STORE_OK);
    assert_string_equal(found.id, "Park@school.example");
    /* Any number have no address. */
    assert_int_equal(add(rig, "a", ""), STORE_OK);
    assert_int_equal(add(rig, "b", ""), STORE_OK);
    rig_close(rig);
}

static void odd_texts_stay_as_they_are(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row row = rig_user("x", ""), found;
    memset(row.id, 'i', ID_MAX);
    row.id[ID_MAX] = '\0';
    memset(row.name, 0, sizeof row.name);
    for (int i = 0; i < 64; i++) {
        strcat(row.name, "😀");
    }
    memset(row.email, 'e', EMAIL_MAX);
    memset(row.password, '$', PASSWORD_HASH_MAX);
    row.type = USER_SERVICE;
    row.created_ms = INT64_C(253402300799999);
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    assert_int_equal(users_get(rig->store, row.id, &found), STORE_OK);
    assert_row(&found, &row);
    static const char *const names[] = {"'; DROP TABLE users; --", "\"$1\" ? \\", "a\tb\nc", "%s%n",
                                        "<script>"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char id[16];
        snprintf(id, sizeof id, "odd%zu", i);
        row = rig_user(id, "");
        snprintf(row.name, sizeof row.name, "%s", names[i]);
        assert_int_equal(users_add(rig->store, &row), STORE_OK);
        assert_int_equal(users_get(rig->store, id, &found), STORE_OK);
        assert_row(&found, &row);
    }
    rig_close(rig);
}

static void passwords_and_generations(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct user_row row = rig_user("kim", "kim@school.example"), found;
    uint32_t generation = 0;
    assert_int_equal(users_add(rig->store, &row), STORE_OK);
    assert_int_equal(add(rig, "lee", ""), STORE_OK);
    assert_int_equal(users_set_password(rig->store, "kim", "$new", &generation), STORE_OK);
    assert_int_equal(generation, 2);
    assert_int_equal(users_bump_generation(rig->store, "kim", &generation), STORE_OK);
    assert_int_equal(generation, 3);
    assert_int_equal(users_bump_generation(rig->store, "kim", NULL), STORE_OK);
    /* The same password hashed anew voids no token, and comes too late after a change. */
    assert_int_equal(users_rehash(rig->store, "kim", "$new", "$newer"), STORE_OK);
    assert_int_equal(users_rehash(rig->store, "kim", "$new", "$old"), STORE_NOT_FOUND);
    /* A change that knows the password there is, once. */
    assert_int_equal(users_change_password(rig->store, "kim", "$new", "$x", NULL), STORE_NOT_FOUND);
    assert_int_equal(users_change_password(rig->store, "kim", "$newer", "$mine", &generation),
                     STORE_OK);
    assert_int_equal(generation, 5);
    assert_int_equal(users_change_password(rig->store, "kim", "$newer", "$x", &generation),
                     STORE_NOT_FOUND);
    /* Raised to at least. */
    assert_int_equal(users_raise_generation(rig->store, "kim", NULL, 3, &generation), STORE_OK);
    assert_int_equal(generation, 5);
    assert_int_equal(users_raise_generation(rig->store, "kim", "$mine", 7, &generation), STORE_OK);
    assert_int_equal(generation, 7);
    assert_int_equal(users_raise_generation(rig->store, "kim", "$newer", 9, NULL), STORE_NOT_FOUND);
    assert_int_equal(users_raise_generation(rig->store, "KIM", NULL, 9, NULL), STORE_NOT_FOUND);
    snprintf(row.password, sizeof row.password, "$mine");
    row.generation = 7;
    assert_int_equal(users_get(rig->store, "kim", &found), STORE_OK);
    assert_row(&found, &row);
    assert_int_equal(users_get(rig->store, "lee", &found), STORE_OK);
    assert_int_equal(found.generation, 1); /* nobody else's */
    rig_close(rig);
}

struct seen {
    char ids[512];
    unsigned count;
    char last[ID_MAX + 1];
};

static void see(const struct user_row *row, void *arg)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->ids);
    snprintf(seen->ids + len, sizeof seen->ids - len, "%s ", row->id);
    snprintf(seen->last, sizeof seen->last, "%s", row->id);
    seen->count++;
    assert_string_equal(row->password, "");
    assert_int_equal(row->type, USER_TEACHER);
}

static void lists_go_by_bytes(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct seen seen = {.count = 0};
    assert_int_equal(users_list(rig->store, NULL, 10, see, &seen), STORE_OK);
    assert_int_equal(seen.count, 0);
    static const char *const ids[] = {"b", "a", "C", "_", "-", "a.b", "Z@x", "10", "9"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_int_equal(add(rig, ids[i], ""), STORE_OK);
    }
    assert_int_equal(users_list(rig->store, "", 100, see, &seen), STORE_OK);
    assert_string_equal(seen.ids, "- 10 9 C Z@x _ a a.b b ");
    /* Page by page. */
    seen = (struct seen){.count = 0};
    unsigned pages = 0, before;
    do {
        before = seen.count;
        assert_int_equal(users_list(rig->store, seen.last, 4, see, &seen), STORE_OK);
        pages++;
    } while (seen.count > before);
    assert_int_equal(pages, 4);
    assert_string_equal(seen.ids, "- 10 9 C Z@x _ a a.b b ");
    rig_close(rig);
}

static void long_lists(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    struct seen seen = {.count = 0};
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "%03d", i);
        assert_int_equal(add(rig, id, ""), STORE_OK);
    }
    assert_int_equal(users_list(rig->store, "", 1000, see, &seen), STORE_OK);
    assert_int_equal(seen.count, 100);
    assert_string_equal(seen.last, "099");
    rig_close(rig);
}

struct race {
    struct rig *rig;
    struct store *stores[2];
    atomic_uint next, added, taken, other;
};

static void *add_the_same(void *arg)
{
    struct race *race = arg;
    unsigned me = race->next++;
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "same%d", i);
        struct user_row row = rig_user(id, "");
        enum store_result result = users_add(race->stores[me % 2], &row);
        *(result == STORE_OK         ? &race->added
          : result == STORE_ID_TAKEN ? &race->taken
                                     : &race->other) += 1;
    }
    return NULL;
}

static void of_many_at_once_one_gets_the_name(void **state)
{
    (void)state;
    struct rig *rig = rig_open();
    pthread_t threads[16];
    struct race race = {.rig = rig, .stores = {rig->store, rig_open_another(rig)}};
    for (int i = 0; i < 16; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_the_same, &race), 0);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(race.added, 10);
    assert_int_equal(race.taken, 150);
    assert_int_equal(race.other, 0);
    store_close(race.stores[1]);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(nobody_is_not_found),
        cmocka_unit_test(login_names_are_unique),
        cmocka_unit_test(odd_texts_stay_as_they_are),
        cmocka_unit_test(passwords_and_generations),
        cmocka_unit_test(lists_go_by_bytes),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(of_many_at_once_one_gets_the_name),
    };
    return rig_run(tests);
}
