/* multipart_test.c: what stands between ranges. SPDX-License-Identifier: MIT */
#include "server/http/multipart.h"

#include "t.h"

static struct random source;

static struct multipart *make(size_t count, struct bytes type)
{
    struct ranges ranges = {.count = count};

    for (size_t i = 0; i < count; i++)
        ranges.items[i] = (struct range){i * 100, i * 100 + 9};
    random_init(&source, 1);
    return multipart_new(&ranges, 5000, type, &source);
}

/* How long the body is when it is sent, and how many parts it has. */
static uint64_t send(struct multipart *multipart, size_t *ret_count)
{
    uint8_t text[MULTIPART_TEXT_MAX];
    size_t size = 0;
    struct range range;
    uint64_t sent = 0;

    for (*ret_count = 0; multipart_next(multipart, text, &size, &range); (*ret_count)++)
        sent += size + (range.last - range.first + 1);
    return sent + size;
}

TEST(the_length_that_is_told_is_the_length_that_is_sent)
{
    for (size_t ranges = 1; ranges <= RANGE_MAX; ranges++) {
        struct multipart *multipart = make(ranges, BYTES("text/html; charset=utf-8"));
        uint64_t told = multipart_length(multipart);
        size_t count = 0;

        CHECK(send(multipart, &count) == told);
        CHECK(count == ranges);
        multipart_free(&multipart);
    }
}

TEST(a_type_that_is_too_long_is_left_out_of_the_parts)
{
    uint8_t type[MULTIPART_TYPE_MAX + 1];
    uint8_t text[MULTIPART_TEXT_MAX];
    size_t size = 0;
    struct range range;

    memset(type, 'a', sizeof type);
    for (size_t i = 0; i < 2; i++) {
        struct multipart *multipart = make(2, bytes_of(type, sizeof type - i));

        CHECK(multipart_next(multipart, text, &size, &range));
        CHECK((bytes_find_part(bytes_of(text, size), BYTES("Content-Type")) < size) == (i == 1));
        multipart_free(&multipart);
    }
}

TEST(two_answers_have_two_boundaries)
{
    struct multipart *one = make(2, BYTES(""));
    struct ranges ranges = {.count = 1, .items = {{0, 1}}};
    struct multipart *other = multipart_new(&ranges, 5000, BYTES(""), &source);
    struct buf text;
    struct buf second;

    buf_init(&text, 200, NULL);
    buf_init(&second, 200, NULL);
    multipart_write_type(one, &text);
    multipart_write_type(other, &second);
    CHECK(bytes_begin_with(buf_bytes(&text), BYTES("multipart/byteranges; boundary=")));
    CHECK(!bytes_equal(buf_bytes(&text), buf_bytes(&second)));
    buf_fini(&text);
    buf_fini(&second);
    multipart_free(&one);
    multipart_free(&other);
}
