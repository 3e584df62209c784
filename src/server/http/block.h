/* block.h: the status line and fields of an answer as they are stored and sent.
 * SPDX-License-Identifier: MIT
 *
 * Framing never goes through: the block is written anew from parsed fields, without hop-by-hop
 * ones, without Age (told anew each time), with Via, and with one Content-Length if the size is
 * known.
 *
 * Memory: into the buffer given, which is emptied first. Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_BLOCK_H
#define LARDER_SERVER_HTTP_BLOCK_H

#include "base/buf.h"
#include "proto/http.h"
#include "server/http/decide.h"

struct block_facts {
    const struct route *route;
    const struct verdict *verdict; /* of the answer; NULL: pass everything on */
    int64_t now_s;                 /* for a Date that is missing */
};

/* With an empty line at the end. */
void block_write(const struct block_facts *facts, const struct http_head *response,
                 struct buf *out);

/* A stored block brought up to date with the fields of a 304 (RFC 9111 §3.2). ERR_TOO_BIG: they are
 * too many together, and `out` is no block. */
enum err block_update(const struct block_facts *facts, const struct http_head *stored,
                      const struct http_head *news, struct buf *out);

/* Adds what is known only when the body is whole. */
void block_finish(struct buf *block, bool has_size, uint64_t body_size, struct bytes etag);

/* Reads a block again. Blocks are our own writing: it cannot fail. */
void block_parse(struct bytes block, struct http_head *ret_head);

/* The fields that a 304 repeats (RFC 9110 §15.4.5): appends them. */
void block_write_for_304(const struct http_head *stored, struct buf *out);

/* All fields but those that speak of the whole: for 206. Appends. */
void block_write_for_part(const struct http_head *stored, bool with_type, struct buf *out);

/* Whether the verdict withholds one of the fields from all but the first client. */
bool block_withholds(const struct verdict *verdict, const struct http_head *response);

void block_add_field(struct buf *out, struct bytes name, struct bytes value);

#endif
