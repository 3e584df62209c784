/* The promises of server/http/block.h. SPDX-License-Identifier: MIT */
#include "server/http/block.h"
#include "t.h"

static struct http_head parse(const char *text)
{
    static const struct http_limits limits = {65536, 0, HTTP_FIELDS_MAX};
    struct http_head head;
    struct http_complaint complaint;
    size_t size = 0;

    CHECK(http_parse_response(bytes_of_text(text), &limits, false, &head, &size, &complaint) ==
          ERR_OK);
    return head;
}

struct writing {
    struct route_settings settings;
    struct route route;
    struct verdict verdict;
    struct buf out;
};

static void writing_init(struct writing *writing)
{
    *writing = (struct writing){.settings = {.name = "r", .strip_tags = true},
                                .verdict = {.share = true, .store = true}};
    writing->route.settings = &writing->settings;
    buf_init(&writing->out, 65536, NULL);
}

static bool writes(struct writing *writing, const char *response, const char *block)
{
    struct http_head head = parse(response);
    const struct block_facts facts = {&writing->route, &writing->verdict, 0};

    block_write(&facts, &head, &writing->out);
    return bytes_equal(buf_bytes(&writing->out), bytes_of_text(block));
}

TEST(framing_and_hop_by_hop_fields_never_go_through)
{
    struct writing writing;

    writing_init(&writing);
    CHECK(writes(&writing,
                 "HTTP/1.1 200 Fine\r\nDate: Thu, 01 Jan 1970 00:00:01 GMT\r\nConnection: x-hop\r\n"
                 "X-Hop: 1\r\nKeep-Alive: a\r\nTransfer-Encoding: chunked\r\nX-Stay: 2\r\n\r\n",
                 "HTTP/1.1 200 Fine\r\nDate: Thu, 01 Jan 1970 00:00:01 GMT\r\nX-Stay: 2\r\n"
                 "Via: 1.1 larder\r\n\r\n"));
    buf_fini(&writing.out);
}

TEST(a_missing_date_is_said_and_the_length_is_said_once)
{
    struct writing writing;

    writing_init(&writing);
    CHECK(writes(&writing, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nAge: 7\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nVia: 1.1 larder\r\n"
                 "Content-Length: 5\r\n\r\n"));
    buf_fini(&writing.out);
}

TEST(what_must_not_be_shared_is_left_out)
{
    struct writing writing;

    writing_init(&writing);
    writing.verdict.strip_cookie = true;
    writing.verdict.unshared = (struct cache_lists){1, {BYTES("X-Name")}};
    CHECK(writes(&writing,
                 "HTTP/1.1 200 OK\r\nDate: x\r\nSet-Cookie: a=b\r\nX-Name: ann\r\n"
                 "Cache-Tag: t\r\nxkey: t\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 larder\r\n\r\n"));
    writing.verdict.share = writing.verdict.store = false;
    CHECK(writes(&writing, "HTTP/1.1 200 OK\r\nDate: x\r\nSet-Cookie: a=b\r\nAge: 3\r\n\r\n",
                 "HTTP/1.1 200 OK\r\nDate: x\r\nSet-Cookie: a=b\r\nAge: 3\r\n"
                 "Via: 1.1 larder\r\n\r\n"));
    buf_fini(&writing.out);
}

TEST(a_304_brings_fields_up_to_date_but_not_those_of_the_body)
{
    struct writing writing;
    struct http_head stored =
        parse("HTTP/1.1 200 OK\r\nDate: old\r\nETag: \"1\"\r\nX-A: 1\r\n"
              "X-B: 1\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\n");
    struct http_head news = parse("HTTP/1.1 304 Not Modified\r\nDate: new\r\nX-A: 2\r\n"
                                  "Content-Length: 9\r\nContent-Encoding: br\r\n\r\n");

    writing_init(&writing);
    const struct block_facts facts = {&writing.route, &writing.verdict, 0};

    CHECK(block_update(&facts, &stored, &news, &writing.out) == ERR_OK);
    CHECK(bytes_equal(buf_bytes(&writing.out),
                      BYTES("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nX-B: 1\r\nContent-Length: 5\r\n"
                            "Content-Encoding: gzip\r\nDate: new\r\nX-A: 2\r\n\r\n")));
    buf_fini(&writing.out);
}

TEST(a_finished_block_has_its_length_and_etag)
{
    struct buf block;

    buf_init(&block, 4096, NULL);
    buf_add(&block, BYTES("HTTP/1.1 200 OK\r\nA: b\r\n\r\n"));
    block_finish(&block, false, 12, BYTES("\"x\""));
    CHECK(
        bytes_equal(buf_bytes(&block),
                    BYTES("HTTP/1.1 200 OK\r\nA: b\r\nETag: \"x\"\r\nContent-Length: 12\r\n\r\n")));
    buf_fini(&block);
}
