/* budget.c: tokens in and out. SPDX-License-Identifier: MIT */
#include "upstream/budget.h"

enum { TOKEN = 1000, MOST = BUDGET_TOKENS * TOKEN };

void budget_init(struct budget *budget)
{
    atomic_store(&budget->left, MOST);
}

void budget_pay(struct budget *budget, int64_t share)
{
    int64_t left = atomic_load_explicit(&budget->left, memory_order_relaxed);
    int64_t more = 0;

    do {
        if (left >= MOST)
            return;
        more = left + share > MOST ? MOST : left + share;
    } while (!atomic_compare_exchange_weak_explicit(&budget->left, &left, more,
                                                    memory_order_relaxed, memory_order_relaxed));
}

bool budget_take(struct budget *budget)
{
    int64_t left = atomic_load_explicit(&budget->left, memory_order_relaxed);

    do {
        if (left < TOKEN)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&budget->left, &left, left - TOKEN,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}

double budget_read(const struct budget *budget)
{
    return (double)atomic_load_explicit(&budget->left, memory_order_relaxed) / TOKEN;
}
