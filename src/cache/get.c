/* get.c: look up and, if need be, take part in loading. SPDX-License-Identifier: MIT */
#include "cache/store.h"

/* One call of cache_get, under the shard's latch. */
struct getting {
    struct cache_thread *thread;
    struct shard *shard;
    const struct cache_key *key;
    const struct cache_ask *ask;
    int64_t now_ms;
    struct cache_waiter *waiter;
    struct cache_view *view;
    struct cache_lease *lease;
    void **shared;
    struct load *load;
};

/* The number of the entry in view, whose own changes in place do not count; 0: nothing there. */
static uint64_t entry_number(const struct getting *get)
{
    return get->view->state == CACHE_MISS ? 0 : entry_identity(get->view->entry);
}

static enum cache_answer lead(struct getting *get, enum cache_answer leading,
                              enum cache_answer refused)
{
    struct cache *cache = get->thread->cache;
    int64_t deadline_ms = add_saturated(get->now_ms, get->ask->lease_ms);
    struct load *load = load_begin(&cache->loads, &get->shard->loads, get->key, deadline_ms,
                                   cache->settings.leases_max);

    if (load == NULL) {
        counter_add(&get->thread->metrics.leases_refused, 1);
        return refused;
    }
    load->lease_ms = get->ask->lease_ms;
    load->replaces = entry_number(get);
    *get->lease = (struct cache_lease){load->token, load->sequence, load->hash};
    counter_add(&get->thread->metrics.leases_led, 1);
    return leading;
}

static enum cache_answer refuse(struct getting *get)
{
    counter_add(&get->thread->metrics.leases_refused, 1);
    return CACHE_REFUSED;
}

/* Between the load's beginning and now a tag was purged, maybe one that the load will bring. */
static bool is_doubtful(const struct cache *cache, const struct load *load)
{
    return atomic_load_explicit(&cache->purges.last_tag, memory_order_acquire) > load->sequence;
}

static enum cache_answer wait(struct getting *get)
{
    struct cache *cache = get->thread->cache;
    struct cache_waiter *waiter = get->waiter;

    if (get->ask->no_wait || get->load->waiter_count >= cache->settings.waiters_max)
        return refuse(get);
    waiter->load = get->load;
    waiter->hash = get->key->hash;
    waiter->late = is_doubtful(cache, get->load);
    waiter->hold_shared = get->ask->hold_shared;
    list_append(&get->load->waiters, &waiter->node);
    get->load->waiter_count++;
    atomic_fetch_add(&cache->loads.waiter_count, 1);
    return CACHE_WAIT;
}

static enum cache_answer join(struct getting *get)
{
    struct cache *cache = get->thread->cache;

    /* Nobody new joins a stream that may turn out to have been purged. */
    if (is_doubtful(cache, get->load)) {
        load_doomed(get->thread, get->shard, get->key);
        return lead(get, CACHE_LEAD, CACHE_REFUSED);
    }
    if (get->ask->no_wait)
        return refuse(get);
    if (get->ask->hold_shared == NULL)
        return wait(get);
    must(get->shared != NULL);
    get->ask->hold_shared(get->load->shared);
    *get->shared = get->load->shared;
    counter_add(&get->thread->metrics.leases_shared, 1);
    return CACHE_JOIN;
}

static bool retries_later(const struct getting *get)
{
    const struct entry_extra *extra = NULL;

    if (get->view->state == CACHE_MISS)
        return false;
    extra = entry_extra(get->view->entry);
    return extra != NULL &&
           atomic_load_explicit(&extra->retry_ms, memory_order_relaxed) > get->now_ms;
}

/* The key's record as it stands now: those whose time is over are dealt with first. */
static void find_load(struct getting *get)
{
    struct cache *cache = get->thread->cache;

    get->load = load_of_key(&get->shard->loads, get->key);
    if (get->load == NULL || get->load->deadline_ms > get->now_ms)
        return;
    if (get->load->state == LOAD_ALONE)
        load_end(&cache->loads, &get->shard->loads, &get->load);
    else
        load_promote(get->thread, get->shard, get->load, get->now_ms);
    get->load = load_of_key(&get->shard->loads, get->key);
}

static enum cache_answer take_part(struct getting *get)
{
    enum cache_state state = get->view->state;
    bool usable = !get->ask->no_stale && (state == CACHE_FRESH || state == CACHE_STALE);

    find_load(get);
    if (get->load != NULL && get->load->state == LOAD_ALONE)
        return CACHE_LEAD;
    if (usable && (get->load != NULL || retries_later(get)))
        return CACHE_HIT_STALE;
    if (usable)
        return lead(get, CACHE_HIT_LEAD, CACHE_HIT_STALE);
    if (get->load == NULL && !get->ask->no_stale && retries_later(get))
        return CACHE_HIT_STALE;
    if (get->load == NULL)
        return lead(get, CACHE_LEAD, CACHE_REFUSED);
    return get->load->state == LOAD_SHARING ? join(get) : wait(get);
}

static enum cache_answer get_locked(struct getting *get)
{
    struct cache_thread *thread = get->thread;
    enum cache_state state = look_shard(thread, get->shard, get->key, get->now_ms, get->view);

    if (state == CACHE_FRESH && !get->ask->refresh)
        return CACHE_HIT;
    return take_part(get);
}

static void count_answer(const struct getting *get, enum cache_answer answer)
{
    struct cache_thread *thread = get->thread;
    struct cache_entry *entry = NULL;

    if (answer == CACHE_HIT || answer == CACHE_HIT_STALE || answer == CACHE_HIT_LEAD) {
        counter_add(&thread->metrics.hits, 1);
        entry = get->view->entry;
        entry_hit(thread, entry);
    } else {
        counter_add(&thread->metrics.misses, 1);
    }
    if (whatif_takes(&thread->cache->whatif_gate, get->key->hash))
        whatif_tell_look(thread, get->key->hash, entry, get->now_ms);
}

/* One call for every pattern has eight parameters. NOLINTNEXTLINE(readability-function-size) */
enum cache_answer cache_get(struct cache_thread *thread, struct cache_key key,
                            const struct cache_ask *ask, int64_t now_ms,
                            struct cache_waiter *waiter, struct cache_view *ret_view,
                            struct cache_lease *ret_lease, void **ret_shared)
{
    struct shard *shard = shard_of(thread->cache, key.hash);
    struct getting get = {.thread = thread,
                          .shard = shard,
                          .key = &key,
                          .ask = ask,
                          .now_ms = now_ms,
                          .waiter = waiter,
                          .view = ret_view,
                          .lease = ret_lease,
                          .shared = ret_shared};
    enum cache_answer answer = CACHE_HIT;

    must(ask->no_wait || waiter != NULL);
    must(ask->lease_ms > 0);
    *ret_lease = (struct cache_lease){0};
    if (ret_shared != NULL)
        *ret_shared = NULL;
    if (ask->refresh || cache_peek(thread, key, now_ms, ret_view) != CACHE_FRESH) {
        bool entered = shard_enter(thread, shard);

        answer = get_locked(&get);
        shard_leave(shard, entered);
    }
    count_answer(&get, answer);
    return answer;
}

bool cache_cancel(struct cache_thread *thread, struct cache_waiter *waiter)
{
    struct shard *shard = shard_of(thread->cache, waiter->hash);
    bool entered = shard_enter(thread, shard);
    bool waits = waiter->load != NULL;

    if (waits)
        waiter_leave(thread->cache, waiter);
    shard_leave(shard, entered);
    return waits;
}
