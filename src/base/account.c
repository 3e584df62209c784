/* account.c: charging parts and wholes. SPDX-License-Identifier: MIT */
#include "base/account.h"

#include "base/must.h"

void account_init(struct account *account, struct account *whole, size_t max)
{
    atomic_init(&account->used, 0);
    atomic_init(&account->max, max);
    account->whole = whole;
}

static void add(struct account *account, size_t size)
{
    atomic_fetch_add_explicit(&account->used, size, memory_order_relaxed);
}

static bool fits(const struct account *account, size_t size)
{
    size_t max = atomic_load_explicit(&account->max, memory_order_relaxed);
    size_t used = account_used(account);

    return max == 0 || (used <= max && size <= max - used);
}

bool account_charge(struct account *account, size_t size)
{
    for (struct account *one = account; one != NULL; one = one->whole) {
        if (!fits(one, size))
            return false;
    }
    account_force(account, size);
    return true;
}

void account_force(struct account *account, size_t size)
{
    for (struct account *one = account; one != NULL; one = one->whole)
        add(one, size);
}

void account_refund(struct account *account, size_t size)
{
    for (struct account *one = account; one != NULL; one = one->whole) {
        size_t before = atomic_fetch_sub_explicit(&one->used, size, memory_order_relaxed);

        must(before >= size);
    }
}
