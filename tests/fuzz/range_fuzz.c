/* Ranges: what is taken lies in the whole, in order. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(struct bytes value, uint64_t size)
{
    struct ranges ranges;

    if (ranges_parse(value, size, &ranges) != ERR_OK)
        return;
    must(ranges.count >= 1);
    must(ranges.count <= RANGE_MAX);
    for (size_t i = 0; i < ranges.count; i++) {
        uint8_t text[RANGE_TEXT_SIZE];
        struct content_range found;

        must(ranges.items[i].first <= ranges.items[i].last);
        must(ranges.items[i].last < size);
        must(i == 0 || ranges.items[i].first > ranges.items[i - 1].last);
        size_t written = range_write(ranges.items[i], size, text);

        must(content_range_parse(bytes_of(text, written), &found) == ERR_OK);
        must(found.range.first == ranges.items[i].first);
        must(found.size == size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 10, 1000, UINT64_MAX};
    struct bytes value = {data, size};
    struct content_range found;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        check_ranges(value, sizes[i]);
    if (content_range_parse(value, &found) == ERR_OK) {
        must(found.satisfied || found.has_size);
        must(!found.satisfied || found.range.first <= found.range.last);
        must(!found.satisfied || !found.has_size || found.range.last < found.size);
    }
    return 0;
}
