/* Folding of texts for search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "store/fold.h"

static void assert_folds(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out);
    buf_append_text(&out, "<");
    fold_text(&out, span_of(text));
    buf_append_text(&out, ">");
    assert_string_equal(buf_cstr(&out) + 1 + strlen(expected), ">");
    assert_memory_equal(out.data + 1, expected, strlen(expected));
    buf_finish(&out);
}

static void capitals_become_small(void **state)
{
    (void)state;
    assert_folds("", "");
    assert_folds("Hello WORLD [\\]^_`{|}~ 09@AZ", "hello world [\\]^_`{|}~ 09@az");
    assert_folds("ÀÖØÞ×÷ßàÿ", "àöøþ×÷ßàÿ");
    assert_folds("ĀāĮĲĶĹŇŊŶŸŹŽ", "āāįĳķĺňŋŷÿźž");
    assert_folds("ΆΈΉΊΌΎΏ ΑΡΣΪ αω", "άέήίόύώ αρσϊ αω");
    assert_folds("ЀЏ АЯ ая Ѡѡ Ӏ Ӂӂ Ԯ", "ѐџ ая ая ѡѡ ӏ ӂӂ ԯ");
    assert_folds("ԱՖ Ａｚ Ⅷ Ⓐ Ạ", "աֆ ａｚ ⅷ ⓐ ạ");
    assert_folds("İSTANBUL ısı ĞÖŞ", "istanbul ısı ğöş");           /* Turkish */
    assert_folds("TRƯỜNG HỌC, MỘT GIỜ Ơ", "trường học, một giờ ơ"); /* Vietnamese */
    assert_folds("STRAẞE Straße", "straße straße");
    assert_folds("Ə ƁƊƘƳ ƐƆŊ", "ə ɓɗƙƴ ɛɔŋ"); /* Azerbaijani, Hausa, Ewe */
    assert_folds("\u212a \u212b \u2126", "k å ω");
    assert_folds("한국어 漢字 かな 😀 ﷽", "한국어 漢字 かな 😀 ﷽");
}

static void control_characters_become_blanks(void **state)
{
    (void)state;
    assert_folds("a\nb\tc\x1e"
                 "d\x7f"
                 "e\xc2\x85"
                 "f",
                 "a b c d e f");
}

static void syllables_are_composed(void **state)
{
    (void)state;
    /* 한글 as a Mac names its files. */
    assert_folds("\u1112\u1161\u11ab\u1100\u1173\u11af.PDF", "한글.pdf");
    assert_folds("\u1100\u1161", "가");
    assert_folds("\u1112\u1175\u11c2", "힣");
    assert_folds("가\u11a8", "각");       /* a syllable and a tail */
    assert_folds("각\u11a8", "각\u11a8"); /* that has one already */
    assert_folds("가\u11a7", "가\u11a7"); /* none of the tails */
    assert_folds("\u1100\u1100\u1161", "\u1100가");
    assert_folds("\u1161\u1100", "\u1161\u1100");
    assert_folds("\u1100", "\u1100");
    assert_folds("\u1100a", "\u1100a");
    assert_folds("\u1113\u1161", "\u1113\u1161"); /* an old one, that no syllable has */
}

/* Whatever it is, the result is valid, no longer, and folding it again changes nothing. */
static void every_character(void **state)
{
    (void)state;
    for (uint32_t c = 1; c < 0x110000; c++) {
        if (c >= 0xd800 && c < 0xe000) {
            continue;
        }
        char text[4];
        size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
        static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
        for (size_t i = len; i-- > 1;) {
            text[i] = (char)(0x80 | (c >> 6 * (len - 1 - i) & 0x3f));
        }
        text[0] = (char)(first[len] | c >> 6 * (len - 1));
        struct buf once, twice;
        buf_init(&once);
        buf_init(&twice);
        fold_text(&once, (struct span){text, len});
        fold_text(&twice, buf_span(&once));
        assert_true(utf8_valid(once.data, once.len));
        assert_true(once.len > 0 && once.len <= len);
        assert_true(span_same(buf_span(&once), buf_span(&twice)));
        assert_null(memchr(once.data, '\x1e', once.len)); /* stands between the texts of a block */
        buf_finish(&once);
        buf_finish(&twice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capitals_become_small),
        cmocka_unit_test(control_characters_become_blanks),
        cmocka_unit_test(syllables_are_composed),
        cmocka_unit_test(every_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
