/* No-Vary-Search: what a query becomes stays what it is. The first line is the field, the second a
 * query. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[65536];
    static uint8_t again[65536];
    struct bytes rest = {data, size};
    struct bytes field = bytes_cut(&rest, '\n');
    struct search search;
    size_t out_size = 0;
    size_t again_size = 0;

    if (rest.size > sizeof out || search_parse(field, &search) != ERR_OK)
        return 0;
    if (search_write(&search, rest, out, &out_size) != ERR_OK)
        return 0;
    must(out_size <= rest.size);
    must(search_write(&search, bytes_of(out, out_size), again, &again_size) == ERR_OK);
    must(bytes_equal(bytes_of(out, out_size), bytes_of(again, again_size)));
    return 0;
}
