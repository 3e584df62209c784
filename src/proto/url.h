/* url.h: one form for each target and host, so that the key and the origin see the same bytes.
 * SPDX-License-Identifier: MIT
 *
 * Two spellings of one URI must be one key (else a cache misses and a purge passes by), and two
 * URIs must never be one (else one answer is served for another). What is written out here goes
 * into the key *and* to the origin, so the origin cannot read it differently from the cache.
 *
 *   path    %41 -> A (unreserved characters only), %2f -> %2F; then dot segments are resolved,
 * once; characters that no URI may hold (" < > ^ ` { | }) are escaped. %2F and %5C stay as they
 * are: no decoder here turns them into separators. But a path in which they would make a dot
 * segment ("/a/..%2Fb", "/..;/b" too) is refused, and so are a bare backslash, %00, and a '%'
 * without two hexadecimal digits. query   the same escapes; then parameters by rule: left out, or
 * sorted by name (those of one name keep their order, since applications read them as a list). An
 * empty query is none. host    lower case; a final dot and the scheme's own port are dropped.
 *
 * Normalising what is normal changes nothing.
 *
 * Memory: results are written into the caller's array; nothing else is kept. Threads: any.
 */
#ifndef LARDER_PROTO_URL_H
#define LARDER_PROTO_URL_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/setting.h"

enum {
    URL_PARAMETERS_MAX = 512, /* of one query that has to be sorted or filtered */
    URL_HOST_MAX = 262        /* bytes: a name, a colon, a port */
};

/* What of a query counts. Patterns are globs on the escaped name ("utm_*"). */
struct url_rules {
    bool sort;
    struct text_list ignore; /* these parameters are left out */
    struct text_list only;   /* when there are any: all others are left out */
};

struct url {
    struct bytes whole; /* path, and '?' and query when there is one */
    struct bytes path;
    struct bytes query; /* without '?' */
};

/* `target` is a path and query as http_head.path has it: "" and "?a" are given their '/', "*"
 * stays. `rules` may be NULL: the query stays in its order. At most `out_max` bytes are written;
 * three times the target and one are always enough. ERR_SYNTAX  refused, answer 400;  ERR_TOO_BIG
 * does not fit, or too many parameters: 414 */
enum err url_normalise(struct bytes target, const struct url_rules *rules, uint8_t *out,
                       size_t out_max, struct url *ret_url);

/* A host or host:port as Host may carry it: a name of letters, digits, '-', '_' and '.', an IPv4
 * address or an IPv6 address in brackets; a port of 1 to 65535. */
bool url_is_host(struct bytes host);

struct url_host {
    struct bytes whole; /* "example.org", "example.org:8443", "[::1]:8080" */
    struct bytes name;  /* without the port; IPv6 with its brackets */
    uint16_t port;      /* what was said, or else `default_port` */
};

/* ERR_SYNTAX: no such host. */
enum err url_host_normalise(struct bytes host, uint16_t default_port, uint8_t out[URL_HOST_MAX],
                            struct url_host *ret_host);

/* The parts of an http or https URI: of the absolute form of a target, of Location, of a URL to
 * purge. Nothing is decoded. ERR_SYNTAX: no such URI (user information and fragments are refused);
 * ERR_UNSUPPORTED: another scheme. */
struct url_parts {
    bool tls;
    struct bytes host;   /* with the port, if there is one */
    struct bytes target; /* path and query, perhaps empty */
};

enum err url_split(struct bytes text, struct url_parts *ret_parts);

/* A reference as Location and Content-Location carry it (RFC 3986 §4.2: absolute, "//host/path",
 * "/path", "path", "?query"), resolved against the path of `base` and written to `out`. A fragment
 * is dropped. Scheme and host are those of `base` where the reference names none.
 * ERR_SYNTAX, ERR_UNSUPPORTED, ERR_TOO_BIG */
enum err url_resolve(const struct url_parts *base, struct bytes reference, uint8_t *out,
                     size_t out_max, struct url_parts *ret_parts);

#endif
