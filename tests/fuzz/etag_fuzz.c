/* Entity tags: lists come to an end, and each member is a tag. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/etag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes value = {data, size}, rest = value;
    struct etag etag, first;
    bool one = etag_parse(value, &first) == ERR_OK;
    size_t count = 0;

    must(!one || first.opaque.size + (first.weak ? 4 : 2) == size);
    while (etag_list_next(&rest, &etag) == ERR_OK) {
        count++;
        must(count <= size);
        must(etag_equal_weak(etag, etag));
        must(etag_equal_strong(etag, etag) == !etag.weak);
        must(memchr(etag.opaque.data, '"', etag.opaque.size) == NULL);
        must(!one || etag_equal_weak(etag, first));
    }
    must(!one || count == 1);
    return 0;
}
