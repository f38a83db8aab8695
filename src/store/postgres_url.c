/* Looking at PostgreSQL's URLs, which libpq takes apart; see postgres_url.h. */
#include "store/postgres_url.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "base/buf.h"

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
    for (const PQconninfoOption *o = options; o && o->keyword; o++) {
        if (strcmp(o->keyword, keyword) == 0) {
            return o->val ? o->val : "";
        }
    }
    return "";
}

static bool host_valid(const char *text)
{
    for (; *text; text++) {
        if (!ascii_is_alnum(*text) && !strchr(".:-_,%/", *text)) {
            return false;
        }
    }
    return true;
}

/*
 * What libpq says later names host, port and database. So that none of these is a piece of a
 * password that was not percent-encoded, odd ones are refused.
 */
static bool valid(const PQconninfoOption *options)
{
    const char *ports = option_of(options, "port");
    const char *database = option_of(options, "dbname");
    return options && host_valid(option_of(options, "host")) &&
           host_valid(option_of(options, "hostaddr")) &&
           ports[strspn(ports, "0123456789,")] == '\0' && *database && !strpbrk(database, "@/:=");
}

const char *postgres_url_check(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    bool ok = valid(options);
    PQconninfoFree(options);
    return ok ? NULL
              : "it is not postgresql://[user[:password]@]host[:port]/database (what is not a "
                "letter or a digit in the password is written as %XX)";
}

/* Takes the next entry off a comma-separated list. */
static struct span next_entry(const char **list)
{
    struct span entry = {*list, strcspn(*list, ",")};
    *list += entry.n + ((*list)[entry.n] == ',');
    return entry;
}

static size_t entries_of(const char *list)
{
    size_t count = 1;
    for (; *list; list++) {
        count += *list == ',';
    }
    return count;
}

/*
 * False: not a list of names with a port each, or one for all. Ports that are left out are `usual`:
 * beside a host libpq takes "" for no port, and the URL's own list for the ports instead.
 */
static bool list_hosts(const char *hosts, const char *ports, const char *usual,
                       struct postgres_hosts *out)
{
    bool one_port = entries_of(ports) == 1;
    if (!one_port && entries_of(ports) != entries_of(hosts)) {
        return false;
    }
    for (; *hosts; out->count++) {
        const char *all = ports;
        if (out->count == POSTGRES_HOSTS_MAX) {
            return false;
        }
        struct span host = next_entry(&hosts), port = next_entry(one_port ? &all : &ports);
        port = port.n > 0 ? port : span_of(usual);
        if (host.n == 0 || !span_copy(host, out->list[out->count].host, sizeof out->list[0].host) ||
            !span_copy(port, out->list[out->count].port, sizeof out->list[0].port)) {
            return false;
        }
    }
    return true;
}

void postgres_url_hosts(const char *url, struct postgres_hosts *out)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    PQconninfoOption *defaults = PQconndefaults(); /* PGPORT, or what libpq was built with */
    const char *usual = option_of(defaults, "port"), *ports = option_of(options, "port");
    bool usable = *usual && !strchr(usual, ',');
    *out = (struct postgres_hosts){.count = 0};
    if (!usable || *option_of(options, "hostaddr") ||
        !list_hosts(option_of(options, "host"), ports, usual, out)) {
        out->count = 0;
    }
    PQconninfoFree(defaults);
    PQconninfoFree(options);
}
