/* tags.h: purge tags in an origin's response.
 * SPDX-License-Identifier: MIT
 *
 * Five fields carry them: Cache-Tag and Edge-Cache-Tag (separated by commas), Surrogate-Key (by
 * blanks), xkey (by either) and Cache-Groups (RFC 9875: a structured list of strings).
 *
 * A list that is longer than the limits is an error and never a shorter list: an answer that a
 * purge of its tag would miss must not be stored.
 *
 * Memory: the tags point into the head, or (strings with escapes) into the struct itself, which
 * must therefore not be moved. Threads: any.
 */
#ifndef LARDER_PROTO_TAGS_H
#define LARDER_PROTO_TAGS_H

#include "proto/http.h"

enum { TAGS_MAX = 128, TAGS_SIZE_MAX = 1024, TAGS_ESCAPED_MAX = 2048 };

struct tags {
    size_t count;
    struct bytes items[TAGS_MAX]; /* not empty; the same one may come twice */
    size_t escaped_size;
    uint8_t escaped[TAGS_ESCAPED_MAX];
};

/* All tags of a response. ERR_TOO_BIG: more than TAGS_MAX, one longer than TAGS_SIZE_MAX, or more
 * than TAGS_ESCAPED_MAX bytes of tags with escapes. ERR_SYNTAX: Cache-Groups is no list of strings
 * (RFC 9875 §2: as if it were not there; the others are in the list all the same). */
enum err tags_of(const struct http_head *response, struct tags *ret_tags);

/* Whether the field is one of the five, which clients need not see. */
bool tags_is_field(enum http_name name);

/* The next group of one value of Cache-Groups or Cache-Group-Invalidation: strings only.
 * ERR_MISS: none is left; ERR_SYNTAX. */
enum err tags_group_next(struct bytes *rest, struct bytes *ret_text, bool *ret_escaped);

#endif
