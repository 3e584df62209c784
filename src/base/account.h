/* account.h: who takes how much memory, and how much all may take together.
 * SPDX-License-Identifier: MIT
 *
 * `memory: 1GiB` bounds everything that grows with traffic. Each kind of use (values, index, tags,
 * connections, buffers...) has an account; all of them are parts of one whole with a ceiling.
 *
 * Threads: any thread may charge; counts are atomic, the ceiling may be passed by at most one
 * charge a thread, and only for a moment.
 */
#ifndef LARDER_BASE_ACCOUNT_H
#define LARDER_BASE_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct account {
    _Atomic size_t used;   /* bytes */
    _Atomic size_t max;    /* bytes; 0 = no ceiling of its own */
    struct account *whole; /* what this is a part of, or NULL */
};

/* `whole` must outlive the account. */
void account_init(struct account *account, struct account *whole, size_t max);

/* Takes `size` bytes from the account and its whole, or nothing at all when a ceiling is in the
 * way (false). */
bool account_charge(struct account *account, size_t size);

/* The same without asking: for memory that is already taken and cannot be refused. */
void account_force(struct account *account, size_t size);

void account_refund(struct account *account, size_t size);

static inline size_t account_used(const struct account *account)
{
    return atomic_load_explicit(&account->used, memory_order_relaxed);
}

#endif
