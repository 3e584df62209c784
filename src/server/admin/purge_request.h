/* purge_request.h: what `POST /v1/purge` asks for, read from its JSON.
 * SPDX-License-Identifier: MIT
 *
 *     {"tag": "product:7"}                         every entry with that tag
 *     {"url": "http://shop.example/api/products/7"}
 *     {"prefix": "http://shop.example/api/"}       every URL that begins so
 *     {"host": "shop.example"}                     every URL of that host
 *     {"regex": "\\.(png|jpg)$"}                    every URL of which a part fits
 *     {"key": "user:7", "db": 0}                   one key of Redis clients
 *     {"all": true}                                every response of the gateway
 *
 * and with each `"soft": true` (may still be served stale) and `"dry_run": true` (only count);
 * with that `"examples": 10` names so many of the URLs.
 */
#ifndef LARDER_SERVER_ADMIN_PURGE_REQUEST_H
#define LARDER_SERVER_ADMIN_PURGE_REQUEST_H

#include "base/arena.h"
#include "base/fault.h"

enum admin_purge_by {
    ADMIN_PURGE_TAG,
    ADMIN_PURGE_URL,
    ADMIN_PURGE_PREFIX,
    ADMIN_PURGE_HOST,
    ADMIN_PURGE_REGEX,
    ADMIN_PURGE_KEY,
    ADMIN_PURGE_ALL,
};

struct admin_purge {
    enum admin_purge_by by;
    struct bytes text;
    unsigned database; /* ADMIN_PURGE_KEY */
    bool soft;
    bool dry_run;
    unsigned examples;
};

enum { ADMIN_EXAMPLES_MAX = 1000 };

/* "tag", "url", ... */
const char *admin_purge_name(enum admin_purge_by by);

/* Texts are copied into the arena. Unknown members are errors, as is more than one of the seven.
 * ERR_SYNTAX, ERR_RANGE, ERR_FULL (the arena); the fault says what is wrong. */
enum err admin_purge_read(struct bytes json, struct arena *arena, struct admin_purge *ret_purge,
                          struct fault *fault);

#endif
