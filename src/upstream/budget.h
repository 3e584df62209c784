/* budget.h: how many requests may be sent a second time.
 * SPDX-License-Identifier: MIT
 *
 * Retries help when one server stumbles and kill an origin that is short of breath: then every
 * request comes twice. So they are a share of the requests: each request pays that share of a token
 * in, each retry takes a whole one out. BUDGET_TOKENS lie there at the start, and no more than
 * that are ever saved.
 *
 * Threads: any.
 */
#ifndef LARDER_UPSTREAM_BUDGET_H
#define LARDER_UPSTREAM_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { BUDGET_TOKENS = 10 };

struct budget {
    _Atomic int64_t left; /* thousandths of a token */
};

void budget_init(struct budget *budget);

/* A request goes out. `share` in thousandths. */
void budget_pay(struct budget *budget, int64_t share);

/* False: there is nothing left. */
bool budget_take(struct budget *budget);

double budget_read(const struct budget *budget); /* tokens */

#endif
