/* Every order of what two to four actors do with one key: who asks, who loads, who waits, who
 * leaves, who fails, who invalidates. A scenario is a line of words for each actor; all orders of
 * these words are played, and after each word the engine must be where a few plain variables say,
 * by these rules:
 *
 *   - who asked after an invalidation had returned never takes an older value for fresh;
 *   - there is one load at a time, and who asks meanwhile waits for it or gets the stale value;
 *   - a fill is stored if and only if its lease is still the leader's and nothing that concerns it
 *     was invalidated since the load began; a put wins;
 *   - who leaves ends his own wait; a leader that gives up or is silent is followed by the first
 *     who waits; a failure is shared by all who wait;
 *   - everybody who waits is answered, once.
 *
 * What a word means for one who is not in the place for it (a fill by one who waits) is: nothing.
 * A failure prints the order. SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include <string.h>

enum {
    ACTORS_MAX = 4,
    WORDS_MAX = 6,
    ORDER_MAX = 16,
    LEASE_MS = 500,
    LIFE_MS = 1000,
    WAIT_MS = 100
};

/* The released build plays all orders; where the program is slow every so many of them are enough,
 * and more so under the thread sanitizer, for all of this is one thread. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONE_THREAD_IS_DULL 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(ONE_THREAD_IS_DULL)
enum { ORDERS_SHARE = 37 };
#elif defined(LARDER_DEBUG)
enum { ORDERS_SHARE = 5 };
#else
enum { ORDERS_SHARE = 1 };
#endif

/* What the key holds before anybody moves. */
enum before { ABSENT, FRESH, STALE, GRACE, BEFORES };

/* What the word "purge" is, in turn. */
enum kind { BY_KEY, BY_REMOVE, BY_TAG, BY_PREFIX, BY_GLOB, BY_SPACE, BY_ALL, BY_PUT, KINDS };

static void print_order(void);

#define PROMISE(condition)                                                                         \
    ((condition) ? (void)0 : (print_order(), t_fail(#condition, __FILE__, __LINE__)))

struct actor {
    struct world *world;
    struct cache_thread *thread;
    struct cache_waiter waiter;
    struct cache_lease lease;
    struct actor *waits_for;
    bool leads;      /* has a lease, whatever became of it */
    bool asks_again; /* was sent back */
    bool has_read;
    bool woken;
    bool failed;
    uint32_t floor; /* what it asked for is not older */
    uint32_t read;
    uint32_t refreshes; /* the version that was there when it began to load; 0: none */
};

struct world {
    struct cache *cache;
    struct cache_key key;
    struct bytes name;
    int64_t now_ms;
    uint32_t source;
    uint32_t floor; /* versions below were invalidated */
    enum kind kind;
    bool soft;
    struct actor actors[ACTORS_MAX];
    /* What the engine must have stored, */
    bool there;
    uint32_t version;
    int64_t expires_ms;
    int64_t retry_ms;
    int64_t alone_ms;
    /* ... and who must be loading: NULL: nobody whose value may be stored. */
    struct actor *leader;
    int64_t deadline_ms;
    bool tainted; /* a tag that it brings was purged */
    bool sharing;
    bool replaced; /* the entry that it refreshes has become another one */
};

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

/* ---- scenarios --------------------------------------------------------------------------- */

static const struct {
    const char *word;
    void (*act)(struct actor *actor);
} words[] = {{"ask", ask},
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
             {"purge-tag", purge_tag}};

enum { KEY_ONLY = 1 << BY_KEY, TAG_ONLY = 1 << BY_TAG, EVERY_KIND = (1 << KINDS) - 1 };
enum {
    IF_ABSENT = 1 << ABSENT,
    IF_FRESH = 1 << FRESH,
    IF_STALE = 1 << STALE,
    IF_GRACE = 1 << GRACE
};
enum { ANYHOW = IF_ABSENT | IF_FRESH | IF_STALE | IF_GRACE };

struct scenario {
    unsigned befores;
    unsigned kinds; /* of "purge", hard and soft; 0: there is none */
    const char *lines[ACTORS_MAX];
};

struct script {
    void (*acts[WORDS_MAX])(struct actor *actor);
    unsigned count;
};

struct play {
    const struct scenario *scenario;
    struct cache *cache;
    struct cache_thread *threads[ACTORS_MAX];
    struct script scripts[ACTORS_MAX];
    unsigned actor_count;
    enum before before;
    enum kind kind;
    bool soft;
    uint8_t order[ORDER_MAX];
    unsigned size;
    unsigned orders;
    unsigned runs;
    unsigned played; /* words of the order, so far */
};

/* For the line that a failure prints. */
static const struct play *playing;

static void read_script(const char *line, struct script *script)
{
    struct bytes rest = bytes_of_text(line);

    script->count = 0;
    while (rest.size > 0) {
        struct bytes word = bytes_cut(&rest, ' ');
        unsigned i = 0;

        while (!bytes_equal(word, bytes_of_text(words[i].word)))
            i++;
        script->acts[script->count++] = words[i].act;
    }
}

static const char *word_of(void (*act)(struct actor *actor))
{
    unsigned i = 0;

    while (words[i].act != act)
        i++;
    return words[i].word;
}

static void print_order(void)
{
    static const char *const befores[] = {"absent", "fresh", "stale", "grace"};
    static const char *const kinds[] = {"key",     "remove", "tag", "prefix",
                                        "pattern", "space",  "all", "put"};
    unsigned at[ACTORS_MAX] = {0};

    if (playing == NULL)
        return;
    (void)printf("         %s, purge by %s%s:", befores[playing->before], kinds[playing->kind],
                 playing->soft ? ", soft" : "");
    for (unsigned i = 0; i < playing->played; i++) {
        unsigned who = playing->order[i];

        (void)printf(" %c:%s", 'A' + (int)who, word_of(playing->scripts[who].acts[at[who]++]));
    }
    (void)printf("%s\n", playing->played == playing->size ? " (and to the end)" : " <- here");
}

/* ---- one order --------------------------------------------------------------------------- */

static void begin(struct world *world, enum before before)
{
    struct cache_put first = put_of(world, &world->source);

    if (before == ABSENT)
        return;
    PROMISE(cache_put(world->actors[0].thread, &first, world->now_ms) == ERR_OK);
    store(world, world->source);
    world->now_ms += LIFE_MS * ((int64_t)before - 1);
}

/* Who leads loads, who was sent back asks again, until nobody waits. */
static void finish(struct world *world, unsigned actor_count)
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

static void check_end(struct world *world, unsigned actor_count)
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

static void play_order(struct play *play)
{
    struct name name = name_of((int)++play->runs);
    unsigned at[ACTORS_MAX] = {0};
    struct world world = {.cache = play->cache,
                          .key = cache_key(play->cache, 5, name_bytes(&name)),
                          .name = name_bytes(&name),
                          .now_ms = 1000000 + (int64_t)play->runs * 10000,
                          .source = 1,
                          .kind = play->kind,
                          .soft = play->soft};

    for (unsigned i = 0; i < play->actor_count; i++) {
        world.actors[i].world = &world;
        world.actors[i].thread = play->threads[i];
    }
    begin(&world, play->before);
    for (play->played = 0; play->played < play->size;) {
        unsigned who = play->order[play->played++];

        play->scripts[who].acts[at[who]++](&world.actors[who]);
    }
    finish(&world, play->actor_count);
    check_end(&world, play->actor_count);
    /* Some runs meet a sweep, some a rule that stands; of two soft purges the times are kept. */
    for (unsigned i = 0; (play->soft || play->runs % 16 == 0) && i < 2 * play->actor_count; i++)
        (void)cache_turn(play->threads[i % play->actor_count], world.now_ms);
}

/* All orders of the words that are left. Its depth is their number.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void play_orders(struct play *play, const unsigned *left)
{
    bool any = false;

    for (unsigned who = 0; who < play->actor_count; who++) {
        unsigned rest[ACTORS_MAX];

        if (left[who] == 0)
            continue;
        any = true;
        memcpy(rest, left, sizeof rest);
        rest[who]--;
        play->order[play->size++] = (uint8_t)who;
        play_orders(play, rest);
        play->size--;
    }
    if (!any && play->orders++ % ORDERS_SHARE == 0)
        play_order(play);
}

static void play_kind(struct play *play)
{
    unsigned left[ACTORS_MAX] = {0};

    for (unsigned i = 0; i < play->actor_count; i++)
        left[i] = play->scripts[i].count;
    play_orders(play, left);
}

static void play_scenario(const struct scenario *scenario)
{
    struct cache_settings settings = room_settings(64 << 20, "s3fifo");
    struct play play = {.scenario = scenario, .cache = cache_new(&settings, 1)};
    unsigned kinds = scenario->kinds == 0 ? KEY_ONLY : scenario->kinds;

    playing = &play;
    while (play.actor_count < ACTORS_MAX && scenario->lines[play.actor_count] != NULL) {
        read_script(scenario->lines[play.actor_count], &play.scripts[play.actor_count]);
        play.threads[play.actor_count++] = cache_join(play.cache);
    }
    for (play.before = 0; play.before < BEFORES; play.before++) {
        for (play.kind = 0; play.kind < KINDS; play.kind++) {
            if ((scenario->befores >> play.before & 1) == 0 || (kinds >> play.kind & 1) == 0)
                continue;
            play.soft = false;
            play_kind(&play);
            play.soft = true;
            if (scenario->kinds != 0 && play.kind != BY_REMOVE && play.kind != BY_PUT)
                play_kind(&play);
        }
    }
    for (unsigned i = 0; i < play.actor_count; i++)
        cache_leave(&play.threads[i]);
    cache_free(&play.cache);
    playing = NULL;
}

#define PLAY(...) play_scenario(&(struct scenario){__VA_ARGS__})

/* ---- 1: an invalidation against loads in flight -------------------------------------------- */

TEST(no_order_of_callers_and_an_invalidation_shows_an_old_value)
{
    PLAY(ANYHOW, EVERY_KIND, {"ask read fill", "write purge"});
    PLAY(ANYHOW, EVERY_KIND, {"ask read fill", "ask read fill", "write purge"});
    PLAY(IF_FRESH | IF_STALE, EVERY_KIND, {"refresh read fill", "ask read fill", "write purge"});
}

TEST(nor_of_two_invalidations)
{
    PLAY(IF_ABSENT, EVERY_KIND, {"ask read fill", "ask read fill", "write purge write purge-tag"});
    PLAY(IF_ABSENT, TAG_ONLY, {"ask read fill", "ask read fill", "write purge", "write purge"});
}

TEST(nor_of_three_callers)
{
    PLAY(IF_ABSENT, 0, {"ask read fill", "ask read fill", "ask read fill", "write purge-tag"});
    PLAY(IF_STALE, EVERY_KIND, {"ask read fill", "ask read fill", "ask", "write purge"});
}

TEST(a_put_during_a_load_wins)
{
    PLAY(ANYHOW, 0, {"ask read fill", "ask read fill", "put"});
    PLAY(ANYHOW, 0, {"refresh read fill", "ask", "put", "ask"});
}

TEST(a_refresh_replaces_only_the_entry_that_it_was_started_for)
{
    PLAY(ANYHOW, 0, {"ask read fill", "ask read fill", "tag"});
    PLAY(IF_FRESH | IF_STALE, EVERY_KIND, {"refresh read fill", "tag", "write purge"});
}

TEST(nobody_joins_a_stream_that_an_invalidation_overtook)
{
    PLAY(IF_ABSENT | IF_STALE, EVERY_KIND,
         {"ask read share fill", "join read fill", "write purge"});
    PLAY(IF_ABSENT, TAG_ONLY, {"ask read share fill", "join", "ask read fill", "write purge"});
}

/* ---- 2: who owns a load, who owns a wait --------------------------------------------------- */

TEST(who_leaves_ends_only_his_own_wait)
{
    PLAY(IF_ABSENT | IF_GRACE, 0, {"ask read fill", "ask cancel", "ask", "ask cancel"});
    PLAY(IF_ABSENT, EVERY_KIND, {"ask read fill", "ask cancel", "write purge"});
}

TEST(a_leader_that_gives_up_is_followed_by_the_first_who_waits)
{
    PLAY(ANYHOW, 0, {"ask abandon", "ask read fill", "ask read fill"});
    PLAY(IF_ABSENT, EVERY_KIND, {"ask abandon", "ask read fill", "write purge"});
}

TEST(a_silent_leader_is_replaced_and_its_late_fill_dropped)
{
    PLAY(ANYHOW, 0, {"ask read fill", "ask read fill", "late", "ask"});
    PLAY(IF_ABSENT | IF_STALE, 0, {"ask read fill", "late ask read fill", "late"});
    PLAY(IF_ABSENT, EVERY_KIND, {"ask read fill", "ask read fill", "late", "write purge"});
    PLAY(IF_ABSENT, TAG_ONLY, {"ask read share fill", "join read fill", "late", "write purge"});
}

/* ---- 3: when the leader fails -------------------------------------------------------------- */

TEST(a_failure_is_shared_and_the_next_try_waits_where_there_is_a_stale_value)
{
    PLAY(ANYHOW, 0, {"ask fail", "ask read fill", "ask"});
    PLAY(ANYHOW, 0, {"ask fail", "ask fail", "late", "ask read fill"});
    PLAY(ANYHOW, EVERY_KIND, {"ask fail", "ask read fill", "write purge"});
}

TEST(what_is_not_for_sharing_sends_everybody_on_his_own_way)
{
    PLAY(ANYHOW, 0, {"ask disperse", "ask read fill", "ask", "late"});
    PLAY(ANYHOW, EVERY_KIND, {"ask disperse", "ask read fill", "write purge"});
}

/* ---- stale while it is refreshed ----------------------------------------------------------- */

TEST(a_stale_value_is_served_while_exactly_one_refreshes)
{
    PLAY(IF_STALE, 0, {"ask read fill", "ask read fill", "ask read fill"});
    PLAY(IF_STALE | IF_GRACE, EVERY_KIND, {"ask read unchanged", "ask", "write purge"});
    PLAY(IF_FRESH | IF_STALE, EVERY_KIND, {"refresh read unchanged", "tag", "write purge"});
    PLAY(IF_STALE | IF_GRACE, 0, {"ask read unchanged", "ask read unchanged", "late"});
}
