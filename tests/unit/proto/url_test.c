/* The promises of proto/url.h. RFC 3986. SPDX-License-Identifier: MIT */
#include "proto/url.h"
#include "t.h"

static uint8_t out[4096], again[4096];
static struct url url;

/* Normalised it is `wanted`, and normalised once more it is the same. */
static bool becomes(const struct url_rules *rules, struct bytes target, struct bytes wanted)
{
    struct url second;

    return url_normalise(target, rules, out, 3 * target.size + 1, &url) == ERR_OK &&
           bytes_equal(url.whole, wanted) &&
           url_normalise(url.whole, rules, again, sizeof again, &second) == ERR_OK &&
           bytes_equal(second.whole, wanted);
}

#define BECOMES(target, wanted) CHECK(becomes(NULL, BYTES(target), BYTES(wanted)))
#define REFUSED(target)                                                                            \
    CHECK(url_normalise(BYTES(target), NULL, out, sizeof out, &url) == ERR_SYNTAX)

TEST(unreserved_characters_have_one_spelling_6_2_2)
{
    BECOMES("/", "/");
    BECOMES("/a/b?c=d", "/a/b?c=d");
    BECOMES("/%61%7A%41%5a%30%2d%2e%5F%7e", "/azAZ0-._~");
    BECOMES("/%e2%82%ac", "/%E2%82%AC");
    BECOMES("/a%20b%2b?%3d=%26", "/a%20b%2B?%3D=%26");
    BECOMES("/%25", "/%25");
    BECOMES("/%2541", "/%2541"); /* decoded once, never twice */
    BECOMES("/a|b\"<>^`{}", "/a%7Cb%22%3C%3E%5E%60%7B%7D");
    BECOMES("/?a[]=b|c\\", "/?a[]=b%7Cc%5C");
    BECOMES("/!$&'()*+,;=:@", "/!$&'()*+,;=:@");
}

TEST(targets_without_a_path_are_given_one)
{
    BECOMES("", "/");
    BECOMES("?a=b", "/?a=b");
    BECOMES("*", "*");
}

TEST(parts_are_told_apart)
{
    BECOMES("/a/../b?x=/../y?z", "/b?x=/../y?z");
    CHECK(bytes_equal(url.path, BYTES("/b")));
    CHECK(bytes_equal(url.query, BYTES("x=/../y?z")));
    BECOMES("/a?", "/a");
    CHECK(url.query.size == 0);
}

TEST(dot_segments_are_resolved_once_5_2_4)
{
    BECOMES("/a/b/c/./../../g", "/a/g");
    BECOMES("/mid/content=5/../6", "/mid/6");
    BECOMES("/..", "/");
    BECOMES("/../../a", "/a");
    BECOMES("/.", "/");
    BECOMES("/./a", "/a");
    BECOMES("/a/.", "/a/");
    BECOMES("/a/..", "/");
    BECOMES("/a//../b", "/a/b");
    BECOMES("/a/%2e%2E/b", "/b");
    BECOMES("/a/%2e./b", "/b");
    BECOMES("/a/...", "/a/...");
    BECOMES("/a/..b/.c", "/a/..b/.c");
    BECOMES("/a/%252e%252e/b", "/a/%252e%252e/b");
    BECOMES("//a//b/", "//a//b/");
}

TEST(escaped_separators_stay_escaped)
{
    BECOMES("/a%2fb", "/a%2Fb");
    BECOMES("/a%5cb", "/a%5Cb");
    BECOMES("/a%2F.b", "/a%2F.b");
    BECOMES("/a%2F...%2Fb", "/a%2F...%2Fb");
    BECOMES("/F.a/C../x", "/F.a/C../x");
}

TEST(dot_segments_that_only_an_origin_would_see_are_refused)
{
    REFUSED("/a/..%2Fb");
    REFUSED("/a%2F..%2Fb");
    REFUSED("/a%2f../b");
    REFUSED("/a%2f%2e%2e");
    REFUSED("/a/..%5cb");
    REFUSED("/a%5C..");
    REFUSED("/a%2F./b");
    REFUSED("/.%2Fa");
    REFUSED("/..;/a");
    REFUSED("/a/..;x=1/b");
    REFUSED("/a/.;/b");
    REFUSED("/a/%2e%2e;");
}

TEST(what_no_url_holds_is_refused)
{
    REFUSED("/a\\b");
    REFUSED("/..\\b");
    REFUSED("/a%00b");
    REFUSED("/a?b%00");
    REFUSED("/a%");
    REFUSED("/a%4");
    REFUSED("/a%zz");
    REFUSED("/a%4g?");
    REFUSED("/a?100%");
    REFUSED("/a b");
    REFUSED("/a#b");
    REFUSED("/a?b#c");
    REFUSED("/a\x7f");
    REFUSED("/caf\xc3\xa9");
    REFUSED("/a\nb");
    REFUSED("a");
    REFUSED("**");
    REFUSED("http://a/");
}

TEST(a_target_that_does_not_fit_is_too_big)
{
    CHECK(url_normalise(BYTES("/abc"), NULL, out, 3, &url) == ERR_TOO_BIG);
    CHECK(url_normalise(BYTES("/abc"), NULL, out, 4, &url) == ERR_OK);
    CHECK(url_normalise(BYTES("/\""), NULL, out, 3, &url) == ERR_TOO_BIG);
    CHECK(url_normalise(BYTES("/a?b"), NULL, out, 3, &url) == ERR_TOO_BIG);
    CHECK(url_normalise(BYTES(""), NULL, out, 0, &url) == ERR_TOO_BIG);
}

static const char *const trackers[] = {"utm_*", "fbclid"};
static const char *const wanted_ones[] = {"id", "page"};

static const struct url_rules sorted = {.sort = true};
static const struct url_rules ignoring = {.ignore = {trackers, 2}};
static const struct url_rules choosing = {.only = {wanted_ones, 2}};
static const struct url_rules everything = {
    .sort = true, .ignore = {trackers, 2}, .only = {wanted_ones, 2}};

TEST(without_rules_a_query_keeps_its_order)
{
    BECOMES("/?b=1&a=2&&b", "/?b=1&a=2&&b");
}

TEST(parameters_are_sorted_by_name_and_those_of_one_name_keep_their_order)
{
    CHECK(becomes(&sorted, BYTES("/?b=2&a=3&b=1&a"), BYTES("/?a=3&a&b=2&b=1")));
    CHECK(becomes(&sorted, BYTES("/?ab&a&b&A"), BYTES("/?A&a&ab&b")));
    CHECK(becomes(&sorted, BYTES("/?%62=1&a=2&b=0"), BYTES("/?a=2&b=1&b=0")));
    CHECK(becomes(&sorted, BYTES("/?z[]=1&z%5B%5D=2&z[]=3"), BYTES("/?z[]=1&z%5B%5D=2&z[]=3")));
    CHECK(becomes(&sorted, BYTES("/?&&b&&a&"), BYTES("/?a&b")));
    CHECK(becomes(&sorted, BYTES("/?=1&b&a"), BYTES("/?=1&a&b")));
    CHECK(becomes(&sorted, BYTES("/?&"), BYTES("/")));
}

TEST(ignored_parameters_are_left_out_however_they_are_spelled)
{
    CHECK(becomes(&ignoring, BYTES("/?utm_source=x&b=1&fbclid=2&a"), BYTES("/?b=1&a")));
    CHECK(becomes(&ignoring, BYTES("/?u%74m%5Fsource=x"), BYTES("/")));
    CHECK(becomes(&ignoring, BYTES("/?utm=x&xutm_a=1"), BYTES("/?utm=x&xutm_a=1")));
    CHECK(becomes(&ignoring, BYTES("/?a=utm_source"), BYTES("/?a=utm_source")));
}

TEST(only_the_listed_parameters_are_kept)
{
    CHECK(becomes(&choosing, BYTES("/?x=1&page=2&id=3&ids=4"), BYTES("/?page=2&id=3")));
    CHECK(becomes(&everything, BYTES("/?x=1&page=2&id=3&utm_a"), BYTES("/?id=3&page=2")));
}

TEST(a_query_with_too_many_parameters_to_sort_is_too_big)
{
    static uint8_t target[2 + 2 * (URL_PARAMETERS_MAX + 1)];

    target[0] = '/';
    target[1] = '?';
    for (size_t i = 0; i <= URL_PARAMETERS_MAX; i++) {
        target[2 + 2 * i] = (uint8_t)('z' - i % 26);
        target[3 + 2 * i] = '&';
    }
    struct bytes text = {target, sizeof target};

    CHECK(url_normalise(text, &sorted, out, sizeof out, &url) == ERR_TOO_BIG);
    CHECK(url_normalise(text, NULL, out, sizeof out, &url) == ERR_OK);
    text = bytes_slice(text, 0, sizeof target - 3);
    CHECK(url_normalise(text, &sorted, out, sizeof out, &url) == ERR_OK);
    struct bytes rest = url.query;
    uint8_t before = 0;

    while (rest.size > 0) {
        struct bytes one = bytes_cut(&rest, '&');

        CHECK(one.size == 1 && one.data[0] >= before);
        before = one.data[0];
    }
}

static bool host_becomes(struct bytes host, uint16_t default_port, struct bytes whole,
                         struct bytes name, uint16_t port)
{
    static uint8_t text[URL_HOST_MAX];
    struct url_host found;

    return url_is_host(host) && url_host_normalise(host, default_port, text, &found) == ERR_OK &&
           bytes_equal(found.whole, whole) && bytes_equal(found.name, name) && found.port == port;
}

TEST(hosts_are_lower_case_without_final_dot_and_default_port_6_2_2_1)
{
    CHECK(host_becomes(BYTES("Example.ORG"), 80, BYTES("example.org"), BYTES("example.org"), 80));
    CHECK(host_becomes(BYTES("a.b:80"), 80, BYTES("a.b"), BYTES("a.b"), 80));
    CHECK(host_becomes(BYTES("a.b:0080"), 80, BYTES("a.b"), BYTES("a.b"), 80));
    CHECK(host_becomes(BYTES("a.b:80"), 443, BYTES("a.b:80"), BYTES("a.b"), 80));
    CHECK(host_becomes(BYTES("a.b.:8080"), 80, BYTES("a.b:8080"), BYTES("a.b"), 8080));
    CHECK(host_becomes(BYTES("my_app-1"), 80, BYTES("my_app-1"), BYTES("my_app-1"), 80));
    CHECK(host_becomes(BYTES("127.0.0.1:65535"), 80, BYTES("127.0.0.1:65535"), BYTES("127.0.0.1"),
                       65535));
    CHECK(host_becomes(BYTES("[2001:DB8:0:0::1]:443"), 443, BYTES("[2001:db8::1]"),
                       BYTES("[2001:db8::1]"), 443));
    CHECK(host_becomes(BYTES("[::1]:8080"), 80, BYTES("[::1]:8080"), BYTES("[::1]"), 8080));
}

TEST(what_is_no_host_is_refused_3_2_2)
{
    static const struct bytes texts[] = {
        BYTES_INIT(""),          BYTES_INIT("."),        BYTES_INIT(".a"),
        BYTES_INIT("a..b"),      BYTES_INIT("a:"),       BYTES_INIT("a:0"),
        BYTES_INIT("a:65536"),   BYTES_INIT("a:x"),      BYTES_INIT("a:1:2"),
        BYTES_INIT(":80"),       BYTES_INIT("a b"),      BYTES_INIT("a/b"),
        BYTES_INIT("a@b"),       BYTES_INIT("a%41"),     BYTES_INIT("a,b"),
        BYTES_INIT("a\\b"),      BYTES_INIT("a?b"),      BYTES_INIT("a#b"),
        BYTES_INIT("[::1"),      BYTES_INIT("::1"),      BYTES_INIT("[::1]x"),
        BYTES_INIT("[1.2.3.4]"), BYTES_INIT("[]"),       BYTES_INIT("[g::1]"),
        BYTES_INIT("[::1%0]"),   BYTES_INIT("a:000080"), BYTES_INIT("a:+80"),
        BYTES_INIT("\xc3\xa9"),  BYTES_INIT("[::1\0]"),
    };
    static uint8_t text[URL_HOST_MAX];
    struct url_host found;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CHECK(!url_is_host(texts[i]));
        CHECK(url_host_normalise(texts[i], 80, text, &found) == ERR_SYNTAX);
    }
    static uint8_t longest[256];

    memset(longest, 'a', sizeof longest);
    CHECK(url_is_host(bytes_of(longest, 255)));
    CHECK(!url_is_host(bytes_of(longest, 256)));
}

TEST(urls_are_split_into_scheme_host_and_target)
{
    struct url_parts parts;

    CHECK(url_split(BYTES("HTTPS://a.b:8443/c?d"), &parts) == ERR_OK);
    CHECK(parts.tls && bytes_equal(parts.host, BYTES("a.b:8443")));
    CHECK(bytes_equal(parts.target, BYTES("/c?d")));
    CHECK(url_split(BYTES("http://a"), &parts) == ERR_OK);
    CHECK(!parts.tls && parts.target.size == 0);
    CHECK(url_split(BYTES("http://a?b"), &parts) == ERR_OK);
    CHECK(bytes_equal(parts.target, BYTES("?b")));
    CHECK(url_split(BYTES("ftp://a/"), &parts) == ERR_UNSUPPORTED);
    CHECK(url_split(BYTES("http:/a"), &parts) == ERR_SYNTAX);
    CHECK(url_split(BYTES("http:a"), &parts) == ERR_SYNTAX);
    CHECK(url_split(BYTES("http://"), &parts) == ERR_SYNTAX);
    CHECK(url_split(BYTES("http://u:p@a/"), &parts) == ERR_SYNTAX);
    CHECK(url_split(BYTES("http://a/#b"), &parts) == ERR_SYNTAX);
    CHECK(url_split(BYTES("/a"), &parts) == ERR_SYNTAX);
    CHECK(url_split(BYTES(""), &parts) == ERR_SYNTAX);
}

static bool resolves(struct bytes reference, bool tls, struct bytes host, struct bytes target)
{
    static uint8_t text[256];
    static const struct url_parts base = {true, BYTES_INIT("a.b"), BYTES_INIT("/x/y?z=/q")};
    struct url_parts parts;

    return url_resolve(&base, reference, text, sizeof text, &parts) == ERR_OK && parts.tls == tls &&
           bytes_equal(parts.host, host) && bytes_equal(parts.target, target);
}

TEST(references_are_resolved_against_a_base_5_2)
{
    CHECK(resolves(BYTES("/c?d#e"), true, BYTES("a.b"), BYTES("/c?d")));
    CHECK(resolves(BYTES("c"), true, BYTES("a.b"), BYTES("/x/c")));
    CHECK(resolves(BYTES("../c"), true, BYTES("a.b"), BYTES("/x/../c")));
    CHECK(resolves(BYTES("?c"), true, BYTES("a.b"), BYTES("/x/y?c")));
    CHECK(resolves(BYTES(""), true, BYTES("a.b"), BYTES("/x/y?z=/q")));
    CHECK(resolves(BYTES("#f"), true, BYTES("a.b"), BYTES("/x/y?z=/q")));
    CHECK(resolves(BYTES("//c.d/e"), true, BYTES("c.d"), BYTES("/e")));
    CHECK(resolves(BYTES("http://c.d:81/e"), false, BYTES("c.d:81"), BYTES("/e")));
    CHECK(resolves(BYTES("c/d:e"), true, BYTES("a.b"), BYTES("/x/c/d:e")));
    static const struct url_parts base = {false, BYTES_INIT("a"), BYTES_INIT("/x/y")};
    struct url_parts parts;

    CHECK(url_resolve(&base, BYTES("mailto:a@b"), out, sizeof out, &parts) == ERR_UNSUPPORTED);
    CHECK(url_resolve(&base, BYTES("//u@c/"), out, sizeof out, &parts) == ERR_SYNTAX);
    CHECK(url_resolve(&base, BYTES("abc"), out, 4, &parts) == ERR_TOO_BIG);
}
