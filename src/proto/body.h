/* body.h: where the body of an HTTP/1.1 message ends (RFC 9112 §6 and §7).
 * SPDX-License-Identifier: MIT
 *
 * Sized, chunked or until the connection closes; the pieces come out without their framing.
 * Chunked as strict as heads: hexadecimal digits, CRLF, nothing between; chunk extensions and
 * trailers are checked, counted against a limit, and dropped.
 *
 * Memory: none; pieces point into the input. Threads: any.
 */
#ifndef LARDER_PROTO_BODY_H
#define LARDER_PROTO_BODY_H

#include "proto/http.h"

enum {
    BODY_OVERHEAD_MAX = 16384, /* bytes of chunk extensions and trailers of one body, together */
    BODY_CHUNK_LINE_MAX = 4096 /* bytes of one line of them */
};

struct http_body {
    enum http_framing framing;
    uint64_t left;     /* of the body, or of the chunk */
    unsigned state;    /* chunked: where in the grammar */
    unsigned digits;   /* chunked: digits of the size so far */
    uint64_t line;     /* chunked: bytes of the extension or trailer line so far */
    uint64_t overhead; /* chunked: bytes of extensions and trailers so far */
};

void http_body_init(struct http_body *body, const struct http_head *head);

/* Takes the next piece of the body from the front of the input: `*ret_size` bytes of the input are
 * used up, `*ret_piece` (perhaps empty) is body. `*ret_done`: the message ended with this.
 * ERR_OK      call again with the rest, unless done
 * ERR_AGAIN   the input is used up and more has to arrive; `*ret_size` counts, the piece is empty
 * ERR_SYNTAX  the chunked coding is broken
 * ERR_TOO_BIG extensions and trailers beyond their limit */
enum err http_body_next(struct http_body *body, struct bytes input, size_t *ret_size,
                        struct bytes *ret_piece, bool *ret_done);

/* The stream ended: whether the body was whole. */
bool http_body_is_whole_at_end(const struct http_body *body);

#endif
