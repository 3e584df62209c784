/* The promises of proto/range.h. RFC 9110 §14. SPDX-License-Identifier: MIT */
#include "proto/range.h"
#include "t.h"

static struct ranges ranges;

static enum err read(struct bytes value)
{
    return ranges_parse(value, 1000, &ranges);
}

static bool single(struct bytes value, uint64_t first, uint64_t last)
{
    return read(value) == ERR_OK && ranges.count == 1 && ranges.items[0].first == first &&
           ranges.items[0].last == last;
}

TEST(single_ranges_are_those_of_14_1_2)
{
    CHECK(single(BYTES("bytes=0-499"), 0, 499));
    CHECK(single(BYTES("bytes=500-"), 500, 999));
    CHECK(single(BYTES("bytes=-1"), 999, 999));
    CHECK(single(BYTES("bytes=0-0"), 0, 0));
    CHECK(single(BYTES("bytes=999-"), 999, 999));
    CHECK(single(BYTES("BYTES=5-6"), 5, 6));
    CHECK(single(BYTES("bytes= 5-6 ,"), 5, 6));
}

TEST(ranges_that_reach_beyond_the_end_are_cut_14_1_2)
{
    CHECK(single(BYTES("bytes=990-2000"), 990, 999));
    CHECK(single(BYTES("bytes=-5000"), 0, 999));
    CHECK(single(BYTES("bytes=0-99999999999999999999999999"), 0, 999));
    CHECK(single(BYTES("bytes=-99999999999999999999999999"), 0, 999));
    CHECK(single(BYTES("bytes=1-2,5000-6000"), 1, 2));
}

TEST(what_lies_beyond_the_end_cannot_be_satisfied_14_1_1)
{
    CHECK(read(BYTES("bytes=1000-")) == ERR_RANGE);
    CHECK(read(BYTES("bytes=1000-1001, 5000-")) == ERR_RANGE);
    CHECK(read(BYTES("bytes=-0")) == ERR_RANGE);
    CHECK(read(BYTES("bytes=99999999999999999999999999-")) == ERR_RANGE);
    CHECK(ranges_parse(BYTES("bytes=0-"), 0, &ranges) == ERR_RANGE);
    CHECK(ranges_parse(BYTES("bytes=-1"), 0, &ranges) == ERR_RANGE);
}

TEST(what_is_no_range_is_ignored_14_2)
{
    CHECK(read(BYTES("")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=,")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=-")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=5")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=5-4")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=a-b")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=1-2-3")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=+1-2")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=1 -2")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=0x1-2")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes=1-2;3-4")) == ERR_SYNTAX);
    CHECK(read(BYTES("bytes =1-2")) == ERR_SYNTAX);
    CHECK(read(BYTES("=1-2")) == ERR_SYNTAX);
    CHECK(read(BYTES("items=1-2")) == ERR_UNSUPPORTED);
    CHECK(read(BYTES("bytes=1-2,x")) == ERR_SYNTAX);
}

/* §17.15: many or overlapping ranges are an attack */
TEST(several_ranges_are_ascending_apart_and_at_most_sixteen)
{
    CHECK(read(BYTES("bytes=0-1,3-4,6-")) == ERR_OK);
    CHECK(ranges.count == 3);
    CHECK(ranges.items[2].first == 6 && ranges.items[2].last == 999);
    CHECK(read(BYTES("bytes=0-1,1-2")) == ERR_UNSUPPORTED);
    CHECK(read(BYTES("bytes=5-6,1-2")) == ERR_UNSUPPORTED);
    CHECK(read(BYTES("bytes=0-,0-")) == ERR_UNSUPPORTED);
    CHECK(read(BYTES("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,"
                     "26-26,28-28,30-30")) == ERR_OK);
    CHECK(ranges.count == 16);
    CHECK(read(BYTES("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,"
                     "26-26,28-28,30-30,32-32")) == ERR_TOO_BIG);
    CHECK(read(BYTES("bytes=5000-,5000-,5000-,5000-,5000-,5000-,5000-,5000-,5000-,5000-,5000-,"
                     "5000-,5000-,5000-,5000-,5000-,5000-")) == ERR_TOO_BIG);
}

TEST(content_range_is_written_and_read_14_4)
{
    uint8_t text[RANGE_TEXT_SIZE];
    struct content_range found;
    size_t size = range_write((struct range){0, 99}, 1000, text);

    CHECK(bytes_equal(bytes_of(text, size), BYTES("bytes 0-99/1000")));
    CHECK(content_range_parse(bytes_of(text, size), &found) == ERR_OK);
    CHECK(found.satisfied && found.range.first == 0 && found.range.last == 99);
    CHECK(found.has_size && found.size == 1000);
    size = range_write_unsatisfied(1000, text);
    CHECK(bytes_equal(bytes_of(text, size), BYTES("bytes */1000")));
    CHECK(content_range_parse(bytes_of(text, size), &found) == ERR_OK);
    CHECK(!found.satisfied && found.size == 1000);
    CHECK(content_range_parse(BYTES("bytes 5-9/*"), &found) == ERR_OK);
    CHECK(found.satisfied && !found.has_size);
    size = range_write((struct range){UINT64_MAX - 1, UINT64_MAX - 1}, UINT64_MAX, text);
    CHECK(size < RANGE_TEXT_SIZE);
}

TEST(what_is_no_content_range_is_refused_14_4)
{
    struct content_range found;

    CHECK(content_range_parse(BYTES("bytes */*"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes 9-5/10"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes 0-10/10"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes 0-5"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes=0-5/10"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes 0-/10"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes -5/10"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes  0-5/10"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("bytes 0-99999999999999999999/*"), &found) == ERR_SYNTAX);
    CHECK(content_range_parse(BYTES("items 0-5/10"), &found) == ERR_UNSUPPORTED);
    CHECK(content_range_parse(BYTES(""), &found) == ERR_SYNTAX);
}
