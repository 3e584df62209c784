/* load.c: records of loads in flight. SPDX-License-Identifier: MIT */
#include "cache/load.h"

#include "base/mem.h"
#include "base/must.h"

enum { HEADS_MIN = 4 };

void loads_init(struct loads *loads, struct account *account, _Atomic uint64_t *source)
{
    loads->account = account;
    loads->source = source;
    list_init(&loads->order);
    for (unsigned i = 0; i < LOAD_DUE_SLOTS; i++)
        list_init(&loads->due[i]);
    atomic_init(&loads->due_ms, CACHE_NEVER);
}

void loads_fini(struct loads *loads)
{
    must(list_alone(&loads->order));
    must(atomic_load(&loads->waiter_count) == 0);
}

/* ---- a shard's table --------------------------------------------------------------------- */

static struct load **head_of(const struct load_table *table, uint64_t hash)
{
    return &table->heads[hash & table->mask];
}

struct load *load_of_key(const struct load_table *table, const struct cache_key *key)
{
    struct load *load = table->heads == NULL ? NULL : *head_of(table, key->hash);

    while (load != NULL &&
           (load->state == LOAD_DOOMED || load->hash != key->hash || load->space != key->space ||
            !bytes_equal(bytes_of(load->name, load->name_size), key->name)))
        load = load->next;
    return load;
}

struct load *load_of_token(const struct load_table *table, uint64_t hash, uint64_t token)
{
    struct load *load = table->heads == NULL ? NULL : *head_of(table, hash);

    while (load != NULL && load->token != token)
        load = load->next;
    return load;
}

static void table_resize(struct loads *loads, struct load_table *table, uint32_t heads)
{
    struct load **old = table->heads;
    uint32_t old_heads = old == NULL ? 0 : table->mask + 1;

    table->heads = mem_new(heads, sizeof *table->heads);
    table->mask = heads - 1;
    account_force(loads->account, mem_cost(table->heads));
    for (uint32_t i = 0; i < old_heads; i++) {
        while (old[i] != NULL) {
            struct load *load = old[i];
            struct load **head = head_of(table, load->hash);

            old[i] = load->next;
            load->next = *head;
            *head = load;
        }
    }
    account_refund(loads->account, mem_cost(old));
    mem_free(&old);
}

static void table_add(struct loads *loads, struct load_table *table, struct load *load)
{
    if (table->heads == NULL)
        table_resize(loads, table, HEADS_MIN);
    else if (table->count > 2 * table->mask)
        table_resize(loads, table, 2 * (table->mask + 1));
    struct load **head = head_of(table, load->hash);

    load->next = *head;
    *head = load;
    table->count++;
}

static void table_drop(struct loads *loads, struct load_table *table, const struct load *load)
{
    struct load **at = head_of(table, load->hash);

    while (*at != load)
        at = &(*at)->next;
    *at = load->next;
    table->count--;
    if (table->count > 0)
        return;
    account_refund(loads->account, mem_cost(table->heads));
    mem_free(&table->heads);
    table->mask = 0;
}

/* ---- numbers and deadlines: under the loads' latch --------------------------------------- */

static void due_insert(struct loads *loads, struct load *load, int64_t deadline_ms)
{
    int64_t tick = deadline_ms / LOAD_TICK_MS + 1;

    load->deadline_ms = deadline_ms;
    if (tick < loads->due_tick)
        tick = loads->due_tick;
    list_append(&loads->due[(uint64_t)tick % LOAD_DUE_SLOTS], &load->due);
    if (deadline_ms < loads_due_ms(loads))
        atomic_store_explicit(&loads->due_ms, deadline_ms, memory_order_relaxed);
}

/* Draws the number and takes the record's place in the order as one step, so that the first of the
 * order is the oldest. */
static void number(struct loads *loads, struct load *load)
{
    load->token = ++loads->tokens;
    load->sequence = atomic_fetch_add(loads->source, 1) + 1;
    list_append(&loads->order, &load->order);
}

struct load *load_begin(struct loads *loads, struct load_table *table, const struct cache_key *key,
                        int64_t deadline_ms, size_t max)
{
    if (key->name.size > CACHE_KEY_MAX)
        return NULL;
    if (atomic_fetch_add(&loads->count, 1) >= max) {
        atomic_fetch_sub(&loads->count, 1);
        return NULL;
    }
    struct load *load = mem_try(sizeof *load + key->name.size);

    if (load == NULL) {
        atomic_fetch_sub(&loads->count, 1);
        return NULL;
    }
    memset(load, 0, sizeof *load);
    account_force(loads->account, mem_cost(load));
    list_init(&load->waiters);
    load->hash = key->hash;
    load->space = key->space;
    load->name_size = (uint16_t)key->name.size;
    if (key->name.size > 0)
        memcpy(load->name, key->name.data, key->name.size);
    latch_lock(&loads->latch);
    number(loads, load);
    due_insert(loads, load, deadline_ms);
    latch_unlock(&loads->latch);
    table_add(loads, table, load);
    return load;
}

void load_extend(struct loads *loads, struct load *load, int64_t deadline_ms)
{
    latch_lock(&loads->latch);
    list_leave(&load->due);
    due_insert(loads, load, deadline_ms);
    latch_unlock(&loads->latch);
}

static void drop_shared(struct load *load)
{
    if (load->shared != NULL)
        load->drop_shared(load->shared);
    load->shared = NULL;
}

void load_renew(struct loads *loads, struct load *load, int64_t deadline_ms)
{
    drop_shared(load);
    load->state = LOAD_LEADING;
    latch_lock(&loads->latch);
    list_leave(&load->order);
    list_leave(&load->due);
    number(loads, load);
    due_insert(loads, load, deadline_ms);
    latch_unlock(&loads->latch);
}

void load_leave_alone(struct loads *loads, struct load *load, int64_t until_ms)
{
    must(load->waiter_count == 0);
    must(load->state != LOAD_ALONE);
    drop_shared(load);
    load->state = LOAD_ALONE;
    atomic_fetch_sub(&loads->count, 1);
    atomic_fetch_add(&loads->alone_count, 1);
    latch_lock(&loads->latch);
    list_leave(&load->order);
    list_leave(&load->due);
    load->token = ++loads->tokens;
    due_insert(loads, load, until_ms);
    latch_unlock(&loads->latch);
}

void load_end(struct loads *loads, struct load_table *table, struct load **owner)
{
    struct load *load = *owner;

    must(load->waiter_count == 0);
    table_drop(loads, table, load);
    latch_lock(&loads->latch);
    list_leave(&load->order);
    list_leave(&load->due);
    latch_unlock(&loads->latch);
    if (load->state == LOAD_ALONE)
        atomic_fetch_sub(&loads->alone_count, 1);
    else
        atomic_fetch_sub(&loads->count, 1);
    drop_shared(load);
    account_refund(loads->account, mem_cost(load));
    mem_free(owner);
}

void loads_clear(struct loads *loads, struct load_table *table)
{
    while (table->count > 0) {
        struct load *load = NULL;

        for (uint32_t i = 0; i <= table->mask && load == NULL; i++)
            load = table->heads[i];
        load_end(loads, table, &load);
    }
}

uint64_t loads_oldest(struct loads *loads)
{
    uint64_t oldest = UINT64_MAX;

    latch_lock(&loads->latch);
    if (!list_alone(&loads->order))
        oldest = list_owner(loads->order.next, struct load, order)->sequence;
    latch_unlock(&loads->latch);
    return oldest;
}

/* Looks at one slot; what is not due yet stays for a later round. */
static size_t slot_due(struct loads *loads, int64_t tick, int64_t now_ms,
                       struct load_name *ret_names, size_t max)
{
    struct list_node *ring = &loads->due[(uint64_t)tick % LOAD_DUE_SLOTS];
    size_t count = 0;

    for (struct list_node *at = ring->next; at != ring && count < max;) {
        struct load *load = list_owner(at, struct load, due);

        at = at->next;
        if (load->deadline_ms > now_ms)
            continue;
        list_leave(&load->due);
        ret_names[count++] = (struct load_name){load->hash, load->token};
    }
    return count;
}

static int64_t earliest(const struct loads *loads)
{
    int64_t due = CACHE_NEVER;

    for (unsigned i = 0; i < LOAD_DUE_SLOTS; i++) {
        const struct list_node *ring = &loads->due[i];

        for (const struct list_node *at = ring->next; at != ring; at = at->next) {
            const struct load *load = list_owner(at, struct load, due);

            if (load->deadline_ms < due)
                due = load->deadline_ms;
        }
    }
    return due;
}

/* With many loads their exact minimum is not worth a walk: the next tick is soon enough. */
static int64_t next_due(const struct loads *loads, int64_t now_ms)
{
    enum { WALKED_MAX = 256 };
    size_t all = atomic_load(&loads->count) + atomic_load(&loads->alone_count);

    return all <= WALKED_MAX ? earliest(loads) : now_ms + LOAD_TICK_MS;
}

size_t loads_due(struct loads *loads, int64_t now_ms, struct load_name *ret_names, size_t max)
{
    int64_t now_tick = now_ms / LOAD_TICK_MS + 1;
    size_t count = 0;

    if (loads_due_ms(loads) > now_ms || !latch_try(&loads->latch))
        return 0;
    if (loads->due_tick < now_tick - LOAD_DUE_SLOTS)
        loads->due_tick = now_tick - LOAD_DUE_SLOTS;
    for (int64_t tick = loads->due_tick; tick <= now_tick; tick++) {
        count += slot_due(loads, tick, now_ms, ret_names + count, max - count);
        if (count == max)
            break;
        /* The slot of this tick is looked at again: more may become due within it. */
        loads->due_tick = tick < now_tick ? tick + 1 : now_tick;
    }
    atomic_store_explicit(&loads->due_ms, count == max ? now_ms : next_due(loads, now_ms),
                          memory_order_relaxed);
    latch_unlock(&loads->latch);
    return count;
}
