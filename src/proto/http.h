/* http.h: HTTP/1.1 message heads (RFC 9112), strictly: what is doubtful is refused, never repaired.
 * SPDX-License-Identifier: MIT
 *
 * How a message is cut out of a stream decides whether two programs in a row see the same message;
 * that is the product's safety. So: no bare LF, no folded lines, no space before a colon, no NUL,
 * one Content-Length at the most, Content-Length and Transfer-Encoding never together, no coding
 * but exactly "chunked", exactly one Host, no '#' in a target.
 *
 * Memory: pure functions, no heap; everything parsed points into the input.
 * Threads: any. Limits: `struct http_limits`.
 */
#ifndef LARDER_PROTO_HTTP_H
#define LARDER_PROTO_HTTP_H

#include "base/bytes.h"
#include "base/err.h"

enum { HTTP_FIELDS_MAX = 128 /* fields of one head that the struct can hold */ };

/* Fields that somebody asks for by name: proto/fields.def. HTTP_OTHER for all others. */
enum http_name {
    HTTP_OTHER,
#define LENGTH(size)    HTTP_LENGTH_##size, HTTP_LENGTH_##size##_IS_NO_NAME = HTTP_LENGTH_##size - 1,
#define FIELD(id, text) HTTP_##id,
#include "proto/fields.def"
#undef FIELD
    HTTP_NAMES_COUNT
};

enum http_name http_name_of(struct bytes name); /* in any case */
struct bytes http_name_text(enum http_name name);

/* Method names are case-sensitive (RFC 9110 §9.1): "get" is HTTP_METHOD_OTHER. */
enum http_method {
    HTTP_METHOD_OTHER,
    HTTP_METHOD_GET,
    HTTP_METHOD_HEAD,
    HTTP_METHOD_POST,
    HTTP_METHOD_PUT,
    HTTP_METHOD_DELETE,
    HTTP_METHOD_PATCH,
    HTTP_METHOD_OPTIONS,
    HTTP_METHOD_TRACE,
    HTTP_METHOD_CONNECT,
    HTTP_METHOD_QUERY,
    HTTP_METHOD_PURGE
};

enum http_method http_method_of(struct bytes name);

/* GET, HEAD, OPTIONS, TRACE, QUERY (RFC 9110 §9.2.1); unknown methods are not safe. */
bool http_method_is_safe(enum http_method method);

/* The safe ones, PUT and DELETE (RFC 9110 §9.2.2): those that may be sent a second time. */
bool http_method_is_idempotent(enum http_method method);

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
    /* requests */
    struct bytes method;
    enum http_method method_id;
    struct bytes target; /* as sent */
    struct bytes path;   /* what of the target asks for a resource: "/a?b", "*", or of an absolute
                            form what follows the authority, perhaps nothing (url_normalise takes
                            all of these) */
    struct bytes host;   /* the Host field's value; valid, see url.h */

    /* responses */
    unsigned status;
    struct bytes reason;

    bool is_secure; /* a request that came through TLS: not in the bytes, whoever reads them sets it
                     */
    unsigned minor; /* HTTP/1.minor: 0 or 1 */
    enum http_framing framing;
    uint64_t content_length; /* when has_content_length; a response to HEAD and a 304 may have one
                                without having a body */
    bool has_content_length;
    bool keep_alive;       /* by version and Connection; false for HTTP_UNTIL_CLOSE */
    bool expects_continue; /* requests of HTTP/1.1 with a body and Expect: 100-continue */
    bool upgrade;          /* Connection: upgrade with an Upgrade field */
    uint64_t present[2];   /* one bit for each enum http_name that is among the fields */
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
    unsigned status;  /* what to answer: 400, 414, 417, 431, 501, 505 */
    const char *text; /* one sentence */
};

/* Cuts one head off the input. One empty line ahead of a request is skipped (RFC 9112 §2.2).
 * Nothing is remembered between calls: when more has arrived, hand in the whole head again.
 * ERR_AGAIN       more has to arrive
 * ERR_SYNTAX      refused; see the complaint
 * ERR_UNSUPPORTED refused with 501 or 505; see the complaint
 * ERR_TOO_BIG     a limit was passed; see the complaint
 * `*ret_head` is written to in any case and means something only on ERR_OK. */
enum err http_parse_request(struct bytes input, const struct http_limits *limits,
                            struct http_head *ret_head, size_t *ret_size,
                            struct http_complaint *complaint);

/* `to_head`: it answers a HEAD request, so it has no body whatever its fields say. */
enum err http_parse_response(struct bytes input, const struct http_limits *limits, bool to_head,
                             struct http_head *ret_head, size_t *ret_size,
                             struct http_complaint *complaint);

static inline bool http_has(const struct http_head *head, enum http_name name)
{
    return (head->present[(unsigned)name / 64] >> ((unsigned)name % 64) & 1) != 0;
}

/* The first field of that name, or NULL; the next one behind `after`, or NULL. */
const struct http_field *http_find(const struct http_head *head, enum http_name name);
const struct http_field *http_find_next(const struct http_head *head, enum http_name name,
                                        const struct http_field *after);

/* Those of a name that the house does not know by an id, in any case. */
const struct http_field *http_find_text(const struct http_head *head, struct bytes name,
                                        const struct http_field *after);

/* Takes all fields of that name out. */
void http_drop(struct http_head *head, enum http_name name);

/* The next element of a comma-separated list (RFC 9110 §5.6.1), without blanks; commas within
 * quotes separate nothing; empty elements are passed over. False: there is none any more. */
bool http_list_next(struct bytes *rest, struct bytes *ret_element);

/* Whether a field must not be passed on or stored: the hop-by-hop ones of RFC 9110 §7.6.1 and those
 * that Connection lists. */
bool http_is_hop_by_hop(const struct http_head *head, const struct http_field *field);

bool http_is_token(struct bytes text);       /* RFC 9110 §5.6.2 */
bool http_is_field_value(struct bytes text); /* no CR, LF, NUL or other controls but tab */

#endif
