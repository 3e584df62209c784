/* bytes.c: searching, cutting and comparing loans. SPDX-License-Identifier: MIT */
#include "base/bytes.h"

bool bytes_equal_nocase(struct bytes a, struct bytes b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (byte_lower(a.data[i]) != byte_lower(b.data[i]))
            return false;
    }
    return true;
}

int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

    if (order != 0)
        return order;
    return (a.size > b.size) - (a.size < b.size);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct bytes bytes_trim(struct bytes text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = bytes_skip(text, 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

size_t bytes_find(struct bytes whole, uint8_t byte)
{
    const uint8_t *at = whole.size == 0 ? NULL : memchr(whole.data, byte, whole.size);

    return at == NULL ? whole.size : (size_t)(at - whole.data);
}

size_t bytes_find_part(struct bytes whole, struct bytes part)
{
    if (part.size == 0)
        return 0;
    const uint8_t *at =
        whole.size < part.size ? NULL : memmem(whole.data, whole.size, part.data, part.size);

    return at == NULL ? whole.size : (size_t)(at - whole.data);
}

struct bytes bytes_cut(struct bytes *rest, uint8_t separator)
{
    size_t at = bytes_find(*rest, separator);
    struct bytes head = bytes_slice(*rest, 0, at);

    *rest = bytes_skip(*rest, at + 1);
    return head;
}

bool bytes_equal_secret(struct bytes a, struct bytes b)
{
    unsigned differs = a.size != b.size;
    size_t shared = a.size < b.size ? a.size : b.size;

    for (size_t i = 0; i < shared; i++)
        differs |= (unsigned)(a.data[i] ^ b.data[i]);
    return differs == 0;
}
