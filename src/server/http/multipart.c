/* multipart.c: delimiters and heads of parts. SPDX-License-Identifier: MIT */
#include "server/http/multipart.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdio.h>

enum { BOUNDARY_SIZE = 32 };

struct multipart {
    struct ranges ranges;
    size_t next;
    uint64_t size;
    char boundary[BOUNDARY_SIZE + 1]; /* 128 bits by chance: no body holds it */
    size_t type_size;
    uint8_t type[MULTIPART_TYPE_MAX];
};

struct multipart *multipart_new(const struct ranges *ranges, uint64_t size, struct bytes type,
                                struct random *random)
{
    struct multipart *multipart = mem_try(sizeof *multipart);

    if (multipart == NULL)
        return NULL;
    multipart->ranges = *ranges;
    multipart->next = 0;
    multipart->size = size;
    multipart->type_size = type.size <= MULTIPART_TYPE_MAX ? type.size : 0;
    if (multipart->type_size > 0)
        memcpy(multipart->type, type.data, type.size);
    (void)snprintf(multipart->boundary, sizeof multipart->boundary, "%016llx%016llx",
                   (unsigned long long)random_next(random),
                   (unsigned long long)random_next(random));
    return multipart;
}

void multipart_free(struct multipart **owner)
{
    mem_free(owner);
}

void multipart_write_type(const struct multipart *multipart, struct buf *out)
{
    buf_printf(out, "multipart/byteranges; boundary=%s", multipart->boundary);
}

static size_t write_end(const struct multipart *multipart, uint8_t text[MULTIPART_TEXT_MAX])
{
    int size = snprintf((char *)text, MULTIPART_TEXT_MAX, "\r\n--%s--\r\n", multipart->boundary);

    must(size > 0);
    return (size_t)size;
}

static size_t write_part(const struct multipart *multipart, size_t number,
                         uint8_t text[MULTIPART_TEXT_MAX])
{
    uint8_t range[RANGE_TEXT_SIZE];
    bool has_type = multipart->type_size > 0;
    size_t range_size = range_write(multipart->ranges.items[number], multipart->size, range);
    int size =
        snprintf((char *)text, MULTIPART_TEXT_MAX, "%s--%s\r\n%s%.*s%sContent-Range: %.*s\r\n\r\n",
                 number == 0 ? "" : "\r\n", multipart->boundary, has_type ? "Content-Type: " : "",
                 (int)multipart->type_size, (const char *)multipart->type, has_type ? "\r\n" : "",
                 (int)range_size, (const char *)range);

    must(size > 0);
    must(size < MULTIPART_TEXT_MAX);
    return (size_t)size;
}

uint64_t multipart_length(const struct multipart *multipart)
{
    uint8_t text[MULTIPART_TEXT_MAX];
    uint64_t length = write_end(multipart, text);

    for (size_t i = 0; i < multipart->ranges.count; i++) {
        const struct range *range = &multipart->ranges.items[i];

        length += write_part(multipart, i, text) + (range->last - range->first + 1);
    }
    return length;
}

bool multipart_next(struct multipart *multipart, uint8_t ret_text[MULTIPART_TEXT_MAX],
                    size_t *ret_size, struct range *ret_range)
{
    if (multipart->next == multipart->ranges.count) {
        *ret_size = write_end(multipart, ret_text);
        return false;
    }
    *ret_size = write_part(multipart, multipart->next, ret_text);
    *ret_range = multipart->ranges.items[multipart->next++];
    return true;
}
