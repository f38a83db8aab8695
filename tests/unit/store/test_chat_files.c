/* What the store knows of files in chat rooms, on both kinds of store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/chat_rig.h"

static const char *file_id(int n)
{
    static char ids[8][FILE_ID_LEN + 1];
    snprintf(ids[n], sizeof ids[n], "faaaaaaaaaaaaaaaaaaaaaaaaa%c", 'a' + n);
    return ids[n];
}

/* Sends a file and gives the message's number. */
static int64_t send_file(struct rig *rig, const char *room, int n, bool ready, int64_t now_ms)
{
    const struct message_file file = {.id = file_id(n),
                                      .name = span_of("숙제 '\"%.hwp"),
                                      .type = span_of("application/x-hwp"),
                                      .bytes = 100 + n,
                                      .ready = ready,
                                      .server = "server-1"};
    struct message_append op = a_message(room, "kim", "{\"state\":\"uploading\"}");
    op.type = span_of("file");
    op.text = span_of("숙제 '\"%.hwp");
    op.now_ms = now_ms;
    op.file = &file;
    assert_int_equal(messages_append(rig->store, &op), STORE_OK);
    return op.seq;
}

static struct chat_file_finish an_end(int n, enum chat_file_state state)
{
    return (struct chat_file_finish){.id = file_id(n),
                                     .state = state,
                                     .bytes = 5000,
                                     .body = span_of("{\"state\":\"ready\"}"),
                                     .event = span_of("{\"id\":\"…\",\"state\":\"ready\"}"),
                                     .now_ms = NOW + 9};
}

static void a_file_comes_with_its_message(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_file_row row;
    int64_t seq = send_file(rig, room.id, 0, false, NOW);
    assert_int_equal(chat_files_get(rig->store, file_id(0), &row), STORE_OK);
    assert_string_equal(row.id, file_id(0));
    assert_string_equal(row.room, room.id);
    assert_int_equal(row.seq, seq);
    assert_string_equal(row.name, "숙제 '\"%.hwp");
    assert_string_equal(row.type, "application/x-hwp");
    assert_int_equal(row.bytes, 100);
    assert_int_equal(row.state, CHAT_FILE_UPLOADING);
    assert_string_equal(row.server, "server-1");
    assert_true(row.created_ms == NOW);
    assert_int_equal(chat_files_get(rig->store, file_id(1), &row), STORE_NOT_FOUND);
    assert_int_equal(chat_files_get(rig->store, "' OR 1=1 --", &row), STORE_NOT_FOUND);
    /* A ref that is repeated makes no second file. */
    const struct message_file file = {file_id(2), span_of("n"), span_of("t"), 1, true, "s"};
    struct message_append op = a_message(room.id, "kim", "1");
    op.ref = span_of("r");
    assert_int_equal(messages_append(rig->store, &op), STORE_OK);
    op.file = &file;
    assert_int_equal(messages_append(rig->store, &op), STORE_OK);
    assert_true(op.repeated);
    assert_int_equal(chat_files_get(rig->store, file_id(2), &row), STORE_NOT_FOUND);
    rig_close(rig);
}

static void an_upload_ends_once(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_file_row row;
    struct chat_message_rows rows;
    int64_t seq = send_file(rig, room.id, 0, false, NOW);
    struct chat_file_finish op = an_end(0, CHAT_FILE_READY);
    assert_int_equal(chat_files_finish(rig->store, &op), STORE_OK);
    assert_int_equal(op.rows.count, 1);
    assert_int_equal(op.rows.list->kind, MESSAGE_FILE_STATE);
    assert_int_equal(op.rows.list->seq, seq + 1);
    assert_true(span_eq(op.rows.list->type, "file-state"));
    assert_true(span_eq(op.rows.list->sender, "kim"));
    assert_true(span_same(op.rows.list->body, op.event));
    assert_int_equal(strlen(op.seal), SEAL_LEN);
    chat_message_rows_finish(&op.rows);
    assert_int_equal(chat_files_get(rig->store, file_id(0), &row), STORE_OK);
    assert_int_equal(row.state, CHAT_FILE_READY);
    assert_int_equal(row.bytes, 5000);
    assert_int_equal(messages_get(rig->store, room.id, seq, &rows), STORE_OK);
    assert_true(span_eq(rows.list->body, "{\"state\":\"ready\"}"));
    chat_message_rows_finish(&rows);
    op.state = CHAT_FILE_FAILED;
    assert_int_equal(chat_files_finish(rig->store, &op), STORE_NOT_FOUND);
    assert_int_equal(op.rows.count, 0);
    op = an_end(1, CHAT_FILE_READY);
    assert_int_equal(chat_files_finish(rig->store, &op), STORE_NOT_FOUND);
    rig_close(rig);
}

static void deleting_the_message_deletes_the_file(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_file_row row;
    int64_t seq = send_file(rig, room.id, 0, false, NOW);
    struct message_delete op = {.room = room.id, .user = "kim", .seq = seq, .now_ms = NOW};
    assert_int_equal(chat_files_forget(rig->store, file_id(0)),
                     STORE_OK); /* too early: no effect */
    assert_int_equal(messages_delete(rig->store, &op), STORE_OK);
    assert_string_equal(op.file, file_id(0));
    chat_message_rows_finish(&op.rows);
    assert_int_equal(chat_files_get(rig->store, file_id(0), &row), STORE_OK);
    assert_int_equal(row.state, CHAT_FILE_DELETED);
    /* An upload that ends after that is one of nothing. */
    struct chat_file_finish end = an_end(0, CHAT_FILE_READY);
    assert_int_equal(chat_files_finish(rig->store, &end), STORE_NOT_FOUND);
    assert_null(strstr(transcript(rig, room.id), "ready"));
    assert_int_equal(chat_files_forget(rig->store, file_id(0)), STORE_OK);
    assert_int_equal(chat_files_get(rig->store, file_id(0), &row), STORE_NOT_FOUND);
    rig_close(rig);
}

static void janitors_find_their_work(void **state)
{
    (void)state;
    struct rig *rig = chat_rig_open();
    struct room_id room = make_group(rig, "kim", "모둠");
    struct chat_file_row *list;
    size_t count;
    int64_t bytes;
    assert_int_equal(chat_files_total(rig->store, &bytes), STORE_OK);
    assert_int_equal(bytes, 0);
    send_file(rig, room.id, 0, false, NOW + 20);
    send_file(rig, room.id, 1, false, NOW + 10);
    send_file(rig, room.id, 2, true, NOW);
    int64_t seq = send_file(rig, room.id, 3, true, NOW);
    assert_int_equal(chat_files_total(rig->store, &bytes), STORE_OK);
    assert_int_equal(bytes, 100 + 101 + 102 + 103);
    assert_int_equal(try_delete(rig, room.id, "kim", seq), STORE_OK);
    assert_int_equal(chat_files_list(rig->store, CHAT_FILE_UPLOADING, NOW + 20, 10, &list, &count),
                     STORE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].id, file_id(1));
    free(list);
    assert_int_equal(chat_files_list(rig->store, CHAT_FILE_UPLOADING, NOW + 21, 10, &list, &count),
                     STORE_OK);
    assert_int_equal(count, 2);
    assert_string_equal(list[0].id, file_id(1)); /* the oldest first */
    free(list);
    assert_int_equal(chat_files_list(rig->store, CHAT_FILE_UPLOADING, NOW + 21, 1, &list, &count),
                     STORE_OK);
    assert_int_equal(count, 1);
    free(list);
    assert_int_equal(chat_files_list(rig->store, CHAT_FILE_DELETED, INT64_MAX, 10, &list, &count),
                     STORE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].id, file_id(3));
    free(list);
    struct chat_file_finish op = an_end(1, CHAT_FILE_FAILED);
    assert_int_equal(chat_files_finish(rig->store, &op), STORE_OK);
    chat_message_rows_finish(&op.rows);
    assert_int_equal(chat_files_total(rig->store, &bytes), STORE_OK);
    assert_int_equal(bytes, 100 + 102);
    rig_close(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_comes_with_its_message),
        cmocka_unit_test(an_upload_ends_once),
        cmocka_unit_test(deleting_the_message_deletes_the_file),
        cmocka_unit_test(janitors_find_their_work),
    };
    return rig_run(tests);
}
