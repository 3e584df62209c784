/* The promises of server/http/logline.h. SPDX-License-Identifier: MIT */
#include "server/http/logline.h"
#include "t.h"

#include <string.h>

static struct logline line_of(const struct address *client, const char *path)
{
    return (struct logline){
        .wall_ms = 1769860800123, /* 2026-01-31 12:00:00.123 */
        .client = client,
        .method = BYTES("GET"),
        .protocol = "HTTP/1.1",
        .host = BYTES("a.example"),
        .path = bytes_of_text(path),
        .status = 200,
        .bytes = 1234,
        .duration_us = 1005,
        .cache = "hit",
        .reason = "",
        .route = "default",
    };
}

static bool is(const struct logline_style *style, const struct logline *line, const char *text)
{
    struct buf out;

    buf_init(&out, 65536, NULL);
    logline_write(style, line, &out);
    bool is_equal = bytes_equal(buf_bytes(&out), bytes_of_text(text));

    buf_fini(&out);
    return is_equal;
}

static bool has(const struct logline_style *style, const struct logline *line, const char *text)
{
    struct buf out;

    buf_init(&out, 65536, NULL);
    logline_write(style, line, &out);
    bool is_there = bytes_find_part(buf_bytes(&out), bytes_of_text(text)) < out.size;

    buf_fini(&out);
    return is_there;
}

static struct address local(void)
{
    struct fault fault = {.line = 0};
    struct address client;

    CHECK(address_parse(BYTES("127.0.0.1:5000"), &client, &fault) == ERR_OK);
    return client;
}

TEST(json_is_one_object_a_line)
{
    const struct logline_style style = {.format = LOGLINE_JSON};
    struct address client = local();
    struct logline line = line_of(&client, "/x?y=\"1\"");

    CHECK(is(&style, &line,
             "{\"time\":\"2026-01-31T12:00:00.123Z\",\"client\":\"127.0.0.1:5000\","
             "\"method\":\"GET\",\"protocol\":\"HTTP/1.1\",\"host\":\"a.example\","
             "\"path\":\"/x?y=\\\"1\\\"\",\"status\":200,\"bytes\":1234,\"duration_ms\":1.005,"
             "\"cache\":\"hit\",\"reason\":\"\",\"route\":\"default\",\"origin_ms\":0}\n"));
    line.trace = BYTES("00-1-2-00");
    CHECK(has(&style, &line, ",\"traceparent\":\"00-1-2-00\"}\n"));
}

TEST(combined_begins_as_every_tool_reads_it)
{
    const struct logline_style style = {.format = LOGLINE_COMBINED};
    struct address client = local();
    struct logline line = line_of(&client, "/x?y");

    line.agent = BYTES("curl \"8\"\n");
    CHECK(is(&style, &line,
             "127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] \"GET /x?y HTTP/1.1\" 200 1234 \"-\" "
             "\"curl \\x228\\x22\\x0A\" host=a.example cache=hit reason=- route=default "
             "duration_ms=1.005 origin_ms=0 trace=-\n"));
}

TEST(values_of_secret_parameters_are_masked_however_they_are_spelled)
{
    const struct logline_style style = {.format = LOGLINE_JSON};
    struct address client = local();
    struct logline line = line_of(&client, "/x?a=1&Access_Token=s1&%74oken=s2&b&key=");

    CHECK(has(&style, &line, "\"/x?a=1&Access_Token=***&%74oken=***&b&key=***\""));
}

TEST(names_that_are_configured_stand_in_for_those_by_custom)
{
    const char *names[] = {"pin*"};
    const struct text_list mask = {.items = names, .count = 1};
    const struct logline_style style = {.format = LOGLINE_COMBINED, .mask = &mask};
    struct address client = local();
    struct logline line = line_of(&client, "/x?pin2=1&token=2");

    line.referer = BYTES("http://b.example/?pin=3");
    CHECK(has(&style, &line, "GET /x?pin2=***&token=2 "));
    CHECK(has(&style, &line, "\"http://b.example/?pin=***\""));
}
