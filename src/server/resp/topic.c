/* topic.c: registry, topics, subscriptions. SPDX-License-Identifier: MIT */
#include "server/resp/topic.h"

#include "base/glob.h"
#include "base/mem.h"
#include "base/must.h"

/* ---- registry ---------------------------------------------------------------------------------
 */

struct entry {
    struct map_node node;
    size_t subscribers;
    size_t name_size;
    unsigned doors;
    uint32_t on_door[]; /* one a door, and behind them the name */
};

struct channels {
    unsigned doors;
    pthread_mutex_t lock;
    struct map kinds[TOPIC_KINDS];
    struct hash_secret secret;
};

static struct bytes entry_name(const struct map_node *node)
{
    const struct entry *entry = (const struct entry *)(const void *)node;

    return bytes_of(entry->on_door + entry->doors, entry->name_size);
}

static struct entry *entry_of(struct map_node *node)
{
    return (struct entry *)(void *)node;
}

struct channels *channels_new(struct heap *heap, unsigned doors)
{
    struct channels *channels = mem_new(1, sizeof *channels);

    channels->doors = doors;
    must(pthread_mutex_init(&channels->lock, NULL) == 0);
    for (size_t i = 0; i < TOPIC_KINDS; i++)
        map_init(&channels->kinds[i], heap, entry_name);
    channels->secret = random_hash_secret();
    return channels;
}

void channels_free(struct channels **owner)
{
    if (*owner == NULL)
        return;
    for (size_t i = 0; i < TOPIC_KINDS; i++) {
        must((*owner)->kinds[i].count == 0);
        map_fini(&(*owner)->kinds[i]);
    }
    must(pthread_mutex_destroy(&(*owner)->lock) == 0);
    mem_free(owner);
}

static void lock(struct channels *channels)
{
    must(pthread_mutex_lock(&channels->lock) == 0);
}

static void unlock(struct channels *channels)
{
    must(pthread_mutex_unlock(&channels->lock) == 0);
}

static uint32_t hash_of(struct hash_secret secret, struct bytes name)
{
    return (uint32_t)hash_bytes(secret, name);
}

static struct entry *find_entry(const struct channels *channels, enum topic_kind kind,
                                struct bytes name)
{
    return entry_of(map_find(&channels->kinds[kind], hash_of(channels->secret, name), name));
}

static struct entry *entry_new(struct channels *channels, enum topic_kind kind, struct bytes name)
{
    struct entry *entry = NULL;
    size_t size = sizeof *entry + channels->doors * sizeof entry->on_door[0];

    entry = heap_take(channels->kinds[kind].heap, size + name.size);
    if (entry == NULL)
        return NULL;
    memset(entry, 0, size);
    entry->doors = channels->doors;
    entry->name_size = name.size;
    if (name.size > 0)
        memcpy(entry->on_door + entry->doors, name.data, name.size);
    if (map_insert(&channels->kinds[kind], &entry->node, hash_of(channels->secret, name)) != ERR_OK)
        heap_give(&entry);
    return entry;
}

enum err channels_join(struct channels *channels, enum topic_kind kind, struct bytes name,
                       unsigned door)
{
    lock(channels);
    struct entry *entry = find_entry(channels, kind, name);

    if (entry == NULL)
        entry = entry_new(channels, kind, name);
    if (entry != NULL) {
        entry->on_door[door]++;
        entry->subscribers++;
    }
    unlock(channels);
    return entry == NULL ? ERR_FULL : ERR_OK;
}

void channels_leave(struct channels *channels, enum topic_kind kind, struct bytes name,
                    unsigned door)
{
    lock(channels);
    struct entry *entry = find_entry(channels, kind, name);

    must(entry != NULL);
    must(entry->on_door[door] > 0);
    entry->on_door[door]--;
    if (--entry->subscribers == 0) {
        (void)map_take(&channels->kinds[kind], entry->node.hash, name);
        heap_give(&entry);
    }
    unlock(channels);
}

static size_t add_reach(const struct entry *entry, bool doors[RESP_DOORS_MAX])
{
    for (size_t i = 0; i < entry->doors; i++)
        doors[i] |= entry->on_door[i] > 0;
    return entry->subscribers;
}

size_t channels_reach(struct channels *channels, bool shard, struct bytes name,
                      bool ret_doors[RESP_DOORS_MAX])
{
    const struct map *patterns = &channels->kinds[TOPIC_PATTERN];
    struct map_walk walk = {0};
    struct map_node *node = NULL;
    size_t reach = 0;

    memset(ret_doors, 0, RESP_DOORS_MAX * sizeof ret_doors[0]);
    lock(channels);
    const struct entry *entry = find_entry(channels, shard ? TOPIC_SHARD : TOPIC_CHANNEL, name);

    if (entry != NULL)
        reach += add_reach(entry, ret_doors);
    while (!shard && (node = map_next(patterns, &walk)) != NULL) {
        if (glob_fits(entry_name(node), name))
            reach += add_reach(entry_of(node), ret_doors);
    }
    unlock(channels);
    return reach;
}

size_t channels_subscribers(struct channels *channels, enum topic_kind kind, struct bytes name)
{
    lock(channels);
    const struct entry *entry = find_entry(channels, kind, name);
    size_t count = entry == NULL ? 0 : entry->subscribers;

    unlock(channels);
    return count;
}

void channels_each(struct channels *channels, enum topic_kind kind, channels_fn *each,
                   void *context)
{
    struct map_walk walk = {0};
    const struct map_node *node = NULL;

    lock(channels);
    while ((node = map_next(&channels->kinds[kind], &walk)) != NULL)
        each(context, entry_name(node));
    unlock(channels);
}

size_t channels_size(struct channels *channels, enum topic_kind kind)
{
    lock(channels);
    size_t count = channels->kinds[kind].count;

    unlock(channels);
    return count;
}

/* ---- one door's -------------------------------------------------------------------------------
 */

static struct bytes topic_node_name(const struct map_node *node)
{
    return topic_name((const struct topic *)(const void *)node);
}

void topics_init(struct topics *topics, struct heap *heap)
{
    for (size_t i = 0; i < TOPIC_KINDS; i++)
        map_init(&topics->kinds[i], heap, topic_node_name);
    topics->secret = random_hash_secret();
}

void topics_fini(struct topics *topics)
{
    for (size_t i = 0; i < TOPIC_KINDS; i++) {
        must(topics->kinds[i].count == 0);
        map_fini(&topics->kinds[i]);
    }
}

struct topic *topics_find(const struct topics *topics, enum topic_kind kind, struct bytes name)
{
    struct map_node *node = map_find(&topics->kinds[kind], hash_of(topics->secret, name), name);

    return (struct topic *)(void *)node;
}

static struct topic *topic_for(struct topics *topics, enum topic_kind kind, struct bytes name)
{
    struct topic *topic = topics_find(topics, kind, name);

    if (topic != NULL)
        return topic;
    topic = heap_take(topics->kinds[kind].heap, sizeof *topic + name.size);
    if (topic == NULL)
        return NULL;
    topic->name_size = name.size;
    list_init(&topic->subscriptions);
    if (name.size > 0)
        memcpy(topic->name, name.data, name.size);
    if (map_insert(&topics->kinds[kind], &topic->node, hash_of(topics->secret, name)) != ERR_OK)
        heap_give(&topic);
    return topic;
}

static void drop_if_empty(struct topics *topics, enum topic_kind kind, struct topic *topic)
{
    if (topic == NULL || !list_alone(&topic->subscriptions))
        return;
    (void)map_take(&topics->kinds[kind], topic->node.hash, topic_name(topic));
    heap_give(&topic);
}

/* ---- one client's -----------------------------------------------------------------------------
 */

static struct bytes subscription_name(const struct map_node *node)
{
    return topic_name(((const struct subscription *)(const void *)node)->topic);
}

struct subscriptions *subscriptions_new(struct heap *heap)
{
    struct subscriptions *subscriptions = heap_take(heap, sizeof *subscriptions);

    if (subscriptions == NULL)
        return NULL;
    for (size_t i = 0; i < TOPIC_KINDS; i++)
        map_init(&subscriptions->kinds[i], heap, subscription_name);
    return subscriptions;
}

void subscriptions_free(struct subscriptions **owner)
{
    for (size_t i = 0; *owner != NULL && i < TOPIC_KINDS; i++) {
        must((*owner)->kinds[i].count == 0);
        map_fini(&(*owner)->kinds[i]);
    }
    heap_give(owner);
}

enum err subscription_add(struct topics *topics, struct client *client, enum topic_kind kind,
                          struct bytes name)
{
    struct map *mine = &client->subscriptions->kinds[kind];
    uint32_t hash = hash_of(topics->secret, name);

    if (map_find(mine, hash, name) != NULL)
        return ERR_EXISTS;
    struct topic *topic = topic_for(topics, kind, name);
    struct subscription *subscription = heap_take(mine->heap, sizeof *subscription);

    if (topic == NULL || subscription == NULL)
        goto full;
    subscription->topic = topic;
    subscription->client = client;
    if (map_insert(mine, &subscription->node, hash) != ERR_OK)
        goto full;
    list_append(&topic->subscriptions, &subscription->in_topic);
    return ERR_OK;
full:
    heap_give(&subscription);
    drop_if_empty(topics, kind, topic);
    return ERR_FULL;
}

bool subscription_remove(struct topics *topics, struct client *client, enum topic_kind kind,
                         struct bytes name)
{
    struct map *mine = &client->subscriptions->kinds[kind];
    struct map_node *node = map_take(mine, hash_of(topics->secret, name), name);
    struct subscription *subscription = (struct subscription *)(void *)node;

    if (node == NULL)
        return false;
    list_leave(&subscription->in_topic);
    drop_if_empty(topics, kind, subscription->topic);
    heap_give(&subscription);
    return true;
}
