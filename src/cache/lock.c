/* lock.c: the latches of shards, one by one and several as one step. SPDX-License-Identifier: MIT
 *
 * A look-up takes no latch, so a step of several writes must be hidden from it: before the first
 * write every shard of the step is marked (its number of steps becomes odd), and a look-up that
 * sees the mark takes the latch after all. So does one that finds the number changed when it has
 * read: whoever has seen a write of a step sees all its marks too, since these were stored before.
 */
#include "cache/store.h"

#include "base/sanitizer.h"

/* What is on this side of it is done before what is on the other. The thread sanitizer knows no
 * fences; it runs on machines that keep loads, and stores, in their order. */
static void keep_order(void)
{
#if !SANITIZER_THREAD
    atomic_thread_fence(memory_order_acq_rel);
#endif
}

bool steps_passed(const struct shard *shard, uint32_t before)
{
    keep_order();
    return atomic_load_explicit(&shard->steps, memory_order_acquire) != before;
}

bool shard_enter(struct cache_thread *thread, struct shard *shard)
{
    unsigned number = (unsigned)(shard - thread->cache->shards);

    if (thread->step != STEP_NONE && holds_shard(thread, number))
        return false;
    must(thread->step == STEP_NONE); /* a key outside of the step that cache_lock began */
    latch_lock(&shard->latch);
    return true;
}

static void hold(struct cache_thread *thread, unsigned number)
{
    thread->held[number / 64] |= (uint64_t)1 << (number % 64);
    thread->held_words |= (uint64_t)1 << (number / 64);
}

_Static_assert(SHARDS_MAX / 64 <= 64, "one word tells which words of `held` are not zero");

/* Calls `act` for each shard that is held, in ascending order. */
static void each_held(const struct cache_thread *thread, void (*act)(struct shard *shard))
{
    for (uint64_t words = thread->held_words; words != 0; words &= words - 1) {
        unsigned word = (unsigned)__builtin_ctzll(words);

        for (uint64_t bits = thread->held[word]; bits != 0; bits &= bits - 1)
            act(&thread->cache->shards[word * 64 + (unsigned)__builtin_ctzll(bits)]);
    }
}

static void lock_shard(struct shard *shard)
{
    latch_lock(&shard->latch);
}

/* Only who has the latch writes the number. */
static void mark_shard(struct shard *shard)
{
    uint32_t steps = atomic_load_explicit(&shard->steps, memory_order_relaxed);

    atomic_store_explicit(&shard->steps, steps + 1, memory_order_release);
}

static void unlock_shard(struct shard *shard)
{
    latch_unlock(&shard->latch);
}

static void begin_step(struct cache_thread *thread, enum step step)
{
    each_held(thread, lock_shard);
    each_held(thread, mark_shard);
    keep_order();
    thread->step = step;
}

void cache_lock(struct cache_thread *thread, const struct cache_key *keys, size_t count)
{
    must(thread->step == STEP_NONE);
    must(count <= CACHE_LOCK_KEYS_MAX);
    for (size_t i = 0; i < count; i++)
        hold(thread, shard_number(thread->cache, keys[i].hash));
    begin_step(thread, STEP_KEYS);
}

void cache_lock_all(struct cache_thread *thread)
{
    must(thread->step == STEP_NONE);
    for (unsigned i = 0; i < thread->cache->shard_count; i++)
        hold(thread, i);
    begin_step(thread, STEP_ALL);
}

void cache_unlock(struct cache_thread *thread)
{
    must(thread->step != STEP_NONE);
    each_held(thread, mark_shard);
    each_held(thread, unlock_shard);
    for (uint64_t words = thread->held_words; words != 0; words &= words - 1)
        thread->held[__builtin_ctzll(words)] = 0;
    thread->held_words = 0;
    thread->step = STEP_NONE;
}

bool shards_enter_all(struct cache_thread *thread)
{
    if (thread->step == STEP_ALL)
        return false;
    cache_lock_all(thread);
    return true;
}

void shards_leave_all(struct cache_thread *thread, bool entered)
{
    if (entered)
        cache_unlock(thread);
}
