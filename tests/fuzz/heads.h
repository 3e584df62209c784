/* heads.h: what must hold for a head that was cut out of any input.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_TESTS_FUZZ_HEADS_H
#define LARDER_TESTS_FUZZ_HEADS_H

#include "base/must.h"
#include "proto/http.h"

#include <stdlib.h>

struct outcome {
    enum err err;
    unsigned status;
    size_t size;
};

/* Small, so that the fuzzer meets them. */
static const struct http_limits heads_limits = {512, 100, 12};

static inline bool heads_inside(struct bytes whole, struct bytes part)
{
    return part.size == 0 ||
           (part.data >= whole.data && part.data + part.size <= whole.data + whole.size);
}

static inline void heads_check(struct bytes input, const struct http_head *head, size_t size)
{
    struct bytes text = bytes_slice(input, 0, size);

    must(size >= 4 && size <= input.size && size <= heads_limits.head_max);
    must(memcmp(input.data + size - 4, "\r\n\r\n", 4) == 0);
    must(memchr(text.data, '\0', text.size) == NULL);
    must(head->field_count <= heads_limits.fields_max);
    must(heads_inside(text, head->method));
    must(heads_inside(text, head->target));
    must(heads_inside(text, head->path));
    must(heads_inside(text, head->reason));
    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];

        must(heads_inside(text, field->name));
        must(heads_inside(text, field->value));
        must(http_is_token(field->name));
        must(http_is_field_value(field->value));
        must(bytes_trim(field->value).size == field->value.size);
        must(field->id == http_name_of(field->name));
        must(field->id == HTTP_OTHER || http_has(head, field->id));
        (void)http_is_hop_by_hop(head, field);
    }
    must(!(http_has(head, HTTP_TRANSFER_ENCODING) && http_has(head, HTTP_CONTENT_LENGTH)));
    must(head->framing != HTTP_CHUNKED || head->minor == 1);
}

/* A copy on the heap without a byte to spare: the sanitizer sees what is read beyond it. */
static inline struct bytes heads_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = (malloc)(size == 0 ? 1 : size);

    must(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return (struct bytes){copy, size};
}

static inline void heads_forget(struct bytes copy)
{
    (free)((void *)(uintptr_t)copy.data);
}

/* Every prefix waits for more, or comes to what the whole came to. */
static inline void heads_check_prefix(struct outcome whole, struct outcome part, size_t size)
{
    if (part.err == ERR_AGAIN) {
        must(whole.err != ERR_OK || size < whole.size);
        return;
    }
    must(part.err == whole.err);
    must(part.err != ERR_OK || part.size == whole.size);
    must(part.err == ERR_OK || part.status == whole.status);
}

#endif
