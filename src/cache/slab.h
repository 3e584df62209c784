/* slab.h: memory for entries: places of fixed sizes, cut from pages, that can be emptied by moving.
 * SPDX-License-Identifier: MIT
 *
 * A general allocator keeps what a long life of mixed sizes leaves behind: holes. Here a page
 * (64 KiB) holds places of one size, and a page that became sparse is emptied by moving what lives
 * in it, so that `used` stays near what is stored and memory goes back to the system.
 *
 *   one region of addresses, reserved at birth, backed by memory as it is used:
 *
 *     page 0    page 1    page 2 ... 5 (a large place: whole pages, backed in steps of 4 KiB)
 *   +---------+---------+----------------------------------------+----
 *   |48|48|48 |160 |160 |                                         |
 *   +---------+---------+----------------------------------------+----
 *
 *   a place is named by a 32-bit reference: its distance from the region's start in units of 16
 *   bytes (more for limits above 16 GiB). 0 names nothing.
 *
 * Threads: any; one lock inside. Limits: charged to the account given at birth, page by page.
 */
#ifndef LARDER_CACHE_SLAB_H
#define LARDER_CACHE_SLAB_H

#include "base/account.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct slab;

enum { SLAB_ZEROED = 16 };

/* Room for about `memory_max` bytes; `account` is charged with what the system backs. */
struct slab *slab_new(size_t memory_max, struct account *account);
void slab_free(struct slab **owner);

/* A place of at least `size` bytes (> 0), aligned to 16, unknown content but for the first
 * SLAB_ZEROED bytes, which are zero before anybody (slab_sparse) can know of the place.
 * ERR_FULL     the account refuses another page and no place of this size is free: evict, or
 *              compact (slab_sparse), and try again. `force` takes a page all the same.
 * ERR_TOO_BIG  larger than the region could ever hold */
enum err slab_take(struct slab *slab, size_t size, bool force, uint32_t *ret_ref);

/* Gives a place back at once; whoever could still read it must be gone. */
void slab_give(struct slab *slab, uint32_t ref);

void *slab_at(const struct slab *slab, uint32_t ref);
uint32_t slab_ref(const struct slab *slab, const void *place);

/* Where a reference leads: slab_at(ref) is slab_base + (ref << slab_shift); for policy.h. */
uint8_t *slab_base(const struct slab *slab);
unsigned slab_shift(const struct slab *slab);

/* What a place of `size` bytes costs (its class' size, or whole steps of 4 KiB). */
size_t slab_cost(const struct slab *slab, size_t size);

/* Whether a taken place may be moved; asked under the slab's lock, so that the place is neither
 * given back nor cut anew meanwhile. */
typedef bool slab_movable_fn(const void *place);

/* Compaction. When free places in pages add up to more than a small share of what is backed (or a
 * page is nearly empty), names the emptiest page whose places fit into the free ones of its like,
 * takes it out of use for new places, and lists those of its taken places that are `movable` (NULL:
 * all; at most `max`; the next call goes on with the rest). The caller moves them (take, copy,
 * give) and the page returns to the system with the last one. A place that cannot move now may
 * stay: the page is used again after some time. False: nothing worth doing. */
bool slab_sparse(struct slab *slab, slab_movable_fn *movable, uint32_t *ret_refs, size_t max,
                 size_t *ret_count);

/* Bytes that the system backs (the slab's own tables included), which is what the account is
 * charged with; and of these the ones in places that are taken. */
size_t slab_backed(const struct slab *slab);
size_t slab_taken(const struct slab *slab);

#endif
