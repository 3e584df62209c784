/* The promises of cli/errand.h. SPDX-License-Identifier: MIT */
#include "cli/errand.h"
#include "t.h"

#include <stdio.h>
#include <string.h>

static const struct bytes nowhere = BYTES_INIT("");

TEST(a_list_is_read_line_by_line_and_each_url_once)
{
    struct errands errands;

    errands_init(&errands);
    errands_read_list(&errands,
                      BYTES("# comment\nhttp://a/x\r\n\n/y?z=1\nhttp://a/x\nnonsense\nftp://a/\n"),
                      BYTES("b.example"));
    errands_sort(&errands);
    CHECK(errands.count == 2 && errands.left_out == 2);
    CHECK(strcmp(errands.items[0].url, "http://a/x") == 0 && errands.items[0].count == 2);
    CHECK(strcmp(errands.items[1].url, "http://b.example/y?z=1") == 0);
    errands_fini(&errands);
}

TEST(a_path_without_a_host_is_left_out)
{
    struct errands errands;

    errands_init(&errands);
    errands_read_list(&errands, BYTES("/x\n"), nowhere);
    CHECK(errands.count == 0 && errands.left_out == 1);
    errands_fini(&errands);
}

TEST(a_log_in_json_gives_what_was_got_the_most_frequent_first)
{
    struct errands errands;

    errands_init(&errands);
    errands_read_log(
        &errands,
        BYTES("{\"method\":\"GET\",\"host\":\"a\",\"path\":\"/1\"}\n"
              "{\"method\":\"GET\",\"host\":\"a\",\"path\":\"/2\"}\n"
              "{\"method\":\"GET\",\"host\":\"a\",\"path\":\"/2\"}\n"
              "{\"method\":\"POST\",\"host\":\"a\",\"path\":\"/3\"}\n"
              "{\"method\":\"GET\",\"host\":\"a\",\"path\":\"/?token=***\"}\n{broken\n"),
        nowhere);
    errands_sort(&errands);
    CHECK(errands.count == 2 && errands.left_out == 3);
    CHECK(strcmp(errands.items[0].url, "http://a/2") == 0);
    errands_fini(&errands);
}

TEST(a_log_in_the_combined_format_is_read_with_its_host_or_the_one_that_is_told)
{
    struct errands errands;

    errands_init(&errands);
    errands_read_log(&errands,
                     BYTES("1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] \"GET /x HTTP/1.1\" 200 5 "
                           "\"-\" \"c\" host=a.example cache=hit\n"
                           "1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] \"GET /y HTTP/1.1\" 200 5 "
                           "\"-\" \"c\"\n"
                           "1.2.3.4 - - [31/Jan/2026:12:00:00 +0000] \"HEAD /z HTTP/1.1\" 200 5\n"),
                     BYTES("b.example"));
    CHECK(errands.count == 2 && errands.left_out == 1);
    CHECK(strcmp(errands.items[0].url, "http://a.example/x") == 0);
    CHECK(strcmp(errands.items[1].url, "http://b.example/y") == 0);
    errands_fini(&errands);
}

TEST(a_sitemap_gives_its_locations_and_says_whether_it_is_an_index)
{
    struct errands errands;

    errands_init(&errands);
    CHECK(!errands_read_sitemap(
        &errands, BYTES("<urlset><url><loc>\n http://a/x?b=1&amp;c=2 </loc></url>"
                        "<url><loc><![CDATA[http://a/y]]></loc></url><url><loc>&no;</loc></url>")));
    CHECK(errands.count == 2 && errands.left_out == 1);
    CHECK(strcmp(errands.items[0].url, "http://a/x?b=1&c=2") == 0);
    CHECK(strcmp(errands.items[1].url, "http://a/y") == 0);
    CHECK(errands_read_sitemap(&errands, BYTES("<sitemapindex><loc>http://a/s.xml</loc>")));
    errands_fini(&errands);
}

TEST(many_urls_are_all_found_again)
{
    struct errands errands;
    char line[64];

    errands_init(&errands);
    for (unsigned i = 0; i < 20000; i++) {
        int size = snprintf(line, sizeof line, "http://a/%u", i % 10000);

        CHECK(errands_add(&errands, bytes_of(line, (size_t)size), nowhere));
    }
    CHECK(errands.count == 10000);
    for (size_t i = 0; i < errands.count; i++)
        CHECK(errands.items[i].count == 2);
    errands_fini(&errands);
}
