/* session_memory.c: nghttp2's memory, through the house's door. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "h2/session_parts.h"

static void *counted(struct h2_session *session, void *memory)
{
    size_t cost = mem_cost(memory);

    session->memory += cost;
    account_force(session->settings->account, cost);
    return memory;
}

static void uncount(struct h2_session *session, const void *memory)
{
    size_t cost = mem_cost(memory);

    session->memory -= cost;
    account_refund(session->settings->account, cost);
}

static bool is_too_much(const struct h2_session *session, size_t size)
{
    return size > H2_MEMORY_MAX || session->memory + size > H2_MEMORY_MAX;
}

static void *take(size_t size, void *context)
{
    struct h2_session *session = context;

    return is_too_much(session, size) ? NULL : counted(session, mem_try(size));
}

static void *take_zeroed(size_t count, size_t size, void *context)
{
    size_t whole = 0;
    void *memory = __builtin_mul_overflow(count, size, &whole) ? NULL : take(whole, context);

    if (memory != NULL)
        memset(memory, 0, whole);
    return memory;
}

static void give_back(void *memory, void *context)
{
    if (memory == NULL)
        return;
    uncount(context, memory);
    mem_return(memory);
}

static void *resize(void *memory, size_t size, void *context)
{
    struct h2_session *session = context;

    if (memory == NULL)
        return take(size, context);
    if (is_too_much(session, size))
        return NULL;
    size_t before = mem_cost(memory);
    void *moved = mem_resize(memory, size);

    if (moved == NULL)
        return NULL;
    session->memory -= before;
    account_refund(session->settings->account, before);
    return counted(session, moved);
}

nghttp2_mem h2_memory(struct h2_session *session)
{
    return (nghttp2_mem){session, take, give_back, take_zeroed, resize};
}
