/* Tags: as many as there are, or an error. Lines are the values of the five fields in turn.
 * SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/tags.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum http_name names[] = {HTTP_CACHE_TAG, HTTP_EDGE_CACHE_TAG, HTTP_SURROGATE_KEY,
                                           HTTP_XKEY, HTTP_CACHE_GROUPS};
    static struct http_head head;
    static struct tags tags;
    struct bytes rest = {data, size};

    head.field_count = 0;
    memset(head.present, 0, sizeof head.present);
    for (size_t i = 0; i < 10 && rest.size > 0; i++) {
        enum http_name id = names[i % 5];
        struct bytes value = bytes_trim(bytes_cut(&rest, '\n'));

        head.present[(unsigned)id / 64] |= (uint64_t)1 << ((unsigned)id % 64);
        head.fields[head.field_count++] = (struct http_field){http_name_text(id), value, id};
    }
    enum err err = tags_of(&head, &tags);

    must(err == ERR_OK || err == ERR_TOO_BIG || err == ERR_SYNTAX);
    must(tags.count <= TAGS_MAX);
    must(tags.escaped_size <= TAGS_ESCAPED_MAX);
    for (size_t i = 0; i < tags.count; i++) {
        must(tags.items[i].size > 0);
        must(tags.items[i].size <= TAGS_SIZE_MAX);
    }
    return 0;
}
