/* LECTERN_FILES_URL: what is a directory, what a bucket, and what is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/files_url.h"

static void directories(void **state)
{
    struct files_url url;
    (void)state;
    assert_null(files_url_parse(span_of("file:/srv/files"), &url));
    assert_true(span_eq(url.dir, "/srv/files"));
    assert_string_equal(url.host, "");
    assert_null(files_url_parse(span_of("file:data/files"), &url));
    assert_true(span_eq(url.dir, "data/files"));
    assert_non_null(files_url_parse(span_of("file:"), &url));
}

static void buckets(void **state)
{
    struct files_url url;
    (void)state;
    assert_null(files_url_parse(
        span_of("s3+https://AKIA:s%2Fec%3Aret%40@s3.example:9000/school/chat?region=eu-west-1"
                "&ca=/etc/ca%20s.pem"),
        &url));
    assert_true(url.https);
    assert_string_equal(url.host, "s3.example");
    assert_int_equal(url.port, 9000);
    assert_string_equal(url.path, "/school/chat");
    assert_string_equal(url.key, "AKIA");
    assert_string_equal(url.secret, "s/ec:ret@");
    assert_string_equal(url.region, "eu-west-1");
    assert_string_equal(url.ca, "/etc/ca s.pem");
    assert_int_equal(url.dir.n, 0);
    assert_null(files_url_parse(span_of("s3+http://k:a:b@10.0.0.7/b/"), &url));
    assert_false(url.https);
    assert_int_equal(url.port, 0);
    assert_string_equal(url.secret, "a:b");
    assert_string_equal(url.path, "/b");
    assert_string_equal(url.region, FILES_REGION_DEFAULT);
}

static void neither(void **state)
{
    static const char *const bad[] = {
        "",
        "/srv/files",
        "http://k:s@h/b",
        "s3://k:s@h/b",
        "s3+https://h/b",
        "s3+https://k@h/b",
        "s3+https://:s@h/b",
        "s3+https://k:@h/b",
        "s3+https://k%3Ax:s@h/b",
        "s3+https://k:s%@h/b",
        "s3+https://k:s%00@h/b",
        "s3+https://k:s@/b",
        "s3+https://k:s@h",
        "s3+https://k:s@h/",
        "s3+https://k:s@h:0/b",
        "s3+https://k:s@h:65536/b",
        "s3+https://k:s@h:/b",
        "s3+https://k:s@[::1]/b",
        "s3+https://k:s@h/b//c",
        "s3+https://k:s@h/../b",
        "s3+https://k:s@h/b%2Fc",
        "s3+https://k:s@h/b?region=",
        "s3+https://k:s@h/b?region=a/b",
        "s3+https://k:s@h/b?ca=",
        "s3+https://k:s@h/b?x=y",
    };
    struct files_url url;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *wrong = files_url_parse(span_of(bad[i]), &url);
        assert_true(wrong && *wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories),
        cmocka_unit_test(buckets),
        cmocka_unit_test(neither),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
