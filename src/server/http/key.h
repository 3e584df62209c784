/* key.h: the name under which an answer is stored: what of a request makes a difference.
 * SPDX-License-Identifier: MIT
 *
 *   http://host:port/path?query                      the URL, normalised; what the origin is sent
 *   ... \0 h name length value  \0 c name ...        header fields and cookies of the route
 *   ... \0 b method length hash                      the body of a QUERY (key_body.h)
 *   ... \0 a                                         requests with Authorization, kept apart
 *   ... \0 v name:value\n ...                        the variant (Vary)
 *   ... \0 z coding                                  a coded copy (compress.h)
 *   ... \0 r                                         parts (parts.h)
 *   path \0 n                                        a note for the path (no_vary_search.h)
 *   ... \0 p                                         a POST under way (adopt.h)
 *   ... \0 s                                         a fetch that may end a while without sharing
 *                                                    (probe.h)
 *
 * A URL holds no NUL, so no key is the beginning of another one by chance; a prefix of URLs is a
 * prefix of keys. Whatever is stored under more than the bare URL, notes apart, carries a tag made
 * of the URL, so that one purge of the URL finds all of it.
 *
 * Memory: into the room given. Threads: any.
 */
#ifndef LARDER_SERVER_HTTP_KEY_H
#define LARDER_SERVER_HTTP_KEY_H

#include "cache/cache.h"
#include "proto/http.h"
#include "proto/vary.h"
#include "server/http/site.h"

enum { KEY_SCHEME_MAX = sizeof "https://" - 1, KEY_ROOM = 3 * 65536 + URL_HOST_MAX + 64 };

/* The front of a key, "http://host", and the Host it was made from: most requests have the same one
 * as the request before. */
struct key_front {
    size_t said_size; /* 0: nothing is remembered */
    bool is_secure;
    size_t size;
    uint8_t said[URL_HOST_MAX];
    uint8_t text[KEY_SCHEME_MAX + URL_HOST_MAX];
};

struct key_room {
    struct key_front front;
    uint8_t key[KEY_ROOM];
    uint8_t second[KEY_ROOM]; /* another spelling, while the first one is read */
};

/* What a request asks for. Points into the room and the head. */
struct target {
    const struct route *route;
    struct captures captures;
    struct bytes host;  /* normalised */
    struct bytes path;  /* of the URL, without query */
    struct bytes whole; /* path and query: what the origin is sent */
    struct bytes url;   /* the front of the key */
    struct bytes key;   /* without Vary */
};

/* ERR_SYNTAX, ERR_TOO_BIG: refused; ERR_MISS: no route (404). The complaint says what to answer.
 * A target "*" has no URL and is the caller's to answer before. */
enum err target_find(const struct site *site, const struct http_head *head, struct key_room *room,
                     struct target *ret_target, struct http_complaint *complaint);

/* Appends what sets requests with credentials apart to the target's key, which must be in `room`.
 * False: the key would be too long. */
bool target_split_by_user(struct target *target, const struct http_head *head, bool by_value,
                          struct key_room *room);

/* Appends the hash of a body that says what is asked for. False: the key would be too long. */
bool target_add_body(struct target *target, struct bytes method, struct bytes hash,
                     struct key_room *room);

/* The key and, behind a NUL, one of the marks above, in `out`. False: too long. */
bool key_add_mark(struct bytes key, char mark, struct buf *out);

/* The key of a variant: `primary` and what the request says in the named fields. False: too long.
 * The result is in `out`. */
bool key_of_variant(struct bytes primary, const struct vary *vary, const struct http_head *head,
                    const struct route *route, struct buf *out);

/* The tag that is on everything stored for this URL under a longer key. */
enum { KEY_URL_TAG_SIZE = 10 };
struct bytes key_url_tag(const struct cache *cache, struct bytes url,
                         uint8_t ret_tag[KEY_URL_TAG_SIZE]);

/* The value of one cookie, or empty. */
struct bytes key_cookie(const struct http_head *head, struct bytes name);

#endif
