/* Targets and hosts: what is normal stays as it is. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/chars.h"
#include "proto/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1024 };

static const char *const ignored[] = {"utm_*", "a?c"};
static const char *const chosen[] = {"a*", "b"};

static const struct url_rules rules[] = {
    {.sort = false},
    {.sort = true},
    {.ignore = {ignored, 2}},
    {.sort = true, .ignore = {ignored, 2}, .only = {chosen, 2}},
};

static bool has_dots(struct bytes path)
{
    while (path.size > 0) {
        struct bytes segment = bytes_cut(&path, '/');

        if (bytes_equal(segment, BYTES(".")) || bytes_equal(segment, BYTES("..")))
            return true;
    }
    return false;
}

static void check_target(struct bytes target, const struct url_rules *rule)
{
    static uint8_t out[3 * INPUT_MAX + 1], again[3 * INPUT_MAX + 1];
    struct url url, second;
    enum err err = url_normalise(target, rule, out, 3 * target.size + 1, &url);

    must(err != ERR_TOO_BIG || target.size > URL_PARAMETERS_MAX);
    if (err != ERR_OK)
        return;
    for (size_t i = 0; i < url.whole.size; i++)
        must(char_is(url.whole.data[i], CHAR_URI));
    must(!has_dots(url.path));
    must(url.path.size > 0);
    must(url.path.size + url.query.size + (url.query.size > 0) == url.whole.size);
    must(url_normalise(url.whole, rule, again, url.whole.size, &second) == ERR_OK);
    must(bytes_equal(url.whole, second.whole));
}

static void check_host(struct bytes text)
{
    uint8_t out[URL_HOST_MAX], again[URL_HOST_MAX];
    struct url_host host, second;
    enum err err = url_host_normalise(text, 80, out, &host);

    must((err == ERR_OK) == url_is_host(text));
    if (err != ERR_OK)
        return;
    must(host.whole.size <= text.size || text.data[0] == '[');
    must(url_host_normalise(host.whole, 80, again, &second) == ERR_OK);
    must(bytes_equal(host.whole, second.whole));
    must(host.port == second.port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct url_parts base = {false, BYTES_INIT("a.example"), BYTES_INIT("/b/c?d")};
    uint8_t resolved[2 * INPUT_MAX];
    struct bytes text = {data, size};
    struct url_parts parts;

    if (size > INPUT_MAX)
        return 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        check_target(text, &rules[i]);
    check_host(text);
    if (url_split(text, &parts) == ERR_OK)
        must(url_is_host(parts.host));
    if (url_resolve(&base, text, resolved, sizeof resolved, &parts) == ERR_OK) {
        must(url_is_host(parts.host));
        must(bytes_find(parts.target, '#') == parts.target.size);
    }
    return 0;
}
