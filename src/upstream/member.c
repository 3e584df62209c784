/* member.c: states of one server. SPDX-License-Identifier: MIT */
#include "upstream/member.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/clock.h"
#include "upstream/balance.h"

#include <stdio.h>

struct member *member_new(const struct address *address, size_t line, uint64_t weight)
{
    struct member *member = mem_new(1, sizeof *member);

    atomic_init(&member->references, 1);
    member->address = *address;
    member->line = line;
    member->weight = weight;
    address_text(address, member->text);
    atomic_store(&member->since_wall_ms, clock_wall_ms());
    return member;
}

struct member *member_hold(struct member *member)
{
    atomic_fetch_add(&member->references, 1);
    return member;
}

void member_drop(struct member *member)
{
    if (atomic_fetch_sub(&member->references, 1) == 1)
        mem_free(&member);
}

enum member_state member_state(const struct member *member, int64_t now_ms)
{
    if (atomic_load_explicit(&member->is_down, memory_order_relaxed))
        return MEMBER_DOWN;
    if (ejection_is_out(&member->ejection, now_ms))
        return MEMBER_EJECTED;
    if (atomic_load_explicit(&member->is_unreachable, memory_order_relaxed))
        return MEMBER_UNREACHABLE;
    return MEMBER_UP;
}

const char *member_state_text(enum member_state state)
{
    static const char *const texts[] = {
        [MEMBER_UP] = "up",
        [MEMBER_UNREACHABLE] = "unreachable",
        [MEMBER_EJECTED] = "ejected",
        [MEMBER_DOWN] = "down",
    };

    return texts[state];
}

uint64_t member_weight(const struct member *member, int64_t slow_start_ms, int64_t now_ms)
{
    int64_t back_ms = atomic_load_explicit(&member->back_ms, memory_order_relaxed);

    return balance_warm_weight(member->weight, back_ms == 0 ? slow_start_ms : now_ms - back_ms,
                               slow_start_ms);
}

struct member_why member_why(const struct member *member)
{
    unsigned status = atomic_load(&member->why_status);
    struct member_why why;

    if (status != 0)
        (void)snprintf(why.text, sizeof why.text, "it answered %u", status);
    else
        (void)snprintf(why.text, sizeof why.text, "%s",
                       err_text((enum err)atomic_load(&member->why)));
    return why;
}
