/* fill.c: how loads end. SPDX-License-Identifier: MIT
 *
 * A fill is stored with the number that its load drew when the miss was seen, not with a new one:
 * a purge that comes between the check here and the store is higher and so still counts.
 */
#include "cache/store.h"

/* ---- those who wait ---------------------------------------------------------------------- */

void waiter_leave(struct cache *cache, struct cache_waiter *waiter)
{
    list_leave(&waiter->node);
    must(waiter->load->waiter_count > 0);
    waiter->load->waiter_count--;
    waiter->load = NULL;
    atomic_fetch_sub(&cache->loads.waiter_count, 1);
}

static struct cache_waiter *first_waiter(const struct load *load)
{
    return list_owner(load->waiters.next, struct cache_waiter, node);
}

static void wake(struct cache_thread *thread, struct cache_waiter *waiter,
                 const struct cache_wake *news)
{
    waiter_leave(thread->cache, waiter);
    if (news->outcome == CACHE_FILLED || news->outcome == CACHE_SHARED)
        counter_add(&thread->metrics.leases_shared, 1);
    waiter->woken(waiter, news);
}

static void wake_all(struct cache_thread *thread, struct load *load, const struct cache_wake *news)
{
    while (!list_alone(&load->waiters))
        wake(thread, first_waiter(load), news);
}

/* All but those who came after a purge that may concern the load. */
static void wake_early(struct cache_thread *thread, struct load *load,
                       const struct cache_wake *news)
{
    for (struct list_node *at = load->waiters.next; at != &load->waiters;) {
        struct cache_waiter *waiter = list_owner(at, struct cache_waiter, node);

        at = at->next;
        if (!waiter->late)
            wake(thread, waiter, news);
    }
}

static void end_load(struct cache_thread *thread, struct shard *shard, struct load *load)
{
    load_end(&thread->cache->loads, &shard->loads, &load);
}

void load_promote(struct cache_thread *thread, struct shard *shard, struct load *load,
                  int64_t now_ms)
{
    struct cache_wake retry = {.outcome = CACHE_RETRY};
    struct cache_wake promoted = {.outcome = CACHE_PROMOTED};

    if (load->state == LOAD_DOOMED)
        wake_all(thread, load, &retry);
    if (list_alone(&load->waiters)) {
        end_load(thread, shard, load);
        return;
    }
    load_renew(&thread->cache->loads, load, add_saturated(now_ms, load->lease_ms));
    for (struct list_node *at = load->waiters.next; at != &load->waiters; at = at->next)
        list_owner(at, struct cache_waiter, node)->late = false;
    promoted.lease = (struct cache_lease){load->token, load->sequence, load->hash};
    counter_add(&thread->metrics.leases_led, 1);
    wake(thread, first_waiter(load), &promoted);
}

/* ---- loads that are over before they end ------------------------------------------------- */

void load_overtaken(struct cache_thread *thread, struct shard *shard, const struct cache_key *key,
                    const struct cache_view *view)
{
    struct load *load = load_of_key(&shard->loads, key);
    struct cache_wake news = {.outcome = view == NULL ? CACHE_RETRY : CACHE_FILLED, .view = view};

    if (load == NULL)
        return;
    wake_all(thread, load, &news);
    end_load(thread, shard, load);
}

static void doom(struct cache_thread *thread, struct shard *shard, struct load *load)
{
    if (load->state != LOAD_ALONE) /* which is counted apart, and for which nobody waits */
        load->state = LOAD_DOOMED;
    if (list_alone(&load->waiters))
        end_load(thread, shard, load);
}

void load_doomed(struct cache_thread *thread, struct shard *shard, const struct cache_key *key)
{
    struct load *load = load_of_key(&shard->loads, key);

    if (load != NULL)
        doom(thread, shard, load);
}

void loads_doomed(struct cache_thread *thread, struct shard *shard, watch_concerns_fn *concerns,
                  const void *context)
{
    uint32_t heads = shard->loads.heads == NULL ? 0 : shard->loads.mask + 1;

    for (uint32_t i = 0; i < heads && shard->loads.heads != NULL; i++) {
        for (struct load *load = shard->loads.heads[i]; load != NULL;) {
            struct load *next = load->next;
            struct cache_key key = {bytes_of(load->name, load->name_size), load->hash, load->space};

            if (load->state != LOAD_ALONE && load->state != LOAD_DOOMED && concerns(context, &key))
                doom(thread, shard, load);
            load = next;
        }
    }
}

/* ---- fill -------------------------------------------------------------------------------- */

struct filling {
    struct cache_thread *thread;
    struct shard *shard;
    const struct cache_put *put;
    const struct recipe *recipe;
    struct cache_entry *entry; /* NULL: it could not be made, or its time is over already */
    bool stored;
    int64_t now_ms;
};

/* The highest purge since the load began that concerns what it brings; 0: none. */
static uint64_t purged_meanwhile(const struct filling *fill, uint64_t sequence)
{
    struct cache *cache = fill->thread->cache;
    const struct cache_put *put = fill->put;
    const struct entry_extra *extra = fill->entry == NULL ? NULL : entry_extra(fill->entry);

    if (fill->entry == NULL)
        return purged_since_by_names(cache, &put->key, put->tags, put->tag_count, sequence);
    return purged_since(cache, &put->key, extra == NULL ? NULL : extra->tags,
                        extra == NULL ? 0 : (size_t)extra->tag_count, sequence);
}

/* Gives the value to those who wait; one that was purged meanwhile only to those who waited before.
 */
static void deliver(struct filling *fill, struct load *load, bool purged)
{
    struct cache_entry *loose = NULL;
    struct cache_entry *entry = fill->entry;
    struct cache_view view;
    struct cache_wake news = {.outcome = CACHE_FILLED, .view = &view};

    if (list_alone(&load->waiters))
        return;
    if (entry == NULL)
        entry = loose = entry_make_loose(fill->thread->cache, fill->recipe);
    if (entry == NULL)
        news = (struct cache_wake){.outcome = CACHE_FAILED, .err = ERR_FULL};
    else
        view_loose(entry, fill->now_ms, &view);
    if (purged)
        wake_early(fill->thread, load, &news);
    else
        wake_all(fill->thread, load, &news);
    if (loose != NULL)
        entry_let_go(fill->thread->cache, loose);
}

/* Whether the entry that a refresh was started for gave way to another one. */
static bool is_replaced(const struct filling *fill, const struct load *load)
{
    const struct cache *cache = fill->thread->cache;
    _Atomic uint32_t *slot = NULL;
    const struct cache_entry *entry = find_entry(cache, fill->shard, &fill->put->key, &slot);

    return load->replaces != 0 && entry != NULL && !verdict_of(cache, entry).gone &&
           entry_identity(entry) != load->replaces;
}

static enum err drop_fill(struct filling *fill, struct load *load, bool purged)
{
    counter_add(&fill->thread->metrics.fills_dropped, 1);
    deliver(fill, load, purged);
    /* Who came after the purge must not see this value: one of them loads anew. */
    load_promote(fill->thread, fill->shard, load, fill->now_ms);
    return ERR_DROPPED;
}

static enum err fill_load(struct filling *fill, struct load *load, enum err err)
{
    struct cache_thread *thread = fill->thread;
    bool purged = purged_meanwhile(fill, load->sequence) > 0;

    if (load->state == LOAD_DOOMED || purged || is_replaced(fill, load))
        return drop_fill(fill, load, purged);
    if (fill->entry != NULL) {
        if (entry_extra(fill->entry) == NULL)
            entry_count_clears(thread->cache, fill->entry);
        put_entry(thread, fill->shard, fill->entry, &fill->put->key);
        fill->stored = true;
    } else if (err == ERR_OK || fill->put->negative) {
        /* Nothing is to be stored; what was there is no longer so. */
        remove_now(thread, fill->shard, &fill->put->key, CACHE_REMOVED);
        tell_change(thread->cache, &fill->put->key);
    }
    deliver(fill, load, false);
    end_load(thread, fill->shard, load);
    return err;
}

static enum err make_fill(struct filling *fill)
{
    const struct cache *cache = fill->thread->cache;

    TRY(recipe_check(cache, fill->put));
    if (fill->recipe->error_until_ms <= fill->now_ms)
        return ERR_OK;
    if (!negative_fits(cache, fill->put)) {
        counter_add(&fill->thread->metrics.refused_full, 1);
        return ERR_FULL;
    }
    return entry_make(fill->thread, fill->recipe, &fill->entry);
}

enum err cache_fill(struct cache_thread *thread, struct cache_lease *lease,
                    const struct cache_put *put, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, put->key.hash);
    struct recipe recipe = recipe_of(put, lease->sequence);
    struct filling fill = {thread, shard, put, &recipe, NULL, false, now_ms};
    enum err err = lease->token == 0 ? ERR_DROPPED : make_fill(&fill);

    if (lease->token == 0)
        return ERR_DROPPED;
    must(lease->hash == put->key.hash);
    bool entered = shard_enter(thread, shard);
    struct load *load = load_of_token(&shard->loads, lease->hash, lease->token);

    if (load != NULL) {
        err = fill_load(&fill, load, err);
    } else {
        counter_add(&thread->metrics.fills_dropped, 1);
        err = ERR_DROPPED;
    }
    shard_leave(shard, entered);
    if (fill.entry != NULL && !fill.stored)
        entry_discard(cache, fill.entry);
    lease->token = 0;
    return err;
}

/* ---- other ends -------------------------------------------------------------------------- */

struct ending {
    struct cache_thread *thread;
    struct shard *shard;
    struct load *load;
    bool entered;
};

/* Finds the lease's record and takes its shard's latch; the lease is used up. */
static bool end_begin(struct cache_thread *thread, struct cache_lease *lease,
                      struct ending *ret_ending)
{
    struct shard *shard = shard_of(thread->cache, lease->hash);

    if (lease->token == 0)
        return false;
    *ret_ending = (struct ending){thread, shard, NULL, shard_enter(thread, shard)};
    ret_ending->load = load_of_token(&shard->loads, lease->hash, lease->token);
    lease->token = 0;
    if (ret_ending->load == NULL)
        shard_leave(shard, ret_ending->entered);
    return ret_ending->load != NULL;
}

static struct cache_key load_key(const struct load *load)
{
    return (struct cache_key){bytes_of(load->name, load->name_size), load->hash, load->space};
}

/* The same entry with new times and the load's number: soft purges before the load do not concern
 * it any more, those after it do. NULL: it was purged, or there is no room for its times. */
static struct cache_entry *revalidate(const struct ending *ending, _Atomic uint32_t *slot,
                                      struct cache_entry *entry, struct entry_times times)
{
    struct cache *cache = ending->thread->cache;
    const struct load *load = ending->load;
    struct cache_key key = load_key(load);
    const struct entry_extra *extra = entry_extra(entry);
    struct copying copying = {.extra = true};
    bool valid = false;

    latch_lock(&cache->purge_latch);
    valid = !verdict_of(cache, entry).gone &&
            purged_since(cache, &key, extra == NULL ? NULL : extra->tags,
                         extra == NULL ? 0 : (size_t)extra->tag_count, load->sequence) == 0;
    if (valid && extra != NULL)
        atomic_store_explicit(&entry_extra(entry)->sequence, load->sequence, memory_order_release);
    else if (valid)
        entry_count_clears(cache, entry);
    latch_unlock(&cache->purge_latch);
    if (!valid)
        return NULL;
    entry_clear(entry, ENTRY_SOFT);
    if (extra == NULL && times.error_ms > 0) {
        struct cache_entry *copy = NULL;

        if (entry_copy(ending->thread, entry, &copying, &copy) != ERR_OK)
            return NULL;
        atomic_store_explicit(&entry_extra(copy)->sequence, load->sequence, memory_order_relaxed);
        shard_move(ending->thread, slot, entry, copy);
        entry = copy;
    }
    if (entry_extra(entry) != NULL)
        atomic_store_explicit(&entry_extra(entry)->retry_ms, INT64_MIN, memory_order_relaxed);
    return shard_set_times(ending->thread, slot, entry, times);
}

static enum err end_unchanged(const struct ending *ending, struct entry_times times, int64_t now_ms)
{
    struct cache_thread *thread = ending->thread;
    struct load *load = ending->load;
    struct cache_key key = load_key(load);
    struct cache_view view;
    struct cache_wake news = {.outcome = CACHE_FILLED, .view = &view};
    _Atomic uint32_t *slot = NULL;
    struct cache_entry *entry = find_entry(thread->cache, ending->shard, &key, &slot);

    if (load->state == LOAD_DOOMED || entry == NULL || entry_identity(entry) != load->replaces)
        entry = NULL;
    else
        entry = revalidate(ending, slot, entry, times);
    if (entry == NULL) {
        counter_add(&thread->metrics.fills_dropped, 1);
        load_promote(thread, ending->shard, load, now_ms);
        return ERR_DROPPED;
    }
    view_loose(entry, now_ms, &view);
    wake_all(thread, load, &news);
    end_load(thread, ending->shard, load);
    return ERR_OK;
}

enum err cache_unchanged(struct cache_thread *thread, struct cache_lease *lease, int64_t expires_ms,
                         int64_t stale_until_ms, int64_t error_until_ms, int64_t now_ms)
{
    struct cache_put put = {.expires_ms = expires_ms,
                            .stale_until_ms = stale_until_ms,
                            .error_until_ms = error_until_ms};
    struct recipe recipe = recipe_of(&put, 0);
    struct entry_times times = {.expires_ms = expires_ms,
                                .stale_ms = time_between(expires_ms, recipe.stale_until_ms),
                                .error_ms = time_between(expires_ms, recipe.error_until_ms)};
    struct ending ending;
    enum err err = ERR_DROPPED;

    if (!end_begin(thread, lease, &ending))
        return ERR_DROPPED;
    err = end_unchanged(&ending, times, now_ms);
    shard_leave(ending.shard, ending.entered);
    return err;
}

void cache_fail(struct cache_thread *thread, struct cache_lease *lease, enum err err,
                int64_t retry_ms, int64_t now_ms)
{
    struct cache_wake news = {.outcome = CACHE_FAILED, .err = err};
    struct ending ending;
    _Atomic uint32_t *slot = NULL;

    if (!end_begin(thread, lease, &ending))
        return;
    struct cache_key key = load_key(ending.load);
    const struct cache_entry *entry = find_entry(thread->cache, ending.shard, &key, &slot);
    struct entry_extra *extra = entry == NULL ? NULL : entry_extra(entry);

    if (extra != NULL && ending.load->state != LOAD_DOOMED)
        atomic_store_explicit(&extra->retry_ms, add_saturated(now_ms, retry_ms),
                              memory_order_relaxed);
    wake_all(thread, ending.load, &news);
    end_load(thread, ending.shard, ending.load);
    shard_leave(ending.shard, ending.entered);
}

void cache_abandon(struct cache_thread *thread, struct cache_lease *lease, int64_t now_ms)
{
    struct ending ending;

    if (!end_begin(thread, lease, &ending))
        return;
    load_promote(thread, ending.shard, ending.load, now_ms);
    shard_leave(ending.shard, ending.entered);
}

void cache_disperse(struct cache_thread *thread, struct cache_lease *lease, int64_t remember_ms,
                    int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct cache_wake retry = {.outcome = CACHE_RETRY};
    struct ending ending;

    if (!end_begin(thread, lease, &ending))
        return;
    bool remembered = ending.load->state != LOAD_DOOMED && remember_ms > 0 &&
                      atomic_load(&cache->loads.alone_count) < cache->settings.leases_max;

    wake_all(thread, ending.load, &retry);
    if (remembered)
        load_leave_alone(&cache->loads, ending.load, add_saturated(now_ms, remember_ms));
    else
        end_load(thread, ending.shard, ending.load);
    shard_leave(ending.shard, ending.entered);
}

/* ---- while it loads ---------------------------------------------------------------------- */

static void share_with_waiters(struct cache_thread *thread, struct load *load)
{
    struct cache_wake news = {.outcome = CACHE_SHARED, .shared = load->shared};

    for (struct list_node *at = load->waiters.next; at != &load->waiters;) {
        struct cache_waiter *waiter = list_owner(at, struct cache_waiter, node);

        at = at->next;
        if (waiter->hold_shared == NULL || waiter->late)
            continue;
        waiter->hold_shared(load->shared);
        wake(thread, waiter, &news);
    }
}

bool cache_share(struct cache_thread *thread, struct cache_lease *lease, void *shared,
                 void (*drop_shared)(void *shared), int64_t now_ms)
{
    struct shard *shard = shard_of(thread->cache, lease->hash);
    bool entered = shard_enter(thread, shard);
    struct load *load = load_of_token(&shard->loads, lease->hash, lease->token);
    bool shares = lease->token != 0 && load != NULL && load->state == LOAD_LEADING;

    if (shares) {
        load->state = LOAD_SHARING;
        load->shared = shared;
        load->drop_shared = drop_shared;
        load_extend(&thread->cache->loads, load, add_saturated(now_ms, load->lease_ms));
        share_with_waiters(thread, load);
    }
    shard_leave(shard, entered);
    return shares;
}

bool cache_extend(struct cache_thread *thread, const struct cache_lease *lease, int64_t now_ms)
{
    struct shard *shard = shard_of(thread->cache, lease->hash);
    bool entered = shard_enter(thread, shard);
    struct load *load = load_of_token(&shard->loads, lease->hash, lease->token);
    bool extended = lease->token != 0 && load != NULL && load->state != LOAD_ALONE;

    if (extended)
        load_extend(&thread->cache->loads, load, add_saturated(now_ms, load->lease_ms));
    shard_leave(shard, entered);
    return extended;
}

/* ---- leaders that are silent ------------------------------------------------------------- */

static void end_due(struct cache_thread *thread, struct load_name name, int64_t now_ms)
{
    struct cache *cache = thread->cache;
    struct shard *shard = shard_of(cache, name.hash);
    bool entered = shard_enter(thread, shard);
    struct load *load = load_of_token(&shard->loads, name.hash, name.token);

    /* Between the naming and now its leader may have said that it is alive. */
    if (load != NULL && load->deadline_ms > now_ms) {
        shard_leave(shard, entered);
        return;
    }
    if (load != NULL && load->state == LOAD_ALONE) {
        load_end(&cache->loads, &shard->loads, &load);
    } else if (load != NULL) {
        counter_add(&thread->metrics.leases_expired, 1);
        load_promote(thread, shard, load, now_ms);
    }
    shard_leave(shard, entered);
}

void loads_turn(struct cache_thread *thread, int64_t now_ms)
{
    enum { DUE_MAX = 128 };
    struct load_name names[DUE_MAX];
    size_t count = loads_due(&thread->cache->loads, now_ms, names, DUE_MAX);

    for (size_t i = 0; i < count; i++)
        end_due(thread, names[i], now_ms);
}
