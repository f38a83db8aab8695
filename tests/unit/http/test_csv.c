/* Tables for spreadsheets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/csv.h"

static void check_cell(struct span text, const char *expected)
{
    struct buf out;
    struct csv csv = {.out = &out};
    buf_init(&out);
    csv_cell(&csv, text);
    assert_string_equal(buf_cstr(&out), expected);
    buf_finish(&out);
}

static void cells_are_quoted_where_needed(void **state)
{
    (void)state;
    check_cell(span_of("plain"), "plain");
    check_cell(span_of(""), "");
    check_cell(span_of("a b"), "a b");
    check_cell(span_of("a,b"), "\"a,b\"");
    check_cell(span_of("say \"hi\""), "\"say \"\"hi\"\"\"");
    check_cell(span_of("two\nlines"), "\"two\nlines\"");
    check_cell(span_of("two\r\nlines"), "\"two\r\nlines\"");
    check_cell(span_of("안녕"), "안녕");
}

static void formulas_are_only_text(void **state)
{
    (void)state;
    check_cell(span_of("=1+1"), "'=1+1");
    check_cell(span_of("+49"), "'+49");
    check_cell(span_of("-5"), "'-5");
    check_cell(span_of("@SUM(A1)"), "'@SUM(A1)");
    check_cell(span_of("\t=1"), "'\t=1");
    check_cell(span_of("\r=1"), "\"'\r=1\"");
    check_cell(span_of("=HYPERLINK(\"x\",\"y\")"), "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"");
    check_cell(span_of("1+1"), "1+1");
    check_cell((struct span){"\0=1", 3}, "");
}

static void rows_have_their_commas(void **state)
{
    struct buf out;
    struct csv csv = {.out = &out};
    (void)state;
    buf_init(&out);
    csv_cell(&csv, span_of(""));
    csv_cell(&csv, span_of("b\n"));
    csv_cell(&csv, span_of(""));
    csv_end(&csv);
    csv_int(&csv, 1732094000123);
    csv_time(&csv, 1732094000123);
    csv_time(&csv, 0);
    csv_end(&csv);
    assert_string_equal(buf_cstr(&out), ",\"b\n\",\r\n1732094000123,2024-11-20T09:13:20.123Z,"
                                        "1970-01-01T00:00:00.000Z\r\n");
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_quoted_where_needed),
        cmocka_unit_test(formulas_are_only_text),
        cmocka_unit_test(rows_have_their_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
