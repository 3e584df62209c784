/* actors.c: what the words of a script do. SPDX-License-Identifier: MIT */
#include "actors.h"

#include <string.h>

static enum cache_state state_of(const struct world *world)
{
    int64_t over_ms = world->now_ms - world->expires_ms;

    if (!world->there || over_ms >= 2 * (int64_t)LIFE_MS)
        return CACHE_MISS;
    if (over_ms < 0)
        return CACHE_FRESH;
    return over_ms < LIFE_MS ? CACHE_STALE : CACHE_GRACE;
}

static void store(struct world *world, uint32_t version)
{
    world->there = true;
    world->version = version;
    world->expires_ms = world->now_ms + LIFE_MS;
    world->retry_ms = 0;
}

static struct cache_put put_of(const struct world *world, const uint32_t *version)
{
    return (struct cache_put){.key = world->key,
                              .body = bytes_of(version, sizeof *version),
                              .expires_ms = world->now_ms + LIFE_MS,
                              .stale_until_ms = world->now_ms + 2 * (int64_t)LIFE_MS,
                              .error_until_ms = world->now_ms + 3 * (int64_t)LIFE_MS,
                              .tags = &world->name,
                              .tag_count = 1};
}

static void check_version(const struct actor *actor, uint32_t version, enum cache_state state)
{
    if (version >= actor->floor)
        return;
    PROMISE(actor->world->soft);
    PROMISE(state != CACHE_FRESH);
}

static void check_seen(const struct actor *actor, const struct cache_view *view)
{
    uint32_t version = 0;

    PROMISE(view->value.size == sizeof version);
    memcpy(&version, view->value.data, sizeof version);
    check_version(actor, version, view->state);
}

/* ---- being woken ------------------------------------------------------------------------- */

static void now_leads(struct actor *actor, struct cache_lease lease)
{
    struct world *world = actor->world;

    PROMISE(world->leader == NULL);
    PROMISE(lease.token != 0);
    actor->leads = true;
    actor->has_read = false;
    actor->lease = lease;
    world->leader = actor;
    world->deadline_ms = world->now_ms + LEASE_MS;
    world->tainted = world->sharing = false;
}

static void on_woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct actor *actor = list_owner(waiter, struct actor, waiter);
    const struct actor *leader = actor->waits_for;

    PROMISE(leader != NULL && !actor->woken);
    actor->woken = true;
    actor->waits_for = NULL;
    switch (wake->outcome) {
    case CACHE_FILLED:
        check_seen(actor, wake->view);
        break;
    case CACHE_SHARED:
        check_version(actor, leader->read, CACHE_FRESH);
        break;
    case CACHE_FAILED:
        PROMISE(leader->failed && wake->err == ERR_PEER_DOWN);
        break;
    case CACHE_PROMOTED:
        PROMISE(!leader->failed);
        actor->refreshes = leader->refreshes;
        now_leads(actor, wake->lease);
        /* The others wait for this one now. */
        for (unsigned i = 0; i < ACTORS_MAX; i++) {
            if (actor->world->actors[i].waits_for == leader)
                actor->world->actors[i].waits_for = actor;
        }
        break;
    case CACHE_RETRY:
        PROMISE(!leader->failed);
        actor->asks_again = true;
        break;
    }
}

/* ---- asking ------------------------------------------------------------------------------ */

static void hold_shared(void *shared)
{
    (void)shared;
}

static void drop_shared(void *shared)
{
    (void)shared;
}

static enum cache_answer expected(const struct world *world, const struct cache_ask *ask)
{
    enum cache_state state = state_of(world);
    bool usable = state == CACHE_FRESH || state == CACHE_STALE;
    bool later = state != CACHE_MISS && world->retry_ms > world->now_ms;

    if (state == CACHE_FRESH && !ask->refresh)
        return CACHE_HIT;
    if (world->alone_ms > world->now_ms)
        return CACHE_LEAD;
    if (usable)
        return world->leader != NULL || later ? CACHE_HIT_STALE : CACHE_HIT_LEAD;
    if (world->leader == NULL)
        return later ? CACHE_HIT_STALE : CACHE_LEAD;
    if (world->sharing && world->tainted)
        return CACHE_LEAD;
    return world->sharing && ask->hold_shared != NULL ? CACHE_JOIN : CACHE_WAIT;
}

static void ask_with(struct actor *actor, struct cache_ask ask)
{
    struct world *world = actor->world;
    enum cache_answer right = expected(world, &ask);
    struct cache_view view;
    struct cache_lease lease;
    void *shared = NULL;

    if (actor->waits_for != NULL || actor->leads)
        return;
    ask.lease_ms = LEASE_MS;
    actor->floor = world->floor;
    actor->asks_again = actor->woken = false;
    actor->waiter.woken = on_woken;
    actor->refreshes = state_of(world) == CACHE_MISS ? 0 : world->version;
    PROMISE(cache_get(actor->thread, world->key, &ask, world->now_ms, &actor->waiter, &view, &lease,
                      &shared) == right);
    PROMISE(view.state == state_of(world));
    if (right == CACHE_HIT || right == CACHE_HIT_STALE || right == CACHE_HIT_LEAD)
        check_seen(actor, &view);
    if (right == CACHE_WAIT)
        actor->waits_for = world->leader;
    if (right == CACHE_JOIN)
        check_version(actor, ((struct actor *)shared)->read, CACHE_FRESH);
    if (right != CACHE_LEAD && right != CACHE_HIT_LEAD)
        return;
    if (world->alone_ms > world->now_ms) {
        PROMISE(lease.token == 0);
        return;
    }
    world->leader = NULL; /* of a stream that nobody may join any more */
    world->replaced = false;
    now_leads(actor, lease);
}

static void ask(struct actor *actor)
{
    ask_with(actor, (struct cache_ask){.refresh = false});
}

static void refresh(struct actor *actor)
{
    ask_with(actor, (struct cache_ask){.refresh = true});
}

static void join(struct actor *actor)
{
    ask_with(actor, (struct cache_ask){.hold_shared = hold_shared});
}

static void cancel(struct actor *actor)
{
    bool waits = actor->waits_for != NULL;

    if (!waits && !actor->woken)
        return;
    actor->waits_for = NULL;
    PROMISE(cache_cancel(actor->thread, &actor->waiter) == waits);
}

/* ---- leading ----------------------------------------------------------------------------- */

static void read_source(struct actor *actor)
{
    if (actor->leads && !actor->has_read)
        actor->read = actor->world->source;
    actor->has_read = actor->leads;
}

/* The lease is used up. True: what it ends is the load that counts. */
static bool end_of(struct actor *actor)
{
    struct world *world = actor->world;
    bool counts = world->leader == actor;

    if (counts)
        world->leader = NULL;
    actor->leads = false;
    return counts;
}

static void fill(struct actor *actor)
{
    struct world *world = actor->world;
    struct cache_put put = put_of(world, &actor->read);
    bool stores = !world->tainted && !world->replaced;

    if (!actor->leads || !actor->has_read)
        return;
    stores = end_of(actor) && stores;
    PROMISE(cache_fill(actor->thread, &actor->lease, &put, world->now_ms) ==
            (stores ? ERR_OK : ERR_DROPPED));
    PROMISE(actor->lease.token == 0);
    if (stores)
        store(world, actor->read);
}

/* 304, if it is so. */
static void unchanged(struct actor *actor)
{
    struct world *world = actor->world;
    bool stores = !world->tainted && !world->replaced && world->there;
    int64_t now_ms = world->now_ms;

    if (actor->leads && (!actor->has_read || actor->read != actor->refreshes)) {
        read_source(actor);
        fill(actor);
        return;
    }
    if (!actor->leads)
        return;
    stores = end_of(actor) && stores;
    PROMISE(cache_unchanged(actor->thread, &actor->lease, now_ms + LIFE_MS,
                            now_ms + 2 * (int64_t)LIFE_MS, now_ms + 3 * (int64_t)LIFE_MS,
                            now_ms) == (stores ? ERR_OK : ERR_DROPPED));
    if (stores)
        store(world, world->version);
}

static void fail(struct actor *actor)
{
    struct world *world = actor->world;

    if (!actor->leads)
        return;
    actor->failed = true;
    if (end_of(actor))
        world->retry_ms = world->now_ms + WAIT_MS;
    cache_fail(actor->thread, &actor->lease, ERR_PEER_DOWN, WAIT_MS, world->now_ms);
    actor->failed = false;
}

static void abandon(struct actor *actor)
{
    if (!actor->leads)
        return;
    (void)end_of(actor);
    cache_abandon(actor->thread, &actor->lease, actor->world->now_ms);
}

static void disperse(struct actor *actor)
{
    struct world *world = actor->world;

    if (!actor->leads)
        return;
    if (end_of(actor))
        world->alone_ms = world->now_ms + WAIT_MS;
    cache_disperse(actor->thread, &actor->lease, WAIT_MS, world->now_ms);
}

static void share(struct actor *actor)
{
    struct world *world = actor->world;
    bool counts = world->leader == actor && !world->sharing;

    if (!actor->leads || !actor->has_read)
        return;
    PROMISE(cache_share(actor->thread, &actor->lease, actor, drop_shared, world->now_ms) == counts);
    if (!counts)
        return;
    world->sharing = true;
    world->deadline_ms = world->now_ms + LEASE_MS;
}

/* ---- the world around -------------------------------------------------------------------- */

static void write_source(struct actor *actor)
{
    actor->world->source++;
}

/* Longer than a lease is silent for, and anybody's turn. */
static void late(struct actor *actor)
{
    struct world *world = actor->world;

    world->now_ms += LEASE_MS;
    if (world->leader != NULL && world->deadline_ms <= world->now_ms)
        world->leader = NULL;
    (void)cache_turn(actor->thread, world->now_ms);
}

static void tag(struct actor *actor)
{
    struct world *world = actor->world;
    struct bytes other = BYTES("one more");
    bool there = state_of(world) != CACHE_MISS;

    PROMISE(cache_tag(actor->thread, world->key, &other, 1, world->now_ms) ==
            (there ? ERR_OK : ERR_MISS));
    if (there && world->leader != NULL && world->leader->refreshes != 0)
        world->replaced = true;
}

static void put(struct actor *actor)
{
    struct world *world = actor->world;
    uint32_t version = ++world->source;
    struct cache_put one = put_of(world, &version);

    world->leader = NULL;
    world->alone_ms = 0;
    store(world, version);
    PROMISE(cache_put(actor->thread, &one, world->now_ms) == ERR_OK);
    world->floor = version;
}

static void purged(struct world *world)
{
    if (world->soft && world->there && world->expires_ms > world->now_ms)
        world->expires_ms = world->now_ms;
    if (!world->soft)
        world->there = false;
    if (world->kind == BY_TAG)
        world->tainted = true;
    else
        world->leader = NULL;
    if (world->kind == BY_KEY)
        world->alone_ms = 0;
}

static void purge(struct actor *actor)
{
    static const enum cache_purge_by kinds[KINDS] = {
        [BY_KEY] = CACHE_BY_KEY,   [BY_TAG] = CACHE_BY_TAG,     [BY_PREFIX] = CACHE_BY_PREFIX,
        [BY_GLOB] = CACHE_BY_GLOB, [BY_SPACE] = CACHE_BY_SPACE, [BY_ALL] = CACHE_BY_ALL};
    struct world *world = actor->world;
    struct cache_purge one = {.by = kinds[world->kind],
                              .key = world->key,
                              .space = world->key.space,
                              .soft = world->soft,
                              .name = world->name};

    if (world->kind == BY_PUT) {
        put(actor);
        return;
    }
    if (world->kind == BY_REMOVE) {
        PROMISE(cache_remove(actor->thread, world->key, world->now_ms) ==
                (state_of(world) != CACHE_MISS));
        world->there = false;
        world->leader = NULL;
        world->alone_ms = 0;
    } else {
        PROMISE(cache_purge(actor->thread, &one, world->now_ms, NULL) == ERR_OK);
        purged(world);
    }
    world->floor = world->source;
}

static void purge_tag(struct actor *actor)
{
    enum kind kind = actor->world->kind;

    actor->world->kind = BY_TAG;
    purge(actor);
    actor->world->kind = kind;
}

/* ---- the words --------------------------------------------------------------------------- */

const struct actor_word actor_words[] = {{"ask", ask},
                                         {"refresh", refresh},
                                         {"join", join},
                                         {"cancel", cancel},
                                         {"read", read_source},
                                         {"fill", fill},
                                         {"unchanged", unchanged},
                                         {"fail", fail},
                                         {"abandon", abandon},
                                         {"disperse", disperse},
                                         {"share", share},
                                         {"write", write_source},
                                         {"late", late},
                                         {"tag", tag},
                                         {"put", put},
                                         {"purge", purge},
                                         {"purge-tag", purge_tag},
                                         {NULL, NULL}};

/* ---- begin and end ----------------------------------------------------------------------- */

void world_begin(struct world *world, enum before before)
{
    struct cache_put first = put_of(world, &world->source);

    if (before == ABSENT)
        return;
    PROMISE(cache_put(world->actors[0].thread, &first, world->now_ms) == ERR_OK);
    store(world, world->source);
    world->now_ms += LIFE_MS * ((int64_t)before - 1);
}

void world_finish(struct world *world, unsigned actor_count)
{
    bool moved = true;

    while (moved) {
        moved = false;
        for (unsigned i = 0; i < actor_count; i++) {
            struct actor *actor = &world->actors[i];

            moved |= actor->leads || actor->asks_again;
            if (actor->asks_again)
                ask(actor);
            read_source(actor);
            fill(actor);
        }
    }
}

void world_check(struct world *world, unsigned actor_count)
{
    struct cache_view view;
    uint32_t version = 0;

    for (unsigned i = 0; i < actor_count; i++)
        PROMISE(world->actors[i].waits_for == NULL);
    PROMISE(cache_look(world->actors[0].thread, world->key, world->now_ms, &view) ==
            state_of(world));
    if (view.state == CACHE_MISS)
        return;
    memcpy(&version, view.value.data, sizeof version);
    PROMISE(version == world->version);
}
