/* backlog.c: a ring. SPDX-License-Identifier: MIT */
#include "bench/backlog.h"

#include "base/mem.h"
#include "base/must.h"

void backlog_init(struct backlog *backlog)
{
    *backlog = (struct backlog){.due_ns = mem_new(BACKLOG_MAX, sizeof *backlog->due_ns)};
}

void backlog_fini(struct backlog *backlog)
{
    mem_free(&backlog->due_ns);
}

bool backlog_add(struct backlog *backlog, int64_t due_ns)
{
    if (backlog->count == BACKLOG_MAX)
        return false;
    backlog->due_ns[(backlog->first + backlog->count++) % BACKLOG_MAX] = due_ns;
    return true;
}

int64_t backlog_take(struct backlog *backlog)
{
    must(backlog->count > 0);
    int64_t due_ns = backlog->due_ns[backlog->first];

    backlog->first = (backlog->first + 1) % BACKLOG_MAX;
    backlog->count--;
    return due_ns;
}
