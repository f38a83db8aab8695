/* Names of files: nothing of them is a path, a control or a trick; content types; dispositions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "http/file_name.h"

static void check(const char *name, const char *expected)
{
    char out[FILE_LABEL_MAX + 1];
    file_name_clean(span_of(name), out);
    assert_string_equal(out, expected);
}

static void plain_names_stay(void **state)
{
    static const char *const names[] = {
        "report.pdf",      "숙제 3.hwp", "사진 (1).JPG", "a+b=c & d;e,f.txt",
        "it's.txt",        "100%.txt",   "tar.tar.gz",   "no extension",
        "#1.md",           "日本語.txt", "🎉.png",        "é.txt",
        "~$document.docx",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        check(names[i], names[i]);
    }
}

static void paths_lose_all_but_their_end(void **state)
{
    (void)state;
    check("/etc/passwd", "passwd");
    check("../../../etc/passwd", "passwd");
    check("C:\\Users\\me\\a.txt", "a.txt");
    check("..\\..\\a.txt", "a.txt");
    check("a/b\\c/d.txt", "d.txt");
    check("dir/", "file");
    check("..", "file");
    check(".", "file");
    check(".bashrc", "bashrc");
    check("...a.", "a");
    check("C:a.txt", "C_a.txt");
    check("a.txt:stream", "a.txt_stream");
}

static void tricks_are_taken_out(void **state)
{
    (void)state;
    check("a\r\nSet-Cookie: x=y.txt", "aSet-Cookie_ x=y.txt");
    check("a\tb\x01\x7f.txt", "ab.txt");
    check("a\"b<c>d|e?f*g.txt", "a_b_c_d_e_f_g.txt");
    check("photo\u202Egnp.exe", "photognp.exe");
    check("a\u2066b\u2069c\u200e\u200f\u061c.txt", "abc.txt");
    check("a\u200b\ufeff\u00ad\u2060b.txt", "ab.txt");
    check("a\u2028b\u2029c\xc2\x85"
          "d.txt",
          "abcd.txt");
    check("\u3164\u115f\u1160\uffa0.txt", "txt");
    check("\u2800\u1680\u205f", "file");
    check("a\u00a0b\u3000c\u2003d.txt", "a b c d.txt");
    check("  a.txt  ", "a.txt");
    check("a.txt. . .", "a.txt");
    check("", "file");
    check("\u200b\u202e", "file");
    check("\U000e0041b.txt", "b.txt");
}

static void devices_are_no_names(void **state)
{
    (void)state;
    check("CON", "_CON");
    check("con.txt", "_con.txt");
    check("Nul .tar.gz", "_Nul .tar.gz");
    check("LPT1.pdf", "_LPT1.pdf");
    check("com9", "_com9");
    check("CONIN$", "_CONIN$");
    check("console.txt", "console.txt");
    check("com.txt", "com.txt");
}

static void long_names_are_cut_before_their_extension(void **state)
{
    char name[4000];
    char out[FILE_LABEL_MAX + 1];
    (void)state;
    memset(name, 'a', sizeof name);
    memcpy(name + sizeof name - 5, ".pdf", 5);
    file_name_clean(span_of(name), out);
    assert_in_range(strlen(out), FILE_LABEL_MAX - 2, FILE_LABEL_MAX);
    assert_string_equal(out + strlen(out) - 4, ".pdf");
    for (size_t i = 0; i + 3 < sizeof name; i += 3) { /* never inside a character */
        memcpy(name + i, "가", 3);
    }
    name[sizeof name - 1] = '\0';
    file_name_clean((struct span){name, 3990}, out);
    assert_in_range(strlen(out), FILE_LABEL_MAX - 4, FILE_LABEL_MAX);
    assert_true(utf8_valid(out, strlen(out)));
    memset(name, '.', sizeof name);
    name[0] = 'a';
    name[200] = 'b'; /* "a....b": what is so long is no extension */
    file_name_clean((struct span){name, 201}, out);
    assert_in_range(strlen(out), 1, FILE_LABEL_MAX);
}

static void check_extended(const char *name, const char *extension, const char *expected)
{
    char out[FILE_LABEL_MAX + 1];
    snprintf(out, sizeof out, "%s", name);
    file_name_extend(out, extension);
    assert_string_equal(out, expected);
}

static void pictures_get_their_extension(void **state)
{
    char name[FILE_LABEL_MAX + 1];
    (void)state;
    check_extended("a.bmp", ".jpg", "a.jpg");
    check_extended("a.JPEG", ".jpg", "a.JPEG");
    check_extended("a.jpg", ".jpg", "a.jpg");
    check_extended("a.jpg", ".png", "a.png");
    check_extended("a", ".png", "a.png");
    check_extended("v1.2", ".png", "v1.2.png");
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    file_name_extend(name, ".png");
    assert_int_equal(strlen(name), FILE_LABEL_MAX);
    assert_string_equal(name + FILE_LABEL_MAX - 4, ".png");
}

static void check_type(const char *given, const char *expected)
{
    char out[FILE_TYPE_MAX + 1];
    assert_true(file_type_read(given, out));
    assert_string_equal(out, expected);
}

static void types_are_two_tokens(void **state)
{
    char out[FILE_TYPE_MAX + 1];
    char longest[FILE_TYPE_MAX + 2];
    static const char *const bad[] = {"text",        "/html",       "text/",       "text//html",
                                      "a/b/c",       "text/html\"", "<script>/a",  "text /html",
                                      "텍스트/html", ";",           "text/html x", " "};
    (void)state;
    check_type(NULL, "application/octet-stream");
    check_type("", "application/octet-stream");
    check_type("Text/HTML", "text/html");
    check_type("text/plain; charset=utf-8", "text/plain");
    check_type("text/plain ;charset=utf-8", "text/plain");
    check_type("application/vnd.ms-excel.sheet+x", "application/vnd.ms-excel.sheet+x");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(file_type_read(bad[i], out));
    }
    memset(longest, 'a', sizeof longest);
    longest[1] = '/';
    longest[FILE_TYPE_MAX] = '\0';
    check_type(longest, longest);
    longest[FILE_TYPE_MAX] = 'a';
    longest[FILE_TYPE_MAX + 1] = '\0';
    assert_false(file_type_read(longest, out));
}

static void only_what_runs_nothing_is_shown(void **state)
{
    static const char *const shown[] = {"image/jpeg", "image/png",  "image/gif",
                                        "video/mp4",  "video/webm", "audio/mpeg"};
    static const char *const saved[] = {"text/html",       "image/svg+xml", "application/pdf",
                                        "text/plain",      "text/xml",      "application/xhtml+xml",
                                        "video/quicktime", "image/webp",    "audi",
                                        "image/jpegx",     "audio/x+xml",   "audio/+xml"};
    (void)state;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        assert_true(file_type_inline(shown[i]));
    }
    for (size_t i = 0; i < sizeof saved / sizeof saved[0]; i++) {
        assert_false(file_type_inline(saved[i]));
    }
}

static void check_disposition(bool shown, const char *name, const char *expected)
{
    struct buf out;
    buf_init(&out);
    file_disposition(&out, shown, name);
    assert_string_equal(buf_cstr(&out), expected);
    buf_finish(&out);
}

static void dispositions_carry_the_name_twice(void **state)
{
    (void)state;
    check_disposition(false, "a b.txt",
                      "attachment; filename=\"a b.txt\"; filename*=UTF-8''a%20b.txt");
    check_disposition(true, "사진.png",
                      "inline; filename=\"__.png\"; filename*=UTF-8''%EC%82%AC%EC%A7%84.png");
    check_disposition(false, "100%\"\\.txt",
                      "attachment; filename=\"100___.txt\"; filename*=UTF-8''100%25%22%5C.txt");
    check_disposition(false, "it's (1)*.txt",
                      "attachment; filename=\"it's (1)*.txt\"; "
                      "filename*=UTF-8''it%27s%20%281%29%2A.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names_stay),
        cmocka_unit_test(paths_lose_all_but_their_end),
        cmocka_unit_test(tricks_are_taken_out),
        cmocka_unit_test(devices_are_no_names),
        cmocka_unit_test(long_names_are_cut_before_their_extension),
        cmocka_unit_test(pictures_get_their_extension),
        cmocka_unit_test(types_are_two_tokens),
        cmocka_unit_test(only_what_runs_nothing_is_shown),
        cmocka_unit_test(dispositions_carry_the_name_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
