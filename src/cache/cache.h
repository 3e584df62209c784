/* cache.h: the engine: one store of entries for all doors and all threads.
 * SPDX-License-Identifier: MIT
 *
 * It decides what is fresh, stale or gone, who loads what is missing, what leaves when memory is
 * short, and it never gives out what an invalidation has removed. It has no clock (`now_ms` is a
 * parameter, in milliseconds on one monotonic axis), no socket and no thread of its own.
 *
 *   state of an entry over its life, as seen by cache_look at `now`:
 *
 *     stored         expires_ms            stale_until_ms            error_until_ms
 *       |---- FRESH ----|------ STALE --------|------ GRACE -------------|  (MISS, memory freed)
 *                         may be served while   may be served only when
 *                         one refresh runs      the load failed
 *
 *   Ordering never uses clocks: one 64-bit sequence numbers loads, invalidations, and what they
 *   may concern. A load draws its number when the miss is seen; what it brings is stored only if no
 *   invalidation of its key, its tags, its prefix or its space has a higher one.
 *
 * Memory: everything is charged to accounts below one whole (`cache_account`). The engine evicts
 *   to stay below `memory_max`; when nothing can be evicted a put returns ERR_FULL.
 * Threads: each thread that calls joins once (`cache_join`) and passes its handle to every call. A
 *   look-up of a plain value takes no lock. What cache_look shows stays readable until the same
 *   thread's next cache_turn (or cache_rest); a value that must be readable for longer is held.
 *   Writers lock the stripe of the key (its shard of the index); callers that need several steps or
 *   keys to be one step lock them with cache_lock, and all calls below work inside of it as they do
 *   outside.
 * Limits: keys CACHE_KEY_MAX, tags of an entry CACHE_TAGS_MAX, waiters a lease and leases in all by
 *   configuration (cache/cache.def).
 */
#ifndef LARDER_CACHE_CACHE_H
#define LARDER_CACHE_CACHE_H

#include "base/account.h"
#include "base/bytes.h"
#include "base/counter.h"
#include "base/err.h"
#include "base/list.h"
#include "base/random.h"
#include "base/setting.h"

enum {
    CACHE_KEY_MAX = 65535,      /* bytes */
    CACHE_TAGS_MAX = 128,       /* tags of one entry */
    CACHE_TAG_SIZE_MAX = 1024,  /* bytes of one tag */
    CACHE_LOCK_KEYS_MAX = 1024, /* keys of one cache_lock; more: cache_lock_all */
    CACHE_DATABASES = 16,       /* spaces 0 to 15 are the RESP databases */
    CACHE_SPACE_HTTP = 16,      /* gateway responses */
    CACHE_SPACE_LIBRARY = 17,   /* callers of liblarder */
    CACHE_SPACES = 18,
};

#define CACHE_NEVER INT64_MAX /* an expiry that does not come */

/* ---- birth ------------------------------------------------------------------------------- */

struct cache_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "cache/cache.def"
#undef SETTING
};

/* Why an entry left. */
enum cache_cause {
    CACHE_REPLACED, /* by a newer value of the same key */
    CACHE_REMOVED,  /* by cache_remove */
    CACHE_EXPIRED,  /* its time was over */
    CACHE_EVICTED,  /* memory was short */
    CACHE_PURGED,   /* by tag, prefix, match or space */
};

struct cache;
struct cache_thread;

/* `settings` is copied; `seed` makes hashing and sampling repeatable in tests, 0 draws a secret
 * from the system. Never NULL. */
struct cache *cache_new(const struct cache_settings *settings, uint64_t seed);

/* All threads have left, nothing is held, nobody waits. */
void cache_free(struct cache **owner);

/* The whole that `memory_max` bounds. Others (connections, buffers) make accounts below it, so
 * that the engine gives way when they grow. */
struct account *cache_account(struct cache *cache);

/* Changes the limit at run time; entries leave during the following turns. */
void cache_set_memory_max(struct cache *cache, size_t bytes);

/* Policies by name: "s3fifo", "lru", ... (cache/policy.h); takes effect with the next turn of any
 * thread. ERR_MISS: there is no such policy. */
enum err cache_set_policy(struct cache *cache, const char *name);

/* ---- threads ----------------------------------------------------------------------------- */

struct cache_thread *cache_join(struct cache *cache);
void cache_leave(struct cache_thread **owner);

/* To be called once a turn of the thread's loop, when it uses nothing that an earlier look-up
 * showed: gives back retired memory, expires what is due (a bounded amount), keeps the reserve of
 * free memory, replaces leaders whose lease ran out. Returns the time at which it wants to be
 * called again even if nothing else happens (CACHE_NEVER: no need). `now_ms` never goes back. */
int64_t cache_turn(struct cache_thread *thread, int64_t now_ms);

/* Within a long turn, between two batches of work: the thread uses nothing that it has looked at so
 * far (held entries apart). Cheap. Without it a thread that reads and writes much in one turn can
 * reuse nothing of what it replaces or evicts. Waits a little when the limit was passed and others
 * have yet to pass. */
void cache_pass(struct cache_thread *thread);

/* As cache_pass, before much memory is charged by others than the engine (objects, buffers): evicts
 * until so many bytes fit below the limit. No step is under way. ERR_FULL: they would not fit
 * whatever left, or nothing leaves any more. */
enum err cache_make_room(struct cache_thread *thread, size_t bytes);

/* Before the thread sleeps: others need not wait for it any longer. The next call of any function
 * with this handle must be cache_wake. */
void cache_rest(struct cache_thread *thread);
void cache_wake(struct cache_thread *thread);

/* ---- keys -------------------------------------------------------------------------------- */

/* A key is a name within a space. The name is a loan. Equal keys are equal in every byte of the
 * name; the hash only finds the place. */
struct cache_key {
    struct bytes name;
    uint64_t hash;
    uint8_t space;
};

struct cache_key cache_key(const struct cache *cache, unsigned space, struct bytes name);

/* ---- reading ----------------------------------------------------------------------------- */

enum cache_state { CACHE_MISS, CACHE_FRESH, CACHE_STALE, CACHE_GRACE };

/* What kind of value an entry holds. The engine tells plain bytes from objects; the other numbers
 * are the doors' (types/type.h, server/http/stored.h) and are only kept. */
enum { CACHE_KIND_PLAIN = 0 };

struct cache_entry; /* opaque: the stored thing */

struct cache_view {
    enum cache_state state;
    uint8_t kind;
    bool negative;             /* the source said that there is no such thing */
    bool soft_purged;          /* stale because of a soft purge, whatever its expiry says */
    struct bytes value;        /* empty for objects */
    void *object;              /* objects only: to be touched only under the key's lock */
    int64_t expires_ms;        /* CACHE_NEVER: does not expire */
    int64_t stale_until_ms;    /* >= expires_ms */
    int64_t error_until_ms;    /* >= stale_until_ms */
    struct cache_entry *entry; /* for cache_hold; NULL on a miss */
};

/* Shows what is stored. On a miss only `state` is set. Counts as a hit for eviction; cache_peek
 * does not count and is not counted. An entry whose lives are all over is a miss. */
enum cache_state cache_look(struct cache_thread *thread, struct cache_key key, int64_t now_ms,
                            struct cache_view *ret_view);
enum cache_state cache_peek(struct cache_thread *thread, struct cache_key key, int64_t now_ms,
                            struct cache_view *ret_view);

/* cache_look for each of the keys, in order, and faster, for they are waited for together: what a
 * key needs from memory is asked for some keys ahead. */
void cache_look_many(struct cache_thread *thread, const struct cache_key *keys, size_t count,
                     int64_t now_ms, struct cache_view *ret_views);

/* Ahead of a batch: starts to fetch the key's bucket (stage 0), some keys later the entry behind it
 * (stage 1) and, for keys that are going to be written, some keys later again what a write touches
 * beside it (stage 2) into the processor's cache. Harmless for any key. */
void cache_prefetch(struct cache_thread *thread, struct cache_key key, unsigned stage);

/* Keeps the viewed entry's bytes readable after the turn, whatever happens to the key. A small
 * value may be copied, and then the view shows the copy. Any thread may drop. NULL: no memory for
 * the copy. */
struct cache_entry *cache_hold(struct cache *cache, struct cache_view *view);
void cache_drop(struct cache *cache, struct cache_entry **owner);

/* ---- writing ----------------------------------------------------------------------------- */

struct cache_put {
    struct cache_key key;
    uint8_t kind;
    bool negative;
    struct bytes head;        /* the value is head followed by body, copied; */
    struct bytes body;        /*   either may be empty */
    void *object;             /* instead of bytes: taken by the engine on success */
    int64_t expires_ms;       /* absolute */
    int64_t stale_until_ms;   /* 0: as expires_ms */
    int64_t error_until_ms;   /* 0: as stale_until_ms. The last of the three at or before now: the
                               * value is delivered to those who wait and not stored, and what was
                               * stored before goes */
    const struct bytes *tags; /* purge handles; duplicates are harmless */
    size_t tag_count;
};

/* Stores, replacing what was there with its tags. A load of the key in flight is over: its waiters
 * are answered with this value, its late fill is dropped.
 * ERR_FULL     the memory limit leaves no room (policy noeviction, or all is held)
 * ERR_TOO_BIG  key, tags or value beyond their limits */
enum err cache_put(struct cache_thread *thread, const struct cache_put *put, int64_t now_ms);

/* Removes the key and unlinks a load of it in flight: what that load brings is delivered to those
 * who wait already and not stored. True: something (not yet over) was there. */
bool cache_remove(struct cache_thread *thread, struct cache_key key, int64_t now_ms);

/* Sets a new expiry (stale and error times follow at the same distance). At or before now removes;
 * what a soft purge has made stale gets no more time by it. False: there is no such key. The value,
 * its tags and its sequence stay. */
bool cache_set_expiry(struct cache_thread *thread, struct cache_key key, int64_t expires_ms,
                      int64_t now_ms);

/* Gives the key these tags in addition to those it has. ERR_MISS, ERR_FULL, ERR_TOO_BIG. */
enum err cache_tag(struct cache_thread *thread, struct cache_key key, const struct bytes *tags,
                   size_t tag_count, int64_t now_ms);

/* Calls `each` with every tag of the viewed entry. */
typedef void cache_tag_fn(void *context, struct bytes tag);
void cache_tags_of(struct cache_thread *thread, const struct cache_view *view, cache_tag_fn *each,
                   void *context);

/* ---- several steps as one ---------------------------------------------------------------- */

/* Locks the stripes of the keys, in order, once each. While a thread holds locks, every call with
 * one of these keys is part of the locked step, and a call that needs another stripe is a bug
 * (must). No other thread sees a state between the steps: a look-up that takes no lock waits when
 * its stripe is inside such a step. Where memory is short a put within cache_lock_all may evict
 * what the same step put before; with cache_lock it spares the step's own stripes. Do not sleep, do
 * not call back into a loop. */
void cache_lock(struct cache_thread *thread, const struct cache_key *keys, size_t count);
void cache_lock_all(struct cache_thread *thread);
void cache_unlock(struct cache_thread *thread);

/* ---- objects: values that change in place -------------------------------------------------- */

/* A mutable value (a list, a hash...). The engine owns it from cache_put on and calls `free` once
 * no thread can see it. Its memory is its maker's, who charges it to an account below
 * cache_account (base/pool.h). What it is worth when it leaves is told to the engine: `cost` at the
 * put, and asked for again at cache_object_changed. */
struct cache_object_ops {
    size_t (*cost)(const void *object);
    void (*free)(void *object);
};

/* Once at birth, for a kind that holds objects. `ops` must outlive the cache. */
void cache_set_object_ops(struct cache *cache, uint8_t kind, const struct cache_object_ops *ops);

/* After a change in place, under the key's lock: takes the new cost into account and tells the
 * watches. */
void cache_object_changed(struct cache_thread *thread, struct cache_key key, int64_t now_ms);

/* ---- watching a key ------------------------------------------------------------------------ */

/* Tells of every change of a key: put, remove, change in place, expiry, eviction, purge; for WATCH,
 * blocked readers, client tracking. `changed` is called under the key's lock, on whatever thread
 * made the change: it may set a flag or post a task, and must not call the engine. The watch
 * copies the key; it stays until cache_unwatch and is told as often as the key changes. An
 * invalidation of many keys (tag, prefix, space) tells every watch it may concern. */
struct cache_watch {
    struct list_node node;
    void (*changed)(struct cache_watch *watch);
    uint8_t *name;
    size_t name_size;
    uint64_t hash;
    uint8_t space;
};

void cache_watch(struct cache_thread *thread, struct cache_key key, struct cache_watch *watch,
                 void (*changed)(struct cache_watch *watch));

/* After it returned, `changed` is not running and is not called again. */
void cache_unwatch(struct cache_thread *thread, struct cache_watch *watch);

/* ---- loads: one at a time ---------------------------------------------------------------- */

enum cache_answer {
    CACHE_HIT,       /* `view` is fresh: use it */
    CACHE_HIT_STALE, /* `view` may be served stale; somebody else refreshes it already, or the last
                      * refresh failed and it is too early to try again (also of a GRACE value) */
    CACHE_HIT_LEAD,  /* `view` may be served stale, and you refresh it: `lease` is yours */
    CACHE_LEAD,      /* nothing usable (view: a miss, or what could be revalidated or served if the
                      * load fails): load it; `lease` is yours */
    CACHE_WAIT,      /* somebody loads it: `waiter` is called back */
    CACHE_JOIN, /* somebody loads it and shares already (cache_share): `shared` is held for you */
    CACHE_REFUSED, /* too many wait or load already, or no value could be stored under a key that is
                    * longer than CACHE_KEY_MAX (view as for CACHE_LEAD) */
};

/* The right, and the duty, to end one load. Ended by exactly one of cache_fill, cache_fail,
 * cache_unchanged, cache_abandon; plain data, may move between threads. */
struct cache_lease {
    uint64_t token;    /* 0: no lease */
    uint64_t sequence; /* drawn when the miss was seen */
    uint64_t hash;
};

enum cache_outcome {
    CACHE_FILLED,   /* `view` is the value; it may be one that was delivered and not stored */
    CACHE_SHARED,   /* the leader shares while it loads: `shared` is held for you */
    CACHE_FAILED,   /* the load failed with `err` */
    CACHE_PROMOTED, /* the leader gave up or ran out of time: `lease` is yours now */
    CACHE_RETRY,    /* ask again: what is loading is not for sharing (cache_disperse), or it was
                     * invalidated and nothing came of it */
};

struct cache_wake {
    enum cache_outcome outcome;
    enum err err;                  /* CACHE_FAILED */
    const struct cache_view *view; /* CACHE_FILLED: readable during the call only; hold or copy */
    void *shared;                  /* CACHE_SHARED */
    struct cache_lease lease;      /* CACHE_PROMOTED */
};

/* One who waits. Lives in the caller's memory until woken or cancelled. `woken` runs once, under
 * the stripe's lock, on the thread that ended the load: it copies what it needs, posts a task to
 * its own loop and must not call the engine (cache_hold is allowed). */
struct cache_waiter {
    void (*woken)(struct cache_waiter *waiter, const struct cache_wake *wake);
    /* The engine's own: */
    struct list_node node;
    struct load *load;
    void (*hold_shared)(void *shared);
    uint64_t hash;
    bool late;
};

struct cache_ask {
    int64_t lease_ms;                  /* a leader silent for longer is replaced; > 0 */
    bool refresh;                      /* treat a fresh value as stale: early or forced refresh */
    bool no_stale;                     /* STALE counts as a miss (must-revalidate) */
    bool no_wait;                      /* CACHE_REFUSED in place of CACHE_WAIT and CACHE_JOIN */
    void (*hold_shared)(void *shared); /* takes a reference for CACHE_JOIN and CACHE_SHARED; NULL:
                                        * the asker cannot share and waits for the whole value */
};

/* Look up and, if need be, take part in loading: the heart of every caching pattern. `waiter` may
 * be NULL with no_wait. */
enum cache_answer cache_get(struct cache_thread *thread, struct cache_key key,
                            const struct cache_ask *ask, int64_t now_ms,
                            struct cache_waiter *waiter, struct cache_view *ret_view,
                            struct cache_lease *ret_lease, void **ret_shared);

/* Ends the wait only; the load goes on. True: `woken` was not called and will not be. False: it
 * has been called. */
bool cache_cancel(struct cache_thread *thread, struct cache_waiter *waiter);

/* The load succeeded: stores and wakes all who wait.
 * ERR_DROPPED  the key, one of the tags or all was invalidated meanwhile, or the lease is no longer
 *              the caller's: those who waited since before got the value; nothing was stored.
 * ERR_FULL, ERR_TOO_BIG  not stored for want of room; delivered all the same. */
enum err cache_fill(struct cache_thread *thread, struct cache_lease *lease,
                    const struct cache_put *put, int64_t now_ms);

/* The source says that what was stored is still right (304): new times, same value. ERR_DROPPED:
 * the entry that the refresh was started for is no longer there. */
enum err cache_unchanged(struct cache_thread *thread, struct cache_lease *lease, int64_t expires_ms,
                         int64_t stale_until_ms, int64_t error_until_ms, int64_t now_ms);

/* The load failed: all who wait share the failure; nothing is stored; with a value in GRACE they
 * are the caller's to serve from it. Until `retry_ms` from now no new refresh of a stale value is
 * started. */
void cache_fail(struct cache_thread *thread, struct cache_lease *lease, enum err err,
                int64_t retry_ms, int64_t now_ms);

/* The leader cannot go on: the first who waits is promoted; if nobody waits the load is over. */
void cache_abandon(struct cache_thread *thread, struct cache_lease *lease, int64_t now_ms);

/* The leader has the beginning of an answer that may be shared: wakes all who wait with it and
 * gives it to all who ask until the lease ends. The lease keeps the caller's reference until then
 * and calls `drop_shared` on it. False: the lease is no longer the caller's (the reference stays
 * the caller's), nobody may join any more. */
bool cache_share(struct cache_thread *thread, struct cache_lease *lease, void *shared,
                 void (*drop_shared)(void *shared), int64_t now_ms);

/* The leader is alive and needs longer: the lease's time begins anew. False: the lease is no longer
 * the caller's. (cache_share does the same.) */
bool cache_extend(struct cache_thread *thread, const struct cache_lease *lease, int64_t now_ms);

/* The answer is not for sharing (private, uncacheable): wakes all who wait with CACHE_RETRY at once
 * and ends the lease. For `remember_ms` askers of the key get CACHE_LEAD with a zero lease: each
 * loads for itself. */
void cache_disperse(struct cache_thread *thread, struct cache_lease *lease, int64_t remember_ms,
                    int64_t now_ms);

/* ---- invalidation -------------------------------------------------------------------------- */

enum cache_purge_by {
    CACHE_BY_KEY,    /* `key` */
    CACHE_BY_TAG,    /* `name` is the tag; in all spaces */
    CACHE_BY_PREFIX, /* every key of `space` whose name begins with `name` */
    CACHE_BY_GLOB,   /* every key of `space` whose name fits the pattern `name` (base/glob.h) */
    CACHE_BY_TEST,   /* every key of `space` whose name fits `test` */
    CACHE_BY_SPACE,  /* everything in `space` */
    CACHE_BY_ALL,    /* everything in every space */
};

/* A question about names that the caller thought of. A purge that succeeds takes it over and drops
 * it when it is through; until then `fits` is called on any thread, and on several at a time. */
struct cache_test {
    bool (*fits)(const struct cache_test *test, struct bytes name);
    void (*drop)(struct cache_test *test);
};

struct cache_purge {
    enum cache_purge_by by;
    struct cache_key key;
    struct bytes name;
    struct cache_test *test;
    uint8_t space;
    bool soft; /* expire: stale and error times go on from now as if it had expired now; false: gone
                */
};

/* When it has returned, no new look-up sees what was stored before, and no load that began before
 * will be stored. By tag, space and all: a counter, whatever it holds; by prefix, glob and test: a
 * rule that look-ups obey until a sweep in the background is through. ERR_FULL: too many such
 * rules are being swept; try again. `ret_sequence` (may be NULL): its number. */
enum err cache_purge(struct cache_thread *thread, const struct cache_purge *purge, int64_t now_ms,
                     uint64_t *ret_sequence);

/* Whether a purge by tag, prefix, pattern, space or all with a higher number than `sequence`
 * concerns what a load of this key with these tags brings: for those who join a load that is shared
 * already and whose tags only its leader knows. The load must be in flight. */
bool cache_is_purged_since(struct cache_thread *thread, struct cache_key key,
                           const struct bytes *tags, size_t tag_count, uint64_t sequence);

/* How many entries a purge would concern, by walking all entries; removes nothing. */
size_t cache_purge_preview(struct cache_thread *thread, const struct cache_purge *purge,
                           int64_t now_ms);

/* ---- walking and counting ------------------------------------------------------------------ */

/* Calls `each` with living entries of a space in the order of their hashes, from `cursor` (0: the
 * beginning), until about `budget` index places were visited. Returns where to go on, 0: all was
 * seen. An entry that is there from the first to the last call is seen at least once, however the
 * index grows meanwhile. `each` is called under the lock of the entry's stripe: it may read the
 * view, and returns false to stop after this bucket. Within a step only cache_lock_all allows it.
 */
typedef bool cache_scan_fn(void *context, struct bytes name, const struct cache_view *view);

/* The same as cache_purge_preview, for a purge that is not by key; `each` sees every entry that it
 * would concern, under the lock of its stripe, and what it returns is not looked at. */
size_t cache_purge_list(struct cache_thread *thread, const struct cache_purge *purge,
                        cache_scan_fn *each, void *context, int64_t now_ms);

uint64_t cache_scan(struct cache_thread *thread, unsigned space, uint64_t cursor, size_t budget,
                    cache_scan_fn *each, void *context, int64_t now_ms);

/* Living entries of a space; exact when nothing else runs. */
size_t cache_count(const struct cache *cache, unsigned space);

/* A living entry at random; false: the space is empty. */
bool cache_random(struct cache_thread *thread, unsigned space, struct random *random,
                  int64_t now_ms, struct bytes *ret_name);

/* What the entry costs, everything included. */
size_t cache_cost(struct cache_thread *thread, const struct cache_view *view);

/* How often the entry was asked for lately: the logarithmic count of the policies lfu and
 * volatile-lfu, up to 255. False: another policy runs, which does not count so. */
bool cache_frequency(struct cache_thread *thread, const struct cache_view *view,
                     unsigned *ret_count);

/* The counts of cache/metrics.def, summed over all threads. */
struct cache_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "cache/metrics.def"
#undef METRIC
};

/* What the hit ratio would be with other amounts of memory, by miniature caches (whatif.h). */
enum { CACHE_WHATIFS = 6 };

struct cache_whatif {
    const char *memory; /* "0.25x", "0.5x", "1x", "2x", "4x", "8x": of the limit */
    double factor;
    double hit_ratio;
};

/* False: that is switched off, or too little was seen yet. */
bool cache_whatif(struct cache *cache, struct cache_whatif ret_rows[CACHE_WHATIFS]);

void cache_read_metrics(const struct cache *cache, struct cache_metrics *ret_metrics);

#endif
