/* What messages say of files, in each state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chat/file_body.h"

static const struct chat_file_row file = {.id = "fabcdefghijklmnopqrstuvwxyz",
                                          .room = "cabcdefghijklmno",
                                          .seq = 12,
                                          .name = "a \"b\" 가.pdf",
                                          .type = "application/pdf",
                                          .bytes = 3000000000,
                                          .state = CHAT_FILE_UPLOADING};

static void check(struct buf *out, const char *expected)
{
    assert_string_equal(buf_cstr(out), expected);
    buf_finish(out);
}

static void files_by_their_state(void **state)
{
    struct chat_file_row row = file;
    struct buf out;
    (void)state;
    buf_init(&out);
    chat_file_body(&out, &row);
    check(&out, "{\"url\":\"/files/fabcdefghijklmnopqrstuvwxyz\",\"name\":\"a \\\"b\\\" 가.pdf\","
                "\"type\":\"application/pdf\",\"bytes\":3000000000,\"state\":\"uploading\"}");
    row.state = CHAT_FILE_FAILED;
    chat_file_body(&out, &row);
    check(&out, "{\"name\":\"a \\\"b\\\" 가.pdf\",\"type\":\"application/pdf\","
                "\"bytes\":3000000000,\"state\":\"failed\"}");
}

static void events_name_their_message(void **state)
{
    struct chat_file_row row = file;
    struct buf out;
    (void)state;
    buf_init(&out);
    row.state = CHAT_FILE_READY;
    chat_file_event(&out, &row);
    check(&out, "{\"id\":\"cabcdefghijklmno.12\",\"state\":\"ready\"}");
}

static void images_have_a_size_and_a_thumbnail(void **state)
{
    struct chat_file_row row = file;
    struct buf out;
    (void)state;
    buf_init(&out);
    row.state = CHAT_FILE_READY;
    chat_image_body(&out, &row, 640, 480);
    check(&out, "{\"thumbUrl\":\"/files/fabcdefghijklmnopqrstuvwxyz.t\",\"width\":640,"
                "\"height\":480,\"url\":\"/files/fabcdefghijklmnopqrstuvwxyz\","
                "\"name\":\"a \\\"b\\\" 가.pdf\",\"type\":\"application/pdf\","
                "\"bytes\":3000000000,\"state\":\"ready\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_by_their_state),
        cmocka_unit_test(events_name_their_message),
        cmocka_unit_test(images_have_a_size_and_a_thumbnail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
