/* resident.h: what the process takes beyond what its accounts say, and who gives way for it.
 * SPDX-License-Identifier: MIT
 *
 * Values, tables and buffers are charged to accounts below the engine's whole. What nobody charges
 * (holes in the C library's heap, stacks, what libraries keep) is found by asking the system: a few
 * times a second the process looks how much of it is in memory. What that is more than at the
 * start, and more than the accounts say, is charged to an account of its own: so `memory` bounds
 * what the system sees, and entries leave for what nobody else would tell the engine of.
 *
 *     unaccounted = resident now - resident at the start - charged by all others, at least 0
 *
 * It rises at once and falls a little at a time, so that nothing swings.
 *
 * Threads: the main thread's, whose loop carries the timer; anybody may ask for the number.
 */
#ifndef LARDER_CLI_RESIDENT_H
#define LARDER_CLI_RESIDENT_H

#include "cache/cache.h"
#include "net/loop.h"

struct resident;

struct resident *resident_new(struct loop *loop, struct cache *cache);

/* Looks from time to time from now on; what is resident now is the idle self. `worker`: the loop of
 * a thread that turns the engine, to be woken when entries have to leave. */
void resident_begin(struct resident *resident, struct loop *worker);

/* The worker's loop is gone. */
void resident_free(struct resident **owner);

/* Of the bytes that no other account knows. */
const struct account *resident_account(const struct resident *resident);

/* Bytes of addresses and of memory, as the system counts them; 0 where it does not tell. */
void resident_read(uint64_t *ret_virtual, uint64_t *ret_resident);

#endif
