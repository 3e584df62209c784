/* range.h: byte ranges (RFC 9110 §14).
 * SPDX-License-Identifier: MIT
 *
 * A request for many, disordered or overlapping ranges costs more to serve than the whole, and is
 * known as an attack: it is answered with the whole.
 */
#ifndef LARDER_PROTO_RANGE_H
#define LARDER_PROTO_RANGE_H

#include "base/bytes.h"
#include "base/err.h"

enum { RANGE_MAX = 16, RANGE_TEXT_SIZE = 72 /* room for any Content-Range */ };

struct range {
    uint64_t first; /* byte */
    uint64_t last;  /* byte, inclusive */
};

struct ranges {
    size_t count; /* 1 to RANGE_MAX, ascending, apart from each other */
    struct range items[RANGE_MAX];
};

/* `size`: bytes of the whole. Ranges beyond its end are left out, those that reach beyond it cut.
 * ERR_SYNTAX, ERR_UNSUPPORTED (another unit; not ascending), ERR_TOO_BIG (too many): ignore the
 * field and answer 200. ERR_RANGE: none of them is in the whole: answer 416. */
enum err ranges_parse(struct bytes value, uint64_t size, struct ranges *ret_ranges);

/* The value of Content-Range: "bytes 0-99/1000", and for a 416 an asterisk in place of the range.
 * Returns the size.
 */
size_t range_write(struct range range, uint64_t size, uint8_t ret_text[RANGE_TEXT_SIZE]);
size_t range_write_unsatisfied(uint64_t size, uint8_t ret_text[RANGE_TEXT_SIZE]);

struct content_range {
    bool satisfied; /* `range` is set */
    struct range range;
    bool has_size; /* not "*" */
    uint64_t size;
};

/* Content-Range of an origin. ERR_SYNTAX; ERR_UNSUPPORTED: another unit. */
enum err content_range_parse(struct bytes value, struct content_range *ret_range);

#endif
