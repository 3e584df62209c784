/* http.h: HTTP/1.1 messages (RFC 9112), strictly: what is doubtful is refused, never repaired.
 * SPDX-License-Identifier: MIT
 *
 * How a message is cut out of a stream decides whether two programs in a row see the same message;
 * that is the product's safety. So: no bare LF, no folded lines, no space before a colon, no NUL,
 * one Content-Length at the most, Content-Length and Transfer-Encoding never together, no coding
 * but exactly "chunked", exactly one Host.
 *
 * Pure functions: no socket, no clock, no heap; everything parsed points into the input.
 */
#ifndef LARDER_PROTO_HTTP_H
#define LARDER_PROTO_HTTP_H

#include "base/bytes.h"
#include "base/err.h"

enum { HTTP_FIELDS_MAX = 128 /* fields of one head that the struct can hold */ };

/* Fields that somebody asks for by name: proto/fields.def. HTTP_OTHER for all others. */
enum http_name {
    HTTP_OTHER,
#define FIELD(id, text) HTTP_##id,
#include "proto/fields.def"
#undef FIELD
    HTTP_NAMES_COUNT
};

enum http_name http_name_of(struct bytes name);
struct bytes http_name_text(enum http_name name);

struct http_field {
    struct bytes name;
    struct bytes value; /* without blanks at both ends */
    enum http_name id;
};

enum http_framing {
    HTTP_NO_BODY,
    HTTP_SIZED, /* Content-Length */
    HTTP_CHUNKED,
    HTTP_UNTIL_CLOSE /* responses only */
};

struct http_head {
    struct bytes method; /* requests */
    struct bytes target; /* requests, as sent */
    unsigned status;     /* responses */
    struct bytes reason; /* responses */
    unsigned minor;      /* HTTP/1.minor: 0 or 1 */
    enum http_framing framing;
    uint64_t content_length; /* HTTP_SIZED; for a response to HEAD or a 304 what it says */
    bool has_content_length;
    bool keep_alive; /* by version and Connection */
    bool expects_continue;
    bool upgrade; /* Connection: upgrade with an Upgrade field */
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

struct http_limits {
    size_t head_max;   /* bytes of the whole head */
    size_t target_max; /* bytes */
    size_t fields_max; /* <= HTTP_FIELDS_MAX */
};

/* What is wrong, for the answer, the log and the metric. */
struct http_complaint {
    unsigned status;  /* what to answer: 400, 414, 431, 501, 505 */
    const char *text; /* one sentence */
};

/* Cuts one head off the input.
 * ERR_AGAIN   more has to arrive
 * ERR_SYNTAX  refused; see the complaint
 * ERR_TOO_BIG a limit was passed; see the complaint */
enum err http_parse_request(struct bytes input, const struct http_limits *limits,
                            struct http_head *ret_head, size_t *ret_size,
                            struct http_complaint *complaint);

/* `to_head`: it answers a HEAD request, so it has no body whatever its fields say. */
enum err http_parse_response(struct bytes input, const struct http_limits *limits, bool to_head,
                             struct http_head *ret_head, size_t *ret_size,
                             struct http_complaint *complaint);

/* The first field of that name, or NULL; the n-th (from 0). */
const struct http_field *http_find(const struct http_head *head, enum http_name name);
const struct http_field *http_find_next(const struct http_head *head, enum http_name name,
                                        const struct http_field *after);

/* Whether a field must not be passed on or stored: the hop-by-hop ones of RFC 9110 §7.6.1 and those
 * that Connection lists. */
bool http_is_hop_by_hop(const struct http_head *head, const struct http_field *field);

bool http_is_token(struct bytes text);       /* RFC 9110 §5.6.2 */
bool http_is_field_value(struct bytes text); /* no CR, LF, NUL or other controls but tab */

/* ---- bodies ------------------------------------------------------------------------------ */

struct http_body {
    enum http_framing framing;
    uint64_t left;     /* of the body, or of the chunk */
    unsigned state;    /* chunked: where in the grammar */
    uint64_t overhead; /* chunked: bytes of extensions and trailers, limited */
};

void http_body_init(struct http_body *body, const struct http_head *head);

/* Takes the next piece of the body from the front of the input: `*ret_size` bytes of the input are
 * used up, `*ret_piece` (perhaps empty) is body. `*ret_done`: the message ended with this.
 * ERR_AGAIN   more has to arrive (used-up bytes count all the same)
 * ERR_SYNTAX  the chunked coding is broken */
enum err http_body_next(struct http_body *body, struct bytes input, size_t *ret_size,
                        struct bytes *ret_piece, bool *ret_done);

/* The stream ended: whether the body was whole. */
bool http_body_is_whole_at_end(const struct http_body *body);

#endif
