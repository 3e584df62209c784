/* purge.h: taking URLs out of the cache, with all that is stored for them.
 * SPDX-License-Identifier: MIT
 *
 * Under a URL's own key lies its answer or the marker of its variants; everything else that belongs
 * to it carries the URL's tag. So two steps find all, and both count for loads in flight.
 *
 * Threads: any that has joined the cache.
 */
#ifndef LARDER_SERVER_HTTP_PURGE_H
#define LARDER_SERVER_HTTP_PURGE_H

#include "server/http/key.h"

struct purge_place {
    const struct site *site;
    struct cache_thread *thread;
    struct cache *cache;
    struct key_room *room;
    int64_t now_ms;
};

/* `url` is normalised ("http://host/path?query"), as target_find leaves it. What is stored of it
 * for clients with TLS and for those without goes. */
void purge_url(const struct purge_place *place, struct bytes url, bool soft);

/* The same, but for what is stored, or being loaded, under this spelling itself without variants.
 */
void purge_beside(const struct purge_place *place, struct bytes url);

/* What Location or Content-Location of an answer for `base` points to, if it is of the same origin;
 * anything else is left alone. */
void purge_reference(const struct purge_place *place, struct bytes base, struct bytes reference);

/* Whether a purge of that kind and text concerned a normalised URL, as far as these tell: by tag
 * and by key that cannot be said, and is not. */
bool purge_concerns(const struct site *site, enum site_purge_by by, struct bytes text,
                    struct bytes url);

#endif
