/* resp.h: the Redis protocol, versions 2 and 3, between bytes and words. No sockets, no clock.
 * SPDX-License-Identifier: MIT
 *
 *   server side   resp_read      bytes -> one request (an array of bulk strings, or a line)
 *                 resp_add_...   one reply -> bytes in a buf, in the protocol of the client
 *   client side   resp_skip (is one whole reply there?), resp_token (its parts)
 *
 * A request is read in place: its arguments are loans of the input. One that has not arrived whole
 * is taken up where reading stopped, so a large value, or a million arguments, are looked at once.
 *
 * Limits: a line RESP_INLINE_MAX, arguments and their sizes by `struct resp_limits`.
 */
#ifndef LARDER_PROTO_RESP_H
#define LARDER_PROTO_RESP_H

#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"

enum {
    RESP_INLINE_MAX = 64 << 10,   /* bytes of a line: an inline request, or the head of a bulk */
    RESP_ARGUMENTS_MAX = 1 << 20, /* of one request */
    RESP_BULK_MAX = 512 << 20,    /* bytes of one argument, unless configured otherwise */
    RESP_STRANGER_ARGUMENTS = 10, /* what one may send who has not said the password yet */
    RESP_STRANGER_BULK = 16 << 10,
    RESP_COMPLAINT_SIZE = 80,
};

/* ---- requests ------------------------------------------------------------------------------ */

struct resp_limits {
    size_t arguments_max;
    size_t bulk_max;  /* bytes */
    bool is_stranger; /* says so in the complaint */
};

/* Where the arguments go. `text` is for the words of inline requests, whose quotes are taken off.
 * Requests are appended, so that a whole batch stays readable. */
struct resp_arguments {
    struct bytes *items;
    size_t count;
    size_t capacity;
    uint8_t *text;
    size_t text_used;
    size_t text_capacity;
};

/* Zeroed: at the beginning of a request. */
struct resp_reader {
    size_t at;      /* bytes of the input that are taken apart */
    size_t missing; /* arguments still to come; 0: the head was not read yet */
    size_t read;    /* arguments read of this request: the last ones in `items` */
    uint64_t bulk;  /* size of the bulk whose head was read, plus 1; 0: none */
    char complaint[RESP_COMPLAINT_SIZE]; /* after ERR_SYNTAX: what to tell the client */
};

/* Reads one request at the start of `input`. The input begins with the same bytes at each call
 * until the request is whole. ERR_OK      arguments were appended (none: an empty line), `ret_size`
 * bytes are used up and the reader is zero again ERR_AGAIN   more has to arrive; what was read
 * stays in `arguments` (as offsets), see resp_forget to start over ERR_FULL    `arguments` has no
 * room for `missing` more (or for the line): give another, or make room, and call again ERR_SYNTAX
 * the client breaks the protocol: tell it the complaint and close */
enum err resp_read(struct resp_reader *reader, struct bytes input, const struct resp_limits *limits,
                   struct resp_arguments *arguments, size_t *ret_size);

/* Takes the unfinished request out of the arguments and zeroes the reader. */
void resp_forget(struct resp_reader *reader, struct resp_arguments *arguments);

/* ---- replies, server side -------------------------------------------------------------------- */

/* `protocol` is 2 or 3 everywhere. Sizes of maps are counted in pairs. */
void resp_add_simple(struct buf *out, struct bytes text);     /* +text */
void resp_add_error(struct buf *out, struct bytes text);      /* -text; line ends become spaces */
void resp_add_integer(struct buf *out, int64_t number);       /* :number */
void resp_add_bulk(struct buf *out, struct bytes bytes);      /* $size bytes */
void resp_add_bulk_head(struct buf *out, size_t size);        /* bytes and line end follow */
void resp_add_null(struct buf *out, unsigned protocol);       /* $-1, or _ */
void resp_add_null_array(struct buf *out, unsigned protocol); /* *-1, or _ */
void resp_add_array(struct buf *out, size_t count);
void resp_add_map(struct buf *out, unsigned protocol, size_t count);
void resp_add_set(struct buf *out, unsigned protocol, size_t count);
void resp_add_push(struct buf *out, unsigned protocol, size_t count);
void resp_add_double(struct buf *out, unsigned protocol, double number);
void resp_add_bool(struct buf *out, unsigned protocol, bool yes);              /* :1, or #t */
void resp_add_verbatim(struct buf *out, unsigned protocol, struct bytes text); /* bulk, or =txt: */

/* ---- replies, client side ---------------------------------------------------------------------
 */

enum resp_kind {
    RESP_SIMPLE = '+',
    RESP_ERROR = '-',
    RESP_INTEGER = ':',
    RESP_BULK = '$',
    RESP_ARRAY = '*',
    RESP_NULL = '_',
    RESP_DOUBLE = ',',
    RESP_BOOL = '#',
    RESP_BIG = '(',
    RESP_VERBATIM = '=',
    RESP_BULK_ERROR = '!',
    RESP_MAP = '%',
    RESP_SET = '~',
    RESP_PUSH = '>',
    RESP_ATTRIBUTE = '|',
};

struct resp_token {
    enum resp_kind kind; /* RESP_NULL for $-1 and *-1 too */
    struct bytes text;   /* of values; a verbatim's without its "txt:" */
    int64_t number;      /* of an integer; 1 or 0 of a bool */
    size_t count;        /* values that follow as parts: a map's and an attribute's are twice its
                            size; an attribute is itself followed by the value it belongs to */
};

/* Reads the token at the start of `*rest` and moves behind it.
 * ERR_AGAIN: it is not all there. ERR_SYNTAX: it is none. */
enum err resp_token(struct bytes *rest, struct resp_token *ret_token);

/* Zeroed: at the beginning of a reply. */
struct resp_skipper {
    size_t at;
    uint64_t left;
    bool begun;
};

/* Whether one whole reply stands at the start of `input`; goes on where it stopped. ERR_OK:
 * `ret_size` bytes are the reply and the skipper is zero again. ERR_AGAIN, ERR_SYNTAX. */
enum err resp_skip(struct resp_skipper *skipper, struct bytes input, size_t *ret_size);

#endif
