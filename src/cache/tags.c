/* tags.c: records of tags in a striped hash table. SPDX-License-Identifier: MIT */
#include "cache/tags.h"

#include "base/mem.h"
#include "base/must.h"

enum { HEADS_MIN = 16, TIDIED_STRIPES = 4, TIDIED_MAX = 32 };

void tags_init(struct tags *tags, struct hash_secret secret, struct account *account,
               tags_oldest_fn *oldest_load, void *context)
{
    tags->account = account;
    tags->secret = secret;
    tags->oldest_load = oldest_load;
    tags->context = context;
    for (unsigned i = 0; i < TAG_STRIPES; i++)
        list_init(&tags->stripes[i].lingering);
}

static struct tag_stripe *stripe_of(struct tags *tags, uint64_t hash)
{
    return &tags->stripes[hash % TAG_STRIPES];
}

static struct tag **head_of(struct tag_stripe *stripe, uint64_t hash)
{
    return &stripe->heads[(hash / TAG_STRIPES) & stripe->mask];
}

/* More heads when there is memory for them; chains become longer otherwise. */
static void grow(struct tags *tags, struct tag_stripe *stripe)
{
    size_t heads = stripe->heads == NULL ? HEADS_MIN : 2 * (stripe->mask + 1);
    struct tag **old = stripe->heads;
    size_t old_heads = old == NULL ? 0 : stripe->mask + 1;

    stripe->heads = mem_new(heads, sizeof *stripe->heads);
    stripe->mask = heads - 1;
    account_force(tags->account, mem_cost(stripe->heads));
    for (size_t i = 0; i < old_heads; i++) {
        while (old[i] != NULL) {
            struct tag *tag = old[i];
            struct tag **head = head_of(stripe, tag->hash);

            old[i] = tag->next;
            tag->next = *head;
            *head = tag;
        }
    }
    account_refund(tags->account, mem_cost(old));
    mem_free(&old);
}

static struct tag *find(struct tag_stripe *stripe, uint64_t hash, struct bytes name)
{
    struct tag *tag = stripe->heads == NULL ? NULL : *head_of(stripe, hash);

    while (tag != NULL && (tag->hash != hash || !bytes_equal(tag_name(tag), name)))
        tag = tag->next;
    return tag;
}

static struct tag *add(struct tags *tags, struct tag_stripe *stripe, uint64_t hash,
                       struct bytes name)
{
    struct tag *tag = mem_try(sizeof *tag + name.size);

    if (tag == NULL)
        return NULL;
    if (stripe->heads == NULL || stripe->count > stripe->mask)
        grow(tags, stripe);
    struct tag **head = head_of(stripe, hash);

    memset(tag, 0, sizeof *tag);
    list_init(&tag->lingers);
    tag->hash = hash;
    tag->size = (uint32_t)name.size;
    if (name.size > 0)
        memcpy(tag->name, name.data, name.size);
    atomic_init(&tag->hard, atomic_load(&tags->forgotten));
    tag->next = *head;
    *head = tag;
    stripe->count++;
    atomic_fetch_add_explicit(&tags->count, 1, memory_order_relaxed);
    account_force(tags->account, mem_cost(tag));
    return tag;
}

static void linger_no_longer(struct tags *tags, struct tag *tag)
{
    if (list_alone(&tag->lingers))
        return;
    list_leave(&tag->lingers);
    atomic_fetch_sub_explicit(&tags->lingering_count, 1, memory_order_relaxed);
}

static void drop(struct tags *tags, struct tag_stripe *stripe, struct tag *tag)
{
    struct tag **at = head_of(stripe, tag->hash);

    must(tag->refs == 0);
    linger_no_longer(tags, tag);
    while (*at != tag)
        at = &(*at)->next;
    *at = tag->next;
    stripe->count--;
    atomic_fetch_sub_explicit(&tags->count, 1, memory_order_relaxed);
    account_refund(tags->account, mem_cost(tag));
    mem_free(&tag);
}

static uint64_t last_purge(const struct tag *tag)
{
    uint64_t hard = tag_hard(tag);
    uint64_t soft = tag_soft(tag);

    return hard > soft ? hard : soft;
}

static void forget(struct tags *tags, uint64_t sequence)
{
    uint64_t before = atomic_load(&tags->forgotten);

    while (before < sequence && !atomic_compare_exchange_weak(&tags->forgotten, &before, sequence))
        continue;
}

/* The record has no entries: it goes, unless a load in flight may need it. */
static void settle(struct tags *tags, struct tag_stripe *stripe, struct tag *tag)
{
    if (last_purge(tag) < tags->oldest_load(tags->context)) {
        drop(tags, stripe, tag);
        return;
    }
    if (!list_alone(&tag->lingers))
        return;
    list_append(&stripe->lingering, &tag->lingers);
    if (atomic_fetch_add_explicit(&tags->lingering_count, 1, memory_order_relaxed) <
        TAGS_LINGERING_MAX)
        return;
    struct tag *oldest = list_owner(stripe->lingering.next, struct tag, lingers);

    forget(tags, last_purge(oldest));
    drop(tags, stripe, oldest);
}

struct tag *tags_take(struct tags *tags, struct bytes name)
{
    uint64_t hash = hash_bytes(tags->secret, name);
    struct tag_stripe *stripe = stripe_of(tags, hash);
    struct tag *tag = NULL;

    latch_lock(&stripe->latch);
    tag = find(stripe, hash, name);
    if (tag == NULL)
        tag = add(tags, stripe, hash, name);
    if (tag != NULL) {
        linger_no_longer(tags, tag);
        tag->refs++;
    }
    latch_unlock(&stripe->latch);
    return tag;
}

struct tag *tags_find(struct tags *tags, struct bytes name)
{
    uint64_t hash = hash_bytes(tags->secret, name);
    struct tag_stripe *stripe = stripe_of(tags, hash);
    struct tag *tag = NULL;

    latch_lock(&stripe->latch);
    tag = find(stripe, hash, name);
    if (tag != NULL) {
        linger_no_longer(tags, tag);
        tag->refs++;
    }
    latch_unlock(&stripe->latch);
    return tag;
}

void tags_share(struct tags *tags, struct tag *tag)
{
    struct tag_stripe *stripe = stripe_of(tags, tag->hash);

    latch_lock(&stripe->latch);
    must(tag->refs > 0);
    tag->refs++;
    latch_unlock(&stripe->latch);
}

void tags_give(struct tags *tags, struct tag *tag)
{
    struct tag_stripe *stripe = stripe_of(tags, tag->hash);

    latch_lock(&stripe->latch);
    must(tag->refs > 0);
    tag->refs--;
    if (tag->refs == 0)
        settle(tags, stripe, tag);
    latch_unlock(&stripe->latch);
}

/* Finds the record to write a purge into and takes its stripe's latch; NULL: nothing has the tag.
 */
static struct tag *purge_begin(struct tags *tags, struct tag_stripe *stripe, uint64_t hash,
                               struct bytes name, uint64_t sequence)
{
    struct tag *tag = NULL;

    latch_lock(&stripe->latch);
    bool loading = tags->oldest_load(tags->context) < sequence;

    tag = find(stripe, hash, name);
    if (tag == NULL && loading)
        tag = add(tags, stripe, hash, name);
    /* What loads now and may bring it is caught by the general number. */
    if (tag == NULL && loading)
        forget(tags, sequence);
    return tag;
}

static void purge_end(struct tags *tags, struct tag_stripe *stripe, struct tag *tag)
{
    if (tag != NULL && tag->refs == 0)
        settle(tags, stripe, tag);
    latch_unlock(&stripe->latch);
}

void tags_purge(struct tags *tags, struct bytes name, uint64_t sequence)
{
    uint64_t hash = hash_bytes(tags->secret, name);
    struct tag_stripe *stripe = stripe_of(tags, hash);
    struct tag *tag = purge_begin(tags, stripe, hash, name, sequence);

    if (tag != NULL)
        atomic_store_explicit(&tag->hard, sequence, memory_order_release);
    purge_end(tags, stripe, tag);
}

void tags_purge_softly(struct tags *tags, struct bytes name, uint64_t sequence, int64_t now_ms,
                       uint64_t swept)
{
    uint64_t hash = hash_bytes(tags->secret, name);
    struct tag_stripe *stripe = stripe_of(tags, hash);
    struct tag *tag = purge_begin(tags, stripe, hash, name, sequence);

    if (tag != NULL)
        softening_add(&tag->soft, sequence, now_ms, swept);
    purge_end(tags, stripe, tag);
}

bool tags_tidy(struct tags *tags)
{
    if (atomic_load_explicit(&tags->lingering_count, memory_order_relaxed) == 0)
        return false;
    uint64_t oldest_load = tags->oldest_load(tags->context);

    for (unsigned i = 0; i < TIDIED_STRIPES; i++) {
        unsigned number = atomic_fetch_add_explicit(&tags->next_tidied, 1, memory_order_relaxed);
        struct tag_stripe *stripe = &tags->stripes[number % TAG_STRIPES];

        latch_lock(&stripe->latch);
        for (unsigned k = 0; k < TIDIED_MAX && !list_alone(&stripe->lingering); k++) {
            struct tag *tag = list_owner(stripe->lingering.next, struct tag, lingers);

            if (last_purge(tag) >= oldest_load)
                break;
            drop(tags, stripe, tag);
        }
        latch_unlock(&stripe->latch);
    }
    return oldest_load == UINT64_MAX &&
           atomic_load_explicit(&tags->lingering_count, memory_order_relaxed) > 0;
}

void tags_fini(struct tags *tags)
{
    for (unsigned i = 0; i < TAG_STRIPES; i++) {
        struct tag_stripe *stripe = &tags->stripes[i];

        while (!list_alone(&stripe->lingering))
            drop(tags, stripe, list_owner(stripe->lingering.next, struct tag, lingers));
        must(stripe->count == 0);
        account_refund(tags->account, mem_cost(stripe->heads));
        mem_free(&stripe->heads);
    }
}
