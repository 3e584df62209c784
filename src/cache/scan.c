/* scan.c: walking in the order of the hashes. SPDX-License-Identifier: MIT
 *
 * A cursor is a place in that order: the shard above 32 bits of position. Tables of any size cut
 * the same order into buckets, so that a walk goes on where it was however they grew meanwhile.
 */
#include "cache/store.h"

struct scanning {
    struct cache_thread *thread;
    unsigned space;
    uint32_t from; /* entries at lower positions were seen already */
    cache_scan_fn *each;
    void *context;
    int64_t now_ms;
    bool stopped;
};

static void show_entry(struct scanning *scanning, struct cache_entry *entry)
{
    const struct cache *cache = scanning->thread->cache;
    struct cache_view view;

    if (entry_space(entry) != scanning->space ||
        position_of(cache, entry_hash(cache, entry)) < scanning->from ||
        view_entry(cache, entry, scanning->now_ms, &view) == CACHE_MISS)
        return;
    if (!scanning->each(scanning->context, entry_name(entry), &view))
        scanning->stopped = true;
}

static void show_home(struct scanning *scanning, const struct table *table, uint32_t number)
{
    uint32_t refs[HOME_MAX];
    size_t count = index_home(table, number, refs);

    for (size_t i = 0; i < count; i++)
        show_entry(scanning, entry_at(scanning->thread->cache, refs[i]));
}

/* Shows the bucket at the cursor and returns the cursor behind it. What was shown cannot be taken
 * back, as a look-up does that fell into the middle of a step, so this takes the latch. */
static uint64_t scan_bucket(struct scanning *scanning, uint64_t cursor)
{
    struct cache_thread *thread = scanning->thread;
    struct shard *shard = &thread->cache->shards[cursor >> 32];
    bool entered = shard_enter(thread, shard);
    const struct table *table = shard_table(shard);
    uint32_t number = index_bucket(table->buckets, (uint32_t)cursor);

    scanning->from = (uint32_t)cursor;
    show_home(scanning, table, number);
    shard_leave(shard, entered);
    return (cursor >> 32 << 32) + index_position_behind(table, number);
}

/* A walk is a place, a purpose and a time. NOLINTNEXTLINE(readability-function-size) */
uint64_t cache_scan(struct cache_thread *thread, unsigned space, uint64_t cursor, size_t budget,
                    cache_scan_fn *each, void *context, int64_t now_ms)
{
    struct scanning scanning = {thread, space, 0, each, context, now_ms, false};
    size_t visited = 0;

    thread->looked = true;
    if (cursor >> 32 >= thread->cache->shard_count)
        return 0;
    do {
        cursor = scan_bucket(&scanning, cursor);
        visited += BUCKET_SLOTS;
        if (cursor >> 32 == thread->cache->shard_count)
            return 0;
    } while (visited < budget && !scanning.stopped);
    return cursor;
}

/* Keeps each of the entries of a bucket with the same chance. */
struct drawing {
    struct random *random;
    uint64_t seen;
    struct bytes name;
};

static bool draw(void *context, struct bytes name, const struct cache_view *view)
{
    struct drawing *drawing = context;

    (void)view;
    drawing->seen++;
    if (random_below(drawing->random, drawing->seen) == 0)
        drawing->name = name;
    return true;
}

bool cache_random(struct cache_thread *thread, unsigned space, struct random *random,
                  int64_t now_ms, struct bytes *ret_name)
{
    struct drawing drawing = {.random = random};
    uint64_t shards = thread->cache->shard_count;
    uint64_t cursor = random_below(random, shards << 32);
    uint64_t begin = cursor;
    bool wrapped = false;

    if (cache_count(thread->cache, space) == 0)
        return false;
    while (drawing.seen == 0 && (!wrapped || cursor <= begin)) {
        cursor = cache_scan(thread, space, cursor, 1, draw, &drawing, now_ms);
        if (cursor != 0)
            continue;
        if (wrapped)
            break;
        wrapped = true;
    }
    if (drawing.seen > 0)
        *ret_name = drawing.name;
    return drawing.seen > 0;
}
