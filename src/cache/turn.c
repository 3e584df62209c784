/* turn.c: threads, and what each does once a turn. SPDX-License-Identifier: MIT */
#include "cache/store.h"

#include "base/mem.h"

enum {
    EXPIRY_PAUSE_MS = 100, /* expiries are gathered for so long: a second is promised */
    WORK_PAUSE_MS = 1,     /* until background work goes on */
    PASS_BYTES = 64 << 10, /* retired bytes that are worth a look at the other threads */
    IDLE_MS = 100,         /* without a request, until large pages are made */
    PAGES_GONE_MAX = 4,    /* that come to their end in one turn: some tenths of a millisecond */
    RETIRED_PAUSE_MS = 20, /* until what other threads may still read is asked for again */
};

struct cache_thread *cache_join(struct cache *cache)
{
    struct cache_thread *thread = mem_new(1, sizeof *thread);

    thread->cache = cache;
    thread->epoch = epoch_join(&cache->epochs);
    random_init(&thread->random, cache->secrets[0].words[0] + sequence_draw(cache));
    latch_lock(&cache->threads_latch);
    thread->next = cache->threads;
    cache->threads = thread;
    latch_unlock(&cache->threads_latch);
    return thread;
}

void cache_leave(struct cache_thread **owner)
{
    struct cache_thread *thread = *owner;
    struct cache *cache = NULL;

    if (thread == NULL)
        return;
    cache = thread->cache;
    must(thread->step == STEP_NONE);
    latch_lock(&cache->threads_latch);
    struct cache_thread **at = &cache->threads;

    while (*at != thread)
        at = &(*at)->next;
    *at = thread->next;
    metrics_add(&cache->gone_metrics, &thread->metrics);
    retired_hand_over(cache, &thread->retired, &cache->orphans);
    latch_unlock(&cache->threads_latch);
    epoch_leave(&cache->epochs, thread->epoch);
    mem_free(owner);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether something waits for an idle time. */
static bool wants_idle(const struct cache *cache)
{
    return pool_has_whole(cache->pool) || shelf_has_whole(cache->shelf);
}

static int64_t next_turn(const struct cache_thread *thread, int64_t now_ms, bool more)
{
    const struct cache *cache = thread->cache;
    int64_t expiry = pool_due_ms(cache->pool);

    if (more)
        return now_ms + WORK_PAUSE_MS;
    if (expiry != CACHE_NEVER && expiry < now_ms + EXPIRY_PAUSE_MS)
        expiry = now_ms + EXPIRY_PAUSE_MS;
    expiry = earlier(expiry, loads_due_ms(&cache->loads));
    if (!retired_is_empty(&thread->retired))
        expiry = earlier(expiry, now_ms + RETIRED_PAUSE_MS);
    if (wants_idle(cache))
        expiry = earlier(expiry, now_ms + IDLE_MS);
    return expiry;
}

/* A large page takes the system half a millisecond, or ten where a hypervisor has to find the
 * memory first: that is left for times when nobody asks for anything. */
static bool collapse_idle(struct cache_thread *thread, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    const struct cache_metrics *metrics = &thread->metrics;
    uint64_t asked = counter_read(&metrics->hits) + counter_read(&metrics->misses) +
                     counter_read(&metrics->puts) + counter_read(&metrics->removes);

    if (asked != thread->asked) {
        thread->asked = asked;
        atomic_store_explicit(&cache->asked_ms, now_ms, memory_order_relaxed);
    }
    if (now_ms - atomic_load_explicit(&cache->asked_ms, memory_order_relaxed) < IDLE_MS)
        return false;
    return order_collapse(cache) || shelf_collapse(cache->shelf);
}

/* A sweep empties pages all over, and at its end they go all at once. */
static uint64_t pages_gone_max(const struct cache_thread *thread)
{
    bool swept = atomic_load(&thread->cache->sweep.running) || thread->retired.held_back;

    return swept ? PAGES_GONE_MAX : UINT64_MAX;
}

int64_t cache_turn(struct cache_thread *thread, int64_t now_ms)
{
    uint64_t pages_max = 0;
    bool more = false;

    must(thread->step == STEP_NONE);
    policy_time(&thread->cache->policy_marker, now_ms);
    policy_turn(thread);
    whatif_turn(thread->cache, now_ms);
    loads_turn(thread, now_ms);
    more = expire_turn(thread, now_ms);
    pages_max = pages_gone_max(thread);
    more |= sweep_turn(thread);
    more |= room_keep(thread);
    more |= collapse_idle(thread, now_ms);
    thread->looked = false;
    (void)retired_reclaim(thread, pages_max);
    more |= thread->retired.held_back;
    more |= tags_tidy(&thread->cache->tags);
    return next_turn(thread, now_ms, more);
}

void cache_pass(struct cache_thread *thread)
{
    must(thread->step == STEP_NONE);
    thread->looked = false;
    /* Others may be waiting for this thread to look away. */
    if (thread->retired.bytes >= PASS_BYTES ||
        atomic_load_explicit(&thread->cache->retired_bytes, memory_order_relaxed) >= PASS_BYTES)
        (void)retired_reclaim(thread, pages_gone_max(thread));
    room_repay(thread);
}

enum err cache_make_room(struct cache_thread *thread, size_t bytes)
{
    must(thread->step == STEP_NONE);
    thread->looked = false;
    return room_clear(thread, bytes);
}

void cache_rest(struct cache_thread *thread)
{
    must(thread->step == STEP_NONE);
    thread->looked = false;
    epoch_rest(thread->epoch);
}

void cache_wake(struct cache_thread *thread)
{
    epoch_wake(&thread->cache->epochs, thread->epoch);
}
