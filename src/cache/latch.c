/* latch.c: sleeping on four bytes. SPDX-License-Identifier: MIT */
#include "cache/latch.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES_BEFORE_SLEEP = 100, /* what is done under a latch takes less than a sleep */
    SLEEP_NS = 50000,         /* at the most, for nobody may have seen that somebody sleeps */
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

void latch_wait(struct latch *latch)
{
    for (int i = 0; i < TRIES_BEFORE_SLEEP; i++) {
        if (atomic_load_explicit(&latch->state, memory_order_relaxed) == 0 && latch_try(latch))
            return;
        pause_briefly();
    }
    while (atomic_exchange_explicit(&latch->state, 2, memory_order_acquire) != 0) {
        struct timespec length = {.tv_nsec = SLEEP_NS};

        (void)syscall(SYS_futex, &latch->state, FUTEX_WAIT_PRIVATE, 2, &length, NULL, 0);
    }
}

void latch_wake(struct latch *latch)
{
    (void)syscall(SYS_futex, &latch->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
