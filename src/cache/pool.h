/* pool.h: memory for entries: pages in queues, in which entries lie one behind the other.
 * SPDX-License-Identifier: MIT
 *
 * A cache knows which of its things are old, and that is worth more than any cleverness about
 * sizes. So a page takes what comes in one after the other, whatever its size, and pages stand in
 * queues in the order of their making: the order of eviction is the order of the pages, and costs
 * an entry nothing. Whoever wants room takes the oldest page and goes through its entries: some
 * leave, others are copied to a younger page; then the whole page is free, for any size.
 *
 *   one region of addresses (region.h), cut into pages of one unit (64 KiB; 16 KiB below limits of
 *   128 MiB); what is larger than a quarter of that has a span of units for itself and is a page
 *   of one place:
 *
 *     queue 1: oldest                                newest, open
 *   +--------------------+--------------------+--------------------+
 *   |entry|entry|hole|ent|entry|   hole  |entr|entry|entry| never  |
 *   |                    |                    |           | given  |
 *   +--------------------+--------------------+--------------------+
 *                                              .... fresh ^
 *
 *   a place is named by a 32-bit reference: its distance from the region's start in grains of 8
 *   bytes (more for limits above 16 GiB). 0 names nothing. A page is named by its first unit.
 *
 * A place's first 8 bytes are a word (entry.h) that tells its size, also while it is a hole or
 * being made; so a page can be gone through from its start. Holes (what was removed or replaced)
 * are listed by queue and size, and one of the right size is given out before the open page grows:
 * it costs a page its order a little, so such a place is marked (ENTRY_YOUNG), and who goes through
 * an old page knows. When holes are many, or there is no other room, larger ones are cut.
 *
 * Each page knows the earliest end of its entries, or an earlier time; the pages stand in a wheel
 * by that time. So an end costs an entry no links either.
 *
 * Threads: all calls under the one latch that the pool's owner keeps, but names of places
 * (pool_at to pool_has), pool_cost, pool_queue_of, holds, and what may be asked without it as said
 * there. Limits: charged to the account given at birth, as the system backs it, 4 KiB at a time.
 */
#ifndef LARDER_CACHE_POOL_H
#define LARDER_CACHE_POOL_H

#include "cache/entry.h"
#include "cache/policy.h"
#include "cache/region.h"

enum {
    POOL_QUEUES = POLICY_QUEUES, /* numbered from 1 */
    POOL_SHARED_MAX = 16 << 10,  /* no page of many has a larger place; below 128 MiB a quarter */
};

struct pool;

/* Room for about `memory_max` bytes; `account` is charged with what the system backs. */
struct pool *pool_new(size_t memory_max, struct account *account);
void pool_free(struct pool **owner);

/* ---- places ------------------------------------------------------------------------------ */

struct pool_ask {
    size_t size;     /* bytes, > 0 */
    unsigned queue;  /* 1 .. POOL_QUEUES */
    int64_t ends_ms; /* of what is going to lie there; CACHE_NEVER: no end */
    bool force;      /* beyond the account's limit, if need be */
};

/* A place of `size` bytes, rounded up to whole grains, whose word says that it is being made. Its
 * size can be told only by its word: whatever is written there must tell a size (place_size) that
 * comes to the same grains. True in `ret_young`: it lies in an older page, and its word says so
 * (ENTRY_YOUNG), which the entry's word is to say as well.
 * ERR_FULL     the account refuses (never when `force`), or no addresses are free, and no hole fits
 * ERR_TOO_BIG  larger than the region could ever hold */
enum err pool_take(struct pool *pool, const struct pool_ask *ask, uint32_t *ret_ref,
                   bool *ret_young);

/* The place, whose word still tells its size, is a hole. Whoever could still read it must be gone.
 * A page without a place that is taken goes back to the region. */
void pool_give(struct pool *pool, uint32_t ref);

/* Before pool_give, without the latch: of what the place holds only its size is still wanted. */
void pool_forget(const struct pool *pool, const void *place);

void *pool_at(const struct pool *pool, uint32_t ref);
uint32_t pool_ref(const struct pool *pool, const void *place);

/* Where a reference leads: pool_at(ref) is pool_base + (ref << pool_shift). */
uint8_t *pool_base(const struct pool *pool);
unsigned pool_shift(const struct pool *pool);

/* Whether it lies in the region at all. */
bool pool_has(const struct pool *pool, const void *place);

/* What a place of `size` bytes costs: whole grains, or whole steps of 4 KiB when it has pages of
 * its own. */
size_t pool_cost(const struct pool *pool, size_t size);

/* ---- holds: only for places with pages of their own --------------------------------------- */

/* True: it has, and is held now: it is not given back before the last hold is dropped. Any thread
 * that may read the place may hold it, any thread may drop. */
bool pool_hold(struct pool *pool, const void *place);

/* True: the last hold of a place that was given up (pool_give_up): give it back. */
bool pool_drop(struct pool *pool, const void *place);

/* Nobody can find it any more, and who found it before and did not hold it is gone. True: nobody
 * holds it: give it back now; false: who drops the last hold does. Places in pages of many are
 * never held. */
bool pool_give_up(struct pool *pool, const void *place);

/* ---- pages in their order ---------------------------------------------------------------- */

/* What a queue holds. Places that are taken count also when their page is being emptied; bytes are
 * what they cost (pool_cost), and may be read without the latch. */
struct pool_queue {
    uint32_t oldest; /* page; 0: none */
    uint32_t newest;
    size_t count;
    _Atomic size_t bytes;
};

const struct pool_queue *pool_queue(const struct pool *pool, unsigned queue);

/* The queue of the page that the place is in, which the caller may see; without the latch it may be
 * another one by now. */
unsigned pool_queue_of(const struct pool *pool, uint32_t ref);
/* Ahead of it: starts to fetch what is known of the place's page. */
void pool_prefetch_page(const struct pool *pool, uint32_t ref);
unsigned pool_page_queue(const struct pool *pool, uint32_t page);

/* What is taken of the page. */
struct pool_places {
    size_t count;
    size_t bytes;
};
struct pool_places pool_page_places(const struct pool *pool, uint32_t page);

/* Whether it is a page of one place. */
bool pool_is_alone(const struct pool *pool, uint32_t page);

/* All pages become pages of this queue, those of the others its newest. */
void pool_unite(struct pool *pool, unsigned queue);

/* The page that follows in its queue, towards the newest; 0: there is none. */
uint32_t pool_next(const struct pool *pool, uint32_t page);

/* The page becomes the newest of the queue, as it is; only the open page stands behind it. Its
 * places count as old ones from now on, whatever their words say. */
void pool_requeue(struct pool *pool, uint32_t page, unsigned queue);

/* The places of a page that are taken (entries, and what is being made): starts with offset 0.
 * NULL: there are no more. `*offset` is moved behind the place. As long as the latch is held, any
 * place may be taken or given back between two steps; with its last place a page is gone. */
struct cache_entry *pool_walk(const struct pool *pool, uint32_t page, uint32_t *offset);

/* The same with an offset that the page keeps: from its start when pool_drain or the hand came to
 * it. */
struct cache_entry *pool_walk_on(const struct pool *pool, uint32_t page);

/* The page that a hand is at, which goes round over the pages of a queue from the oldest to the
 * newest; 0: the queue is empty. pool_hand_on lets it go on to the next page; it does so by itself
 * when its page leaves the queue. */
uint32_t pool_hand(struct pool *pool, unsigned queue);
void pool_hand_on(struct pool *pool);

/* Whether so many of its places came into the page later that its age says nothing about them. */
bool pool_is_refilled(const struct pool *pool, uint32_t page);

/* ---- emptying ---------------------------------------------------------------------------- */

/* Takes the page out of its queue: none of its holes is given out any more, and it goes when its
 * last place is given back. It still counts for its queue. */
void pool_drain(struct pool *pool, uint32_t page);

/* Whether the page is (still) being emptied. */
bool pool_is_draining(const struct pool *pool, uint32_t page);

/* Oldest first, pages that are being emptied; 0: none. */
uint32_t pool_draining(const struct pool *pool);
size_t pool_draining_count(const struct pool *pool);

/* It cannot be emptied: again a page of its queue, the newest but for the open one. */
void pool_undrain(struct pool *pool, uint32_t page);

/* A page that is worth emptying into others because of its holes; 0: none is. With `want` it need
 * not be worth much: any page with a fair share of holes will do. */
uint32_t pool_sparse(struct pool *pool, bool want);

/* ---- ends -------------------------------------------------------------------------------- */

/* The place ends earlier than was said when it was taken. */
void pool_ends_at(struct pool *pool, uint32_t ref, int64_t ends_ms);

/* A page with an entry whose end may have come at `now_ms`, taken out of the wheel: the caller
 * looks through it and says with pool_set_due when to look again (what is taken there in between
 * is known without). 0: none, or it takes longer to find it: as long as pool_due_ms says so, ask
 * again. */
uint32_t pool_due(struct pool *pool, int64_t now_ms);

/* Unless it is due earlier already. Nothing happens to a page that is gone. */
void pool_set_due(struct pool *pool, uint32_t page, int64_t due_ms);

/* Nothing is due before; CACHE_NEVER: nothing at all. May be asked without the latch. */
int64_t pool_due_ms(const struct pool *pool);

/* ---- large pages ------------------------------------------------------------------------- */

/* Memory that became whole and shall be one page of the system (blocks_collapse, without the
 * latch); NULL: there is none. pool_has_whole may be asked without the latch. */
bool pool_has_whole(const struct pool *pool);
void *pool_whole(struct pool *pool);

/* ---- figures: may be asked without the latch ----------------------------------------------- */

uint64_t pool_released(const struct pool *pool); /* pages that have gone back so far */
size_t pool_backed(const struct pool *pool);     /* bytes that the system backs */
size_t pool_taken(const struct pool *pool);      /* bytes of places that are taken */

#endif
