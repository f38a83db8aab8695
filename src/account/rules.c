/* See rules.h. */
#include "account/rules.h"

#include <strings.h>

#include "base/ascii.h"
#include "base/id.h"

#define LOCAL_MAX 64 /* bytes, RFC 5321 section 4.5.3.1.1 */
#define LABEL_MAX 63 /* bytes, RFC 1035 section 2.3.4 */

static bool begins_with(struct span text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text.n >= n && strncasecmp(text.p, prefix, n) == 0;
}

bool rules_id_valid(struct span id)
{
    return id_valid(id) && !begins_with(id, "g-") && !(id.n == 7 && begins_with(id, "lectern"));
}

static bool local_valid(struct span local)
{
    static const char others[] = "!#$%&'*+/=?^_`{|}~-";
    for (size_t i = 0; i < local.n; i++) {
        char c = local.p[i];
        bool dot = c == '.' && i > 0 && i + 1 < local.n && local.p[i - 1] != '.';
        if (!dot && !ascii_is_alnum(c) && !memchr(others, c, sizeof others - 1)) {
            return false;
        }
    }
    return local.n > 0 && local.n <= LOCAL_MAX;
}

static bool label_valid(struct span label)
{
    for (size_t i = 0; i < label.n; i++) {
        if (!ascii_is_alnum(label.p[i]) && label.p[i] != '-') {
            return false;
        }
    }
    return label.n > 0 && label.n <= LABEL_MAX && label.p[0] != '-' && label.p[label.n - 1] != '-';
}

static bool domain_valid(struct span domain)
{
    size_t labels = 0;
    for (;;) {
        const char *dot = domain.n ? memchr(domain.p, '.', domain.n) : NULL;
        struct span label = {domain.p, dot ? (size_t)(dot - domain.p) : domain.n};
        if (!label_valid(label)) {
            return false;
        }
        labels++;
        if (!dot) {
            return labels > 1;
        }
        domain = (struct span){dot + 1, domain.n - label.n - 1};
    }
}

bool rules_email_valid(struct span email)
{
    const char *at = email.n && email.n <= EMAIL_MAX ? memchr(email.p, '@', email.n) : NULL;
    if (!at) {
        return false;
    }
    struct span local = {email.p, (size_t)(at - email.p)};
    return local_valid(local) && domain_valid((struct span){at + 1, email.n - local.n - 1});
}
