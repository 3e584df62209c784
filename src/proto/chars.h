/* chars.h: which byte may stand where in the texts of HTTP and of URIs.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_PROTO_CHARS_H
#define LARDER_PROTO_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHAR_TOKEN = 1,  /* RFC 9110 §5.6.2: names of fields and methods */
    CHAR_VALUE = 2,  /* RFC 9110 §5.5: tab, blank, visible, 0x80 and above */
    CHAR_TARGET = 4, /* visible ASCII but '#' */
    CHAR_HEX = 8,
    CHAR_DIGIT = 16,
    CHAR_UNRESERVED = 32, /* RFC 3986 §2.3: means the same escaped and bare */
    CHAR_HOST = 64,       /* letters, digits, '-', '_', '.' */
    CHAR_URI = 128        /* may stand bare in a path or query, '%' included */
};

extern const uint8_t char_classes[256];

static inline bool char_is(uint8_t byte, unsigned classes)
{
    return (char_classes[byte] & classes) != 0;
}

/* The value of a hexadecimal digit. */
static inline unsigned char_hex(uint8_t digit)
{
    return digit <= '9' ? digit - (unsigned)'0' : (digit | 0x20u) - 'a' + 10;
}

#endif
