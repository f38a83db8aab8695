/* What a seal opens, and what is left without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/seal.h"

#define SEAL "sealsealseal"

static void what_is_written_is_opened(void **state)
{
    (void)state;
    struct buf sealed, plain;
    buf_init(&sealed);
    buf_init(&plain);
    seal_write(&sealed, SEAL);
    assert_string_equal(buf_cstr(&sealed), "{\"seal\":\"" SEAL "\",");
    assert_false(seal_opens(SEAL, buf_span(&sealed))); /* there is no message */
    buf_append_text(&sealed, "\"ts\":1}");
    assert_true(seal_opens(SEAL, buf_span(&sealed)));
    seal_strip(&plain, buf_span(&sealed));
    assert_string_equal(buf_cstr(&plain), "{\"ts\":1}");
    for (size_t n = 0; n < sealed.len - strlen("\"ts\":1}"); n++) {
        assert_false(seal_opens(SEAL, (struct span){sealed.data, n}));
    }
    buf_finish(&sealed);
    buf_finish(&plain);
}

static void others_are_not(void **state)
{
    (void)state;
    static const char unknown[SEAL_LEN + 1] = "";
    static const char zeros[] = "{\"seal\":\"\0\0\0\0\0\0\0\0\0\0\0\0\",\"ts\":1}";
    static const char *const payloads[] = {
        "",
        "{\"ts\":1,\"room\":\"room:MATH\",\"sender\":\"somebody\"}",
        "{\"seal\":\"sealsealsealx\",\"ts\":1}",
        "{\"seal\":\"sealsealsea\",\"ts\":1111111111111111}",
        "{\"seal\":\"sealsealseaL\",\"ts\":1}",
        "{\"seal\":\"sealsealseal\" ,\"ts\":1}",
        "{ \"seal\":\"sealsealseal\",\"ts\":1}",
        "{\"Seal\":\"sealsealseal\",\"ts\":1}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        assert_false(seal_opens(SEAL, span_of(payloads[i])));
    }
    assert_false(seal_opens(unknown, span_of("{\"seal\":\"sealsealseal\",\"ts\":1}")));
    assert_false(seal_opens(unknown, span_of("{\"seal\":\"\",\"ts\":111111111111111111111}")));
    assert_false(seal_opens(unknown, (struct span){zeros, sizeof zeros - 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_opened),
        cmocka_unit_test(others_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
