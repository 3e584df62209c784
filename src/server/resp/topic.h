/* topic.h: the two tables behind pub/sub: the process's registry and each door's subscribers.
 * SPDX-License-Identifier: MIT
 *
 *     registry: name -> how many subscribers on each door      (all threads, one lock)
 *     door:     name -> ring of its own clients' subscriptions (its thread)
 *     client:   name -> its subscription                       (its door's thread)
 */
#ifndef LARDER_SERVER_RESP_TOPIC_H
#define LARDER_SERVER_RESP_TOPIC_H

#include "ds/map.h"
#include "server/resp/client.h"

enum topic_kind { TOPIC_CHANNEL, TOPIC_PATTERN, TOPIC_SHARD, TOPIC_KINDS };

/* ---- registry ---------------------------------------------------------------------------------
 */

struct channels;

/* For so many doors at the most. Names and subscriptions are the heap's, here and below. */
struct channels *channels_new(struct heap *heap, unsigned doors);
void channels_free(struct channels **owner); /* nobody listens to anything */

enum err channels_join(struct channels *channels, enum topic_kind kind, struct bytes name,
                       unsigned door);
void channels_leave(struct channels *channels, enum topic_kind kind, struct bytes name,
                    unsigned door);

/* How many subscribers a message reaches; `ret_doors[n]` says whether some are on door n. */
size_t channels_reach(struct channels *channels, bool shard, struct bytes name,
                      bool ret_doors[RESP_DOORS_MAX]);

/* Subscribers of one name, and every name of a kind. `each` is called under the registry's lock. */
size_t channels_subscribers(struct channels *channels, enum topic_kind kind, struct bytes name);
typedef void channels_fn(void *context, struct bytes name);
void channels_each(struct channels *channels, enum topic_kind kind, channels_fn *each,
                   void *context);
size_t channels_size(struct channels *channels, enum topic_kind kind);

/* ---- one door's -------------------------------------------------------------------------------
 */

struct topic {
    struct map_node node; /* in its door */
    struct list_node subscriptions;
    size_t name_size;
    uint8_t name[];
};

struct subscription {
    struct map_node node; /* in its client */
    struct list_node in_topic;
    struct topic *topic;
    struct client *client;
};

struct topics {
    struct map kinds[TOPIC_KINDS];
    struct hash_secret secret;
};

void topics_init(struct topics *topics, struct heap *heap);
void topics_fini(struct topics *topics);
struct topic *topics_find(const struct topics *topics, enum topic_kind kind, struct bytes name);

static inline struct bytes topic_name(const struct topic *topic)
{
    return bytes_of(topic->name, topic->name_size);
}

/* ---- one client's -----------------------------------------------------------------------------
 */

struct subscriptions {
    struct map kinds[TOPIC_KINDS];
};

/* NULL: no memory. */
struct subscriptions *subscriptions_new(struct heap *heap);
void subscriptions_free(struct subscriptions **owner); /* it is empty */

/* ERR_EXISTS: it has that one already. ERR_FULL: no memory. */
enum err subscription_add(struct topics *topics, struct client *client, enum topic_kind kind,
                          struct bytes name);
bool subscription_remove(struct topics *topics, struct client *client, enum topic_kind kind,
                         struct bytes name);

#endif
