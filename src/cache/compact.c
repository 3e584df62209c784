/* compact.c: empties sparse pages by moving what lives in them. SPDX-License-Identifier: MIT
 *
 * Of the places that are taken some hold an entry that is shown, others one that is being made or
 * waits to be given back. The state, which is zero in a fresh place, tells them apart. It is asked
 * under the slab's lock: what is shown at that moment stays an entry until this thread passes,
 * whereas any other place may be given back at once and be cut into other sizes. The index has the
 * last word.
 */
#include "cache/store.h"

enum { MOVED_MAX = 128 };

/* The copy takes the old one's place in the index, the order and the wheel. */
static void move_entry(struct cache_thread *thread, _Atomic uint32_t *slot,
                       struct cache_entry *from, struct cache_entry *to, uint64_t hash)
{
    uint64_t sequence = entry_sequence(from);

    must(entry_sequence(to) == sequence);
    atomic_fetch_or_explicit(&from->state, ENTRY_MOVED, memory_order_relaxed);
    shard_replace(thread, slot, from, to, hash);
}

static bool is_shown(const void *place)
{
    const struct cache_entry *entry = place;

    return (entry_state(entry) & ENTRY_SHOWN) != 0;
}

static bool move_place(struct cache_thread *thread, uint32_t ref)
{
    struct cache *cache = thread->cache;
    struct cache_entry *from = entry_at(cache, ref);
    struct cache_entry *to = NULL;
    _Atomic uint32_t *slot = NULL;
    bool moved = false;

    struct cache_key key = entry_key(cache, from);
    struct shard *shard = shard_of(cache, key.hash);

    if (!latch_try(&shard->latch))
        return false;
    if ((entry_state(from) & (ENTRY_SHOWN | ENTRY_HOLDS)) == ENTRY_SHOWN &&
        find_entry(cache, shard, &key, &slot) == from) {
        struct copying copying = {.force = true};
        enum err err = entry_copy(thread, from, &copying, &to);

        moved = err == ERR_OK;
        if (moved)
            move_entry(thread, slot, from, to, key.hash);
    }
    latch_unlock(&shard->latch);
    return moved;
}

bool compact_some(struct cache_thread *thread)
{
    uint32_t refs[MOVED_MAX];
    size_t count = 0;
    bool moved = false;

    if (!slab_sparse(thread->cache->slab, is_shown, refs, MOVED_MAX, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        moved |= move_place(thread, refs[i]);
    return moved;
}
