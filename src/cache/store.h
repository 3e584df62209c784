/* store.h: the engine's own view of itself, for the files of this room only.
 * SPDX-License-Identifier: MIT
 *
 * Which latch guards what. docs/design/engine.md tells the same as a story.
 *
 *   sweep.latch       where the sweep is; who has it may wait for shards, so it is only tried
 *   threads_latch     the threads, and what those that left had retired
 *   shard.latch       the shard's table, its entries' places in it, its loads
 *   order_latch       the pool and the policy      \
 *   the shelf's       the memory of tables          | leaves: under a shard's latch,
 *   purge_latch       the drawing of a purge's      | and under each only those named
 *                     number and its storing        | below it
 *   tag_stripe.latch  records of tags               |
 *   loads.latch       deadlines, order of loads     |
 *   watch_ring.latch  watches                      /
 *   whatif's          the miniature caches; who finds it taken goes on without
 *
 *   Several shards are locked in ascending order (cache_lock), never one by one. Whoever makes room
 *   only tries the latches of shards, and so may hold some.
 */
#ifndef LARDER_CACHE_STORE_H
#define LARDER_CACHE_STORE_H

#include "cache/cache.h"
#include "cache/epoch.h"
#include "cache/index.h"
#include "cache/latch.h"
#include "cache/load.h"
#include "cache/policy.h"
#include "cache/pool.h"
#include "cache/rules.h"
#include "cache/softening.h"
#include "cache/tags.h"
#include "cache/whatif.h"

#include "base/must.h"

enum {
    SHARDS_MIN = 64,
    SHARDS_MAX = 4096,
    RETIRED_BATCHES = 32, /* stamps that a thread's retired entries are told apart by */
    KINDS = 256,
    WATCH_RINGS = 256,
};

struct shard {
    alignas(64) _Atomic uint64_t table; /* table_word */
    _Atomic uint32_t steps; /* begun and ended; odd: inside a step of several, look-ups wait */
    alignas(64) struct latch latch;
    uint32_t entries;
    struct load_table loads;
};

struct watch_ring {
    struct latch latch;
    _Atomic uint32_t count;
    struct list_node watches;
};

/* Numbers of the purges that concern many; entries with lower numbers look closer. */
struct purges {
    alignas(64) _Atomic uint64_t last; /* of any kind */
    _Atomic uint64_t last_tag;
    _Atomic unsigned telling; /* purges by tag that are telling whom they concern */
    _Atomic uint64_t clears;  /* purges of spaces, prefixes and patterns so far */
    struct {
        struct purge_number hard;
        struct softening soft;       /* by numbers of the sequence, */
        struct softening soft_plain; /*   and by numbers of clears */
    } spaces[CACHE_SPACES];
};

struct sweep {
    struct latch latch;
    _Atomic uint64_t wanted; /* the newest purge that left something to sweep */
    _Atomic uint64_t done;   /* every purge up to this number was swept */
    _Atomic bool running;
    uint64_t began;        /* the number at which the running pass began, */
    uint64_t began_clears; /*   of either kind */
    uint64_t cursor;       /* where it goes on */
    _Atomic uint64_t done_clears;
};

/* Entries that were retired within one epoch. */
struct retired_batch {
    uint64_t stamp;
    size_t count;
    size_t bytes;
};

struct retired {
    struct retired_batch batches[RETIRED_BATCHES]; /* a ring, oldest first */
    unsigned first;
    unsigned count;
    uint32_t *refs; /* a ring of the entries of all batches; NULL: none yet */
    size_t refs_first;
    size_t refs_count;
    size_t refs_max; /* a power of two */
    bool held_back;  /* more could be given back at once */
    size_t bytes;
    size_t bytes_untold;  /* not in cache.retired_bytes yet */
    struct table *tables; /* oldest first */
    struct table *tables_last;
    struct rule *rules;
};

enum step { STEP_NONE, STEP_KEYS, STEP_ALL };

struct cache_thread {
    struct cache *cache;
    struct cache_thread *next;
    struct epoch_word *epoch;
    enum step step;
    bool looked; /* has seen something since it last passed an epoch */
    uint64_t held_words;
    uint64_t held[SHARDS_MAX / 64];
    struct retired retired;
    struct random random;
    uint64_t look_ups_told; /* hits and misses when the miniature caches were told last */
    struct cache_metrics metrics;
    uint64_t asked; /* requests so far, at the last turn */
};

struct cache {
    struct cache_settings settings;
    struct hash_secret secrets[CACHE_SPACES];
    struct places places;
    struct shelf *shelf; /* of the shards' tables */
    struct shard *shards;
    unsigned shard_bits;
    unsigned shard_count;
    struct pool *pool;
    struct purges purges;
    alignas(64) _Atomic uint64_t sequence;
    alignas(64) struct rules rules;
    struct epochs epochs;
    struct account whole;
    struct account values;
    struct account index;
    struct account tags_account;
    struct account objects;
    struct account loads_account;
    _Atomic size_t memory_max; /* what was asked for, */
    _Atomic size_t
        memory_now; /*   and what holds: after a lower one was set it comes down by turns */
    _Atomic size_t retired_bytes;
    _Atomic int64_t asked_ms; /* the last turn with a request */
    _Atomic size_t negative_bytes;
    _Atomic int64_t counts[CACHE_SPACES];
    alignas(64) struct whatif_gate whatif_gate;
    struct whatif *whatif; /* NULL: off */
    _Atomic int64_t whatif_due_ms;
    _Atomic size_t whatif_charged;
    alignas(64) struct latch order_latch;
    struct policy *policy;
    struct policy_marker policy_marker;
    _Atomic(struct policy *) policy_next; /* takes over with the next turn; NULL: none */
    size_t policy_charged;                /* bytes of what it remembers, in the index' account */
    uint32_t evicting;                    /* the page that is being emptied to make room; 0: none */
    uint32_t compacting;                  /* ... because of its holes */
    struct tags tags;
    struct loads loads;
    struct sweep sweep;
    struct latch purge_latch;
    struct watch_ring watch_rings[WATCH_RINGS];
    const struct cache_object_ops *object_ops[KINDS];
    struct latch threads_latch;
    struct cache_thread *threads;
    struct cache_metrics gone_metrics; /* of threads that left */
    struct retired orphans;            /* ... and what they had retired */
    _Atomic bool has_orphans;
};

/* ---- small things ------------------------------------------------------------------------ */

static inline struct cache_entry *entry_at(const struct cache *cache, uint32_t ref)
{
    return place_entry(cache->places, ref);
}

static inline uint32_t entry_ref(const struct cache *cache, const struct cache_entry *entry)
{
    return (uint32_t)((size_t)((const uint8_t *)entry - cache->places.base) >> cache->places.shift);
}

static inline unsigned shard_number(const struct cache *cache, uint64_t hash)
{
    return (unsigned)(hash >> (64 - cache->shard_bits));
}

static inline struct shard *shard_of(const struct cache *cache, uint64_t hash)
{
    return &cache->shards[shard_number(cache, hash)];
}

static inline uint32_t position_of(const struct cache *cache, uint64_t hash)
{
    return index_position(hash, cache->shard_bits);
}

static inline uint64_t shard_word(const struct shard *shard)
{
    return atomic_load_explicit(&shard->table, memory_order_acquire);
}

static inline struct table *shard_table(const struct shard *shard)
{
    return word_table(shard_word(shard));
}

static inline uint64_t sequence_draw(struct cache *cache)
{
    return atomic_fetch_add(&cache->sequence, 1) + 1;
}

static inline uint64_t sequence_now(const struct cache *cache)
{
    return atomic_load(&cache->sequence);
}

static inline uint64_t entry_hash(const struct cache *cache, const struct cache_entry *entry)
{
    return hash_bytes(cache->secrets[entry_space(entry)], entry_name(entry));
}

static inline struct cache_key entry_key(const struct cache *cache, const struct cache_entry *entry)
{
    return (struct cache_key){entry_name(entry), entry_hash(cache, entry),
                              (uint8_t)entry_space(entry)};
}

static inline bool holds_shard(const struct cache_thread *thread, unsigned number)
{
    return (thread->held[number / 64] >> (number % 64) & 1) != 0;
}

/* Most look-ups outside of the thread's own step would do no harm: only one that meets a step of
 * another thread would have to wait for it, which is not allowed. Debug builds find them all. */
static inline bool may_look(const struct cache_thread *thread, const struct shard *shard)
{
    return thread->step == STEP_NONE ||
           holds_shard(thread, (unsigned)(shard - thread->cache->shards));
}

/* ---- birth.c ----------------------------------------------------------------------------- */

/* Takes over a new policy, if one was set. */
void policy_turn(struct cache_thread *thread);

/* ---- lock.c ------------------------------------------------------------------------------ */

/* Takes the latch of the shard, unless the thread's step has it. True: to be left again. */
bool shard_enter(struct cache_thread *thread, struct shard *shard);

static inline void shard_leave(struct shard *shard, bool entered)
{
    if (entered)
        latch_unlock(&shard->latch);
}

/* A look-up without a latch: what was seen counts when no step began or ended meanwhile. */
static inline uint32_t steps_of(const struct shard *shard)
{
    return atomic_load_explicit(&shard->steps, memory_order_acquire);
}

bool steps_passed(const struct shard *shard, uint32_t before);

/* All shards, unless the thread's step has them. */
bool shards_enter_all(struct cache_thread *thread);
void shards_leave_all(struct cache_thread *thread, bool entered);

/* ---- verdict.c: what purges say about an entry ------------------------------------------- */

struct stamp stamp_of(const struct cache *cache, const struct cache_entry *entry);

/* A plain entry that nobody sees yet, or under the purge latch: no purge so far concerns it. */
void entry_count_clears(struct cache *cache, struct cache_entry *entry);

/* Tells an entry from others of its key while a load is in flight: a plain one has no number, but
 * nothing takes its place without ending the load. Never 0. */
uint64_t entry_identity(const struct cache_entry *entry);

struct verdict {
    bool gone;
    bool soft;       /* soft purged, at `soft_ms` */
    int64_t soft_ms; /* CACHE_NEVER: not */
};

struct verdict verdict_of(const struct cache *cache, const struct cache_entry *entry);

/* Fills the view from the entry at `now`. */
enum cache_state view_entry(const struct cache *cache, struct cache_entry *entry, int64_t now_ms,
                            struct cache_view *ret_view);

/* As what was just delivered: whatever its times say it is not a miss. */
void view_loose(struct cache_entry *entry, int64_t now_ms, struct cache_view *ret_view);

/* The highest number of a purge above `sequence` that concerns an entry made by this put (or a load
 * of its key); 0: none. */
uint64_t purged_since(const struct cache *cache, const struct cache_key *key,
                      struct tag *const *tags, size_t tag_count, uint64_t sequence);

/* The same for tags that nothing points at yet. */
uint64_t purged_since_by_names(struct cache *cache, const struct cache_key *key,
                               const struct bytes *tags, size_t tag_count, uint64_t sequence);

/* ---- look.c ------------------------------------------------------------------------------ */

/* The key's entry as it stands in the index, valid or not; NULL: none. */
struct cache_entry *find_entry(const struct cache *cache, const struct shard *shard,
                               const struct cache_key *key, _Atomic uint32_t **ret_slot);

/* A look-up under the shard's latch, or by a reader that found no step under way. Not counted. */
enum cache_state look_shard(struct cache_thread *thread, const struct shard *shard,
                            const struct cache_key *key, int64_t now_ms,
                            struct cache_view *ret_view);

/* Counts it as a hit for eviction. */
void entry_hit(struct cache_thread *thread, struct cache_entry *entry);

/* ---- make.c: entries before they are shown and after ------------------------------------- */

/* What an entry is made of, when it is not a put from outside. */
struct recipe {
    const struct cache_put *put;
    uint64_t sequence;
    int64_t stale_until_ms; /* resolved */
    int64_t error_until_ms;
    unsigned queue; /* that the policy chose; 0: it was not asked yet */
};

struct recipe recipe_of(const struct cache_put *put, uint64_t sequence);
enum err recipe_check(const struct cache *cache, const struct cache_put *put);

/* A new entry that nobody sees yet. Makes room for it. No latch but those of a step is held. */
enum err entry_make(struct cache_thread *thread, const struct recipe *recipe,
                    struct cache_entry **ret_entry);

/* The same under the shard's latch, if it is small and there is a place without making room: the
 * usual case, in which the key is looked up once. `old`: what the key has now. ERR_FULL: not so. */
enum err entry_make_at_once(struct cache *cache, struct recipe *recipe,
                            const struct cache_entry *old, struct cache_entry **ret_entry);

/* The same on the heap of the process, held once, to be shown to those who wait and not to be
 * stored; NULL: no memory. */
struct cache_entry *entry_make_loose(struct cache *cache, const struct recipe *recipe);

/* A copy at another place, not shown yet. The old one is to be retired as moved: the object is the
 * copy's. Both have their tags, for somebody may hold the old one for long. On success the copy
 * owns the new tags. */
struct copying {
    bool ends;               /* the copy has room for an expiry, */
    bool extra;              /*   and for an entry_extra, whether the old one has or not, */
    struct tag *const *tags; /*   with these tags, which are taken, behind the old ones */
    size_t tag_count;
    unsigned queue; /* 0: that of the old one */
};
enum err entry_copy(struct cache_thread *thread, const struct cache_entry *from,
                    const struct copying *copying, struct cache_entry **ret_entry);

/* Nobody can find them any more: they go now, or with the last who holds them. `refs` is scribbled
 * on. */
void entries_let_go(struct cache *cache, uint32_t *refs, size_t count);
void entry_let_go(struct cache *cache, struct cache_entry *entry);

/* The same for one that was made and not stored: its object stays the caller's. */
void entry_discard(struct cache *cache, struct cache_entry *entry);

/* `object` may be NULL. */
void object_free(const struct cache *cache, uint8_t kind, void *object);

/* The engine's own bytes for it, and its object's. */
size_t entry_cost(const struct cache *cache, const struct cache_entry *entry);

/* ---- shard.c: showing, replacing and taking out, under the shard's latch ------------------ */

void shard_show(struct cache_thread *thread, struct shard *shard, struct cache_entry *entry,
                uint64_t hash);
void shard_replace(struct cache_thread *thread, _Atomic uint32_t *slot, struct cache_entry *old,
                   struct cache_entry *entry);

/* The copy takes the old one's place, its object and whoever waits for it. */
void shard_move(struct cache_thread *thread, _Atomic uint32_t *slot, struct cache_entry *from,
                struct cache_entry *to);
void shard_remove(struct cache_thread *thread, struct shard *shard, _Atomic uint32_t *slot,
                  struct cache_entry *entry, uint64_t hash, enum cache_cause cause);

/* A new end for an entry that is shown. One that had no room for it gives way to a copy, which is
 * returned; NULL: no memory. */
struct entry_times {
    int64_t expires_ms;
    int64_t stale_ms; /* distances; only for entries that have an extra */
    int64_t error_ms;
    bool keep_distances;
};
struct cache_entry *shard_set_times(struct cache_thread *thread, _Atomic uint32_t *slot,
                                    struct cache_entry *entry, struct entry_times times);

/* ---- put.c ------------------------------------------------------------------------------- */

/* Whether a negative answer's share of memory allows for one more. Others always fit. */
bool negative_fits(const struct cache *cache, const struct cache_put *put);

/* Under the shard's latch. */
void put_entry(struct cache_thread *thread, struct shard *shard, struct cache_entry *entry,
               const struct cache_key *key);
void remove_now(struct cache_thread *thread, struct shard *shard, const struct cache_key *key,
                enum cache_cause cause);

/* ---- retire.c ---------------------------------------------------------------------------- */

void retire_entry(struct cache_thread *thread, struct cache_entry *entry);
void retire_table(struct cache_thread *thread, struct table *table);
void retire_rule(struct cache_thread *thread, struct rule *rule);

/* Gives back what nobody can see any more, until so many pages have come to their end by it. True:
 * something. */
bool retired_reclaim(struct cache_thread *thread, uint64_t pages_max);

/* A thread that leaves. Under the threads' latch. */
void retired_hand_over(struct cache *cache, struct retired *from, struct retired *to);

/* Nobody reads any more. */
void retired_free_all(struct cache *cache, struct retired *retired);
bool retired_is_empty(const struct retired *retired);

/* ---- room.c: making room ----------------------------------------------------------------- */

/* A place, others evicted for it if need be. */
struct room_ask {
    size_t size;
    uint64_t hash;
    unsigned queue; /* 0: the policy chooses */
    int64_t ends_ms;
    bool force; /* beyond the limit if need be: a place is given back soon */
};
enum err room_take(struct cache_thread *thread, struct room_ask *ask,
                   struct cache_entry **ret_entry, bool *ret_young);

/* Between two pieces of work: if the limit was passed by much, makes room and waits a little for
 * others to come to an end of what they look at. */
void room_repay(struct cache_thread *thread);

/* The same until so many bytes fit below the limit. ERR_FULL: they do not. */
enum err room_clear(struct cache_thread *thread, size_t bytes);

/* The limit that holds from now on. */
void room_limit(struct cache *cache, size_t bytes);

/* Once a turn: keeps a reserve. True: there is more to do. */
bool room_keep(struct cache_thread *thread);

/* ---- order.c: which entries leave or move, page by page ------------------------------------ */

/* A place of the pool, without making room. `ask->queue` is what the policy chose, if it was 0. */
enum err order_take(struct cache *cache, struct room_ask *ask, uint32_t *ret_ref, bool *ret_young);

/* Places that nobody reads any more. */
void order_give(struct cache *cache, const uint32_t *refs, size_t count);

/* Evicts about so many bytes. Returns the bytes of what was evicted or moved; their pages come free
 * when nobody reads them any more. */
size_t order_evict(struct cache_thread *thread, size_t bytes);

/* Another place for whatever lives in a page with many holes. With `want` fewer will do. True:
 * something was moved. */
bool order_compact(struct cache_thread *thread, bool want);

/* Makes one large page of what became whole, if there is such. True: it did. */
bool order_collapse(struct cache *cache);

/* The new policy, which is taken, decides from now on about all that is there. */
void order_take_over(struct cache *cache, struct policy *policy);

/* ---- watch.c ----------------------------------------------------------------------------- */

/* Tells those who watch the key. Under its shard's latch. */
void tell_change(struct cache *cache, const struct cache_key *key);

/* Tells all whose key is concerned. */
typedef bool watch_concerns_fn(const void *context, const struct cache_key *key);
void tell_all(struct cache *cache, watch_concerns_fn *concerns, const void *context);

/* ---- fill.c: under the shard's latch ----------------------------------------------------- */

/* An explicit put ends a load of the key: those who wait get `view` (NULL: they ask again). */
void load_overtaken(struct cache_thread *thread, struct shard *shard, const struct cache_key *key,
                    const struct cache_view *view);

/* An invalidation: the load is not found by its key any more. */
void load_doomed(struct cache_thread *thread, struct shard *shard, const struct cache_key *key);

/* The same for all loads of the shard whose keys are concerned. */
void loads_doomed(struct cache_thread *thread, struct shard *shard, watch_concerns_fn *concerns,
                  const void *context);

/* The leader is gone: the first who waits leads; if nobody waits the load is over. */
void load_promote(struct cache_thread *thread, struct shard *shard, struct load *load,
                  int64_t now_ms);

void waiter_leave(struct cache *cache, struct cache_waiter *waiter);

/* Replaces leaders that are silent for too long. No latch is held. */
void loads_turn(struct cache_thread *thread, int64_t now_ms);

/* ---- whatif_feed.c: nothing of this when whatif_gate takes nothing -------------------------- */

void whatif_begin(struct cache *cache, const struct policy_settings *settings);
void whatif_turn(struct cache *cache, int64_t now_ms);

/* `entry`: what was found; NULL: nothing. After the look-up was counted. */
void whatif_tell_look(struct cache_thread *thread, uint64_t hash, const struct cache_entry *entry,
                      int64_t now_ms);
void whatif_tell_put(struct cache *cache, uint64_t hash, const struct cache_entry *entry);
void whatif_tell_gone(struct cache *cache, uint64_t hash);

/* ---- counts.c ---------------------------------------------------------------------------- */

void metrics_add(struct cache_metrics *to, const struct cache_metrics *from);

/* ---- sweep.c, expire.c ------------------------------------------------------------------- */

/* True: there is more to do. */
bool sweep_turn(struct cache_thread *thread);

/* For want of room: goes on with a sweep at once, also within a step. True: it came further. */
bool sweep_ahead(struct cache_thread *thread);
void sweep_want(struct cache *cache, uint64_t sequence);
bool expire_turn(struct cache_thread *thread, int64_t now_ms);

#endif
