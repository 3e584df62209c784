/* epoch.c: quiescent states. SPDX-License-Identifier: MIT
 *
 * Each store of a word is followed by a fence, and so is each unlinking before its stamp: either
 * the one who gives back sees that a thread is awake, or that thread, which woke later, sees that
 * the thing is unlinked. Passes are one a turn.
 */
#include "cache/epoch.h"

#include "base/must.h"
#include "base/sanitizer.h"

/* The thread sanitizer knows no fences; an exchange is one on the machines that it runs on. */
static void fence(struct epochs *epochs)
{
#if SANITIZER_THREAD
    atomic_fetch_add(&epochs->now, 0);
#else
    (void)epochs;
    atomic_thread_fence(memory_order_seq_cst);
#endif
}

void epochs_init(struct epochs *epochs)
{
    atomic_init(&epochs->now, 1);
}

struct epoch_word *epoch_join(struct epochs *epochs)
{
    struct epoch_word *word = NULL;

    latch_lock(&epochs->latch);
    for (unsigned i = 0; i < EPOCH_THREADS_MAX && word == NULL; i++) {
        if (epochs->words[i].taken)
            continue;
        word = &epochs->words[i];
        word->taken = true;
        if (i >= atomic_load(&epochs->top))
            atomic_store(&epochs->top, i + 1);
    }
    latch_unlock(&epochs->latch);
    must(word != NULL);
    epoch_wake(epochs, word);
    return word;
}

void epoch_leave(struct epochs *epochs, struct epoch_word *word)
{
    epoch_rest(word);
    latch_lock(&epochs->latch);
    word->taken = false;
    latch_unlock(&epochs->latch);
}

void epoch_pass(struct epochs *epochs, struct epoch_word *word)
{
    atomic_store(&word->seen, atomic_load(&epochs->now));
    fence(epochs);
}

void epoch_rest(struct epoch_word *word)
{
    atomic_store_explicit(&word->seen, 0, memory_order_release);
}

void epoch_wake(struct epochs *epochs, struct epoch_word *word)
{
    epoch_pass(epochs, word);
}

uint64_t epoch_stamp(struct epochs *epochs)
{
    fence(epochs);
    return atomic_load(&epochs->now);
}

void epoch_advance(struct epochs *epochs, uint64_t stamp)
{
    uint64_t expected = stamp;

    (void)atomic_compare_exchange_strong(&epochs->now, &expected, stamp + 1);
}

uint64_t epoch_safe(struct epochs *epochs)
{
    uint64_t safe = atomic_load(&epochs->now);
    unsigned top = atomic_load(&epochs->top);

    for (unsigned i = 0; i < top; i++) {
        uint64_t seen = atomic_load(&epochs->words[i].seen);

        if (seen != 0 && seen < safe)
            safe = seen;
    }
    return safe;
}
