/* The promises of upstream/dating.h. SPDX-License-Identifier: MIT */
#include "t.h"
#include "upstream/dating.h"

#include <string.h>

#define DATED(date, more) "HTTP/1.1 200 OK\r\nDate: " date "\r\n" more "Content-Length: 0\r\n\r\n"

static struct http_head head_of(const char *text)
{
    static const struct http_limits limits = {4096, 1024, 64};
    struct http_head head;
    struct http_complaint complaint;
    size_t size = 0;

    CHECK(http_parse_response(bytes_of_text(text), &limits, false, &head, &size, &complaint) ==
          ERR_OK);
    return head;
}

static bool still(struct dating *dating, const char *text, int64_t now_ms)
{
    struct http_head head = head_of(text);

    return dating_stands_still(dating, &head, now_ms);
}

TEST(a_date_that_goes_with_time_is_believed_however_old_it_is)
{
    struct dating dating = {.size = 0};

    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", ""), 0));
    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", ""), 900));
    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:42 GMT", ""), 5000));
    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:43 GMT", ""), 6500));
}

TEST(a_date_that_stays_while_seconds_pass_is_not_the_answers)
{
    struct dating dating = {.size = 0};

    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", ""), 1000));
    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", ""), 2999));
    CHECK(still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", ""), 3000));
    CHECK(still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", ""), 60000));
    CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:50:37 GMT", ""), 61000));
}

TEST(what_another_cache_may_have_kept_keeps_its_date)
{
    struct dating dating = {.size = 0};

    for (int64_t now_ms = 0; now_ms < 10000; now_ms += 5000) {
        CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", "Age: 7\r\n"), now_ms));
        CHECK(!still(&dating, DATED("Sun, 06 Nov 1994 08:49:37 GMT", "Via: 1.1 x\r\n"), now_ms));
    }
}

TEST(a_date_too_long_to_be_one_is_left_alone)
{
    struct dating dating = {.size = 0};
    const char *text = DATED("Sunday, 06-Nov-94 08:49:37 GMT and many more words", "");

    CHECK(!still(&dating, text, 0));
    CHECK(!still(&dating, text, 5000));
}

TEST(a_dropped_field_is_gone_and_the_others_stay)
{
    struct http_head head = head_of(DATED("Sun, 06 Nov 1994 08:49:37 GMT", "ETag: \"a\"\r\n"));

    http_drop(&head, HTTP_DATE);
    CHECK(!http_has(&head, HTTP_DATE) && http_find(&head, HTTP_DATE) == NULL);
    CHECK(head.field_count == 2 && http_has(&head, HTTP_ETAG));
    CHECK(bytes_equal(http_find(&head, HTTP_ETAG)->value, BYTES("\"a\"")));
}
