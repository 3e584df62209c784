/* multipart.h: the body of an answer with several ranges (RFC 9110 §14.6).
 * SPDX-License-Identifier: MIT
 *
 *   --BOUNDARY              \
 *   Content-Type: ...        | head of a part, then the bytes of its range
 *   Content-Range: ...      /
 *   ...
 *   --BOUNDARY--            the end
 *
 * The ranges are in order and apart from each other (proto/range.h), so the body can be sent while
 * the whole is still arriving, and every length is known before the first byte.
 *
 * Memory: one block from birth to end; the type is copied. Threads: any, one at a time. Limits:
 * RANGE_MAX ranges; a type longer than MULTIPART_TYPE_MAX is left out of the parts.
 */
#ifndef LARDER_SERVER_HTTP_MULTIPART_H
#define LARDER_SERVER_HTTP_MULTIPART_H

#include "base/buf.h"
#include "base/random.h"
#include "proto/range.h"

enum { MULTIPART_TYPE_MAX = 256, MULTIPART_TEXT_MAX = 512 /* room for the head of any part */ };

struct multipart;

/* `size`: bytes of the whole; `type`: its Content-Type, or empty. NULL: no memory. */
struct multipart *multipart_new(const struct ranges *ranges, uint64_t size, struct bytes type,
                                struct random *random);
void multipart_free(struct multipart **owner);

/* "multipart/byteranges; boundary=..." */
void multipart_write_type(const struct multipart *multipart, struct buf *out);

/* Bytes of the body from the first delimiter to the last. */
uint64_t multipart_length(const struct multipart *multipart);

/* Writes the head of the next part and says which range it is; false: what was written ends the
 * body. Returns the size of what was written through `ret_size`. */
bool multipart_next(struct multipart *multipart, uint8_t ret_text[MULTIPART_TEXT_MAX],
                    size_t *ret_size, struct range *ret_range);

#endif
