/* sim.c: the world: its threads, its clock, its choices. SPDX-License-Identifier: MIT */
#include "sim.h"

#include "cache/policy.h"

#include "base/must.h"

#include <stdarg.h>
#include <string.h>

enum {
    TURNS_MAX = 400,     /* until everything has settled */
    CHECKED_EVERY = 400, /* steps: the whole map */
    TURN_MS = 100,       /* from a turn to the next, in a world where nothing happens */
    OVER_MS = 1000,      /* until what is over is not counted any more */
};

/* ---- choices and failures ---------------------------------------------------------------- */

/* When the fuzzer's bytes are at an end all choices are the first. */
unsigned sim_pick(struct sim *sim, unsigned bound)
{
    unsigned number = 0;

    if (sim->settings.data == NULL)
        return (unsigned)random_below(&sim->random, bound);
    for (unsigned left = bound - 1; left > 0; left >>= 8) {
        number <<= 8;
        if (sim->data_at < sim->settings.size)
            number |= sim->settings.data[sim->data_at++];
    }
    return number % bound;
}

void sim_say(const struct sim *sim, const char *format, ...)
{
    va_list arguments;

    if (!sim->settings.loud)
        return;
    (void)printf("  %6u  thread %d at %lld: %s", sim->step, (int)(sim->actor - sim->actors),
                 (long long)sim->actor->now_ms, sim->depth > 0 ? "    " : "");
    va_start(arguments, format);
    (void)vprintf(format, arguments);
    va_end(arguments);
    (void)putchar('\n');
    (void)fflush(stdout);
}

_Noreturn void sim_fail(const struct sim *sim, const char *what, const char *file, int line)
{
    sim->settings.failed(sim, what, file, line);
    never("a failure returned");
}

/* ---- threads ----------------------------------------------------------------------------- */

static void forget_seen(struct sim *sim, struct sim_actor *actor)
{
    sim_check_seen(sim, actor);
    actor->seen_count = 0;
}

static int64_t turn(struct sim *sim, struct sim_actor *actor)
{
    struct sim_actor *before = sim->actor;
    int64_t next_ms = 0;

    forget_seen(sim, actor);
    sim->actor = actor;
    next_ms = cache_turn(actor->thread, actor->now_ms);
    SIM_CHECK(sim, next_ms > actor->now_ms);
    sim_loads_turned(sim);
    sim->actor = before;
    return next_ms;
}

static void move_clock(struct sim *sim, struct sim_actor *actor)
{
    int64_t now_ms = sim->now_ms - (sim->skewed ? (int64_t)sim_pick(sim, 8) : 0);

    if (now_ms > actor->now_ms)
        actor->now_ms = now_ms;
    if (actor->now_ms > sim->newest_ms)
        sim->newest_ms = actor->now_ms;
}

static void join(struct sim *sim, struct sim_actor *actor)
{
    *actor = (struct sim_actor){.thread = cache_join(sim->cache), .now_ms = actor->now_ms};
}

static void wake(struct sim *sim, struct sim_actor *actor)
{
    if (actor->thread == NULL)
        join(sim, actor);
    else if (actor->rests)
        cache_wake(actor->thread);
    actor->rests = false;
}

static void do_turn(struct sim *sim)
{
    sim_say(sim, "turn");
    (void)turn(sim, sim->actor);
}

static void do_pass(struct sim *sim)
{
    forget_seen(sim, sim->actor);
    cache_pass(sim->actor->thread);
}

static void do_make_room(struct sim *sim)
{
    size_t bytes = sim_pick(sim, 600 << 10);
    enum err err = ERR_OK;

    forget_seen(sim, sim->actor);
    err = cache_make_room(sim->actor->thread, bytes);
    sim_say(sim, "room for %zu: %s", bytes, err_text(err));
    SIM_CHECK(sim, err == ERR_OK || (sim->tight && err == ERR_FULL));
}

static void do_rest(struct sim *sim)
{
    sim_say(sim, "rest");
    forget_seen(sim, sim->actor);
    cache_rest(sim->actor->thread);
    sim->actor->rests = true;
}

static void do_leave(struct sim *sim)
{
    sim_say(sim, "leave");
    forget_seen(sim, sim->actor);
    cache_leave(&sim->actor->thread);
}

/* True: somebody wants to go on at once. */
static bool turn_all(struct sim *sim)
{
    bool more = false;

    for (unsigned i = 0; i < SIM_ACTORS; i++) {
        struct sim_actor *actor = &sim->actors[i];

        if (actor->thread != NULL && !actor->rests)
            more |= turn(sim, actor) <= actor->now_ms + 1;
    }
    return more;
}

bool sim_settle(struct sim *sim)
{
    bool more = true;

    for (unsigned i = 0; i < TURNS_MAX && more; i++)
        more = turn_all(sim);
    if (!more) {
        memset(sim->softened, 0, sizeof sim->softened);
        memset(sim->emptied, 0, sizeof sim->emptied);
    }
    return !more;
}

/* ---- the whole map ----------------------------------------------------------------------- */

static void check_count(struct sim *sim, int first)
{
    unsigned living = 0, over = 0;

    for (int key = first; key < first + SIM_NAMES; key++) {
        const struct sim_fact *fact = &sim->facts[key];

        living += sim_visible(sim, key);
        over +=
            fact->there && !sim_visible(sim, key) && sim_ends(fact) > sim->actor->now_ms - OVER_MS;
    }
    size_t count = cache_count(sim->cache, sim_space(first));

    SIM_CHECK(sim, count >= living && count <= living + over);
}

static void check_all(struct sim *sim)
{
    struct cache_view view;
    bool settled = sim_settle(sim);

    /* What is over goes within a second. */
    for (unsigned i = 0; i < OVER_MS / TURN_MS; i++) {
        sim->now_ms = sim->newest_ms + TURN_MS;
        for (unsigned k = 0; k < SIM_ACTORS; k++)
            move_clock(sim, &sim->actors[k]);
        (void)turn_all(sim);
    }
    sim_say(sim, "check everything");
    for (int key = 0; key < SIM_KEYS; key++) {
        (void)cache_peek(sim->actor->thread, sim_key(sim, key), sim->actor->now_ms, &view);
        sim_check_view(sim, key, &view);
    }
    if (!settled || sim->tight || sim->skewed)
        return;
    for (int key = 0; key < SIM_KEYS; key += SIM_NAMES)
        check_count(sim, key);
}

/* ---- steps ------------------------------------------------------------------------------- */

static void do_time(struct sim *sim)
{
    static const unsigned jumps[] = {1, 5, 20, 50, 200, 1000, 70000, 10000000};

    sim->now_ms += sim_pick(sim, jumps[sim_pick(sim, sim_once_in(sim, 24) ? 8 : 4)]) + 1;
    sim_say(sim, "it is %lld", (long long)sim->now_ms);
}

static void do_limit(struct sim *sim)
{
    size_t limit = (size_t)(3 + sim_pick(sim, 4)) << 20;
    const char *const *names = policy_names();
    unsigned count = 0;

    while (names[count] != NULL)
        count++;
    if (sim_once_in(sim, 2)) {
        unsigned number = sim_pick(sim, count);

        sim_say(sim, "policy %s", names[number]);
        SIM_CHECK(sim, cache_set_policy(sim->cache, names[number]) == ERR_OK);
    } else if (sim->tight) {
        sim_say(sim, "limit %zu", limit);
        cache_set_memory_max(sim->cache, limit);
    }
}

static void do_lead(struct sim *sim)
{
    for (unsigned i = 0; i < 8; i++) {
        struct sim_lead *lead = sim_pick_lead(sim);

        if (lead == NULL)
            continue;
        if (sim_once_in(sim, 2))
            sim_fill(sim, lead);
        else if (sim_once_in(sim, 2))
            sim_continue(sim, lead);
        else
            sim_end(sim, lead);
        return;
    }
}

static void one_act(struct sim *sim, int key)
{
    static const struct {
        unsigned weight;
        void (*world)(struct sim *sim);
        void (*key)(struct sim *sim, int key);
    } acts[] = {
        {16, NULL, sim_put},          {20, NULL, sim_look},      {14, NULL, sim_get},
        {14, do_lead, NULL},          {8, do_time, NULL},        {8, do_turn, NULL},
        {4, NULL, sim_remove},        {4, NULL, sim_set_expiry}, {4, NULL, sim_give_tag},
        {2, NULL, sim_purge},         {3, NULL, sim_purge_key},  {3, NULL, sim_put_object},
        {3, NULL, sim_change_object}, {3, NULL, sim_hold},       {3, NULL, sim_watch},
        {3, sim_step_of_many, NULL},  {2, sim_cancel, NULL},     {2, do_pass, NULL},
        {2, do_rest, NULL},           {1, do_leave, NULL},       {1, sim_walk, NULL},
        {1, NULL, sim_preview},       {1, sim_crowd, NULL},      {1, NULL, sim_put_wrong},
        {1, do_limit, NULL},          {2, sim_look_many, NULL},  {1, do_make_room, NULL},
    };
    unsigned at = 0, all = 0;

    for (unsigned i = 0; i < sizeof acts / sizeof acts[0]; i++)
        all += acts[i].weight;
    unsigned drawn = sim_pick(sim, all);

    while (drawn >= acts[at].weight)
        drawn -= acts[at++].weight;
    if (acts[at].world != NULL)
        acts[at].world(sim);
    else
        acts[at].key(sim, key);
}

static void one_step(struct sim *sim)
{
    sim->actor = &sim->actors[sim_pick(sim, SIM_ACTORS)];
    move_clock(sim, sim->actor);
    wake(sim, sim->actor);
    sim_watches_begin(sim);
    one_act(sim, sim_pick_key(sim));
    sim_watches_end(sim);
    sim_check_nobody_woken(sim);
    /* Who needs memory naps until the others have had their turns, and here nobody else runs. */
    if (sim->tight && sim_once_in(sim, 3)) {
        wake(sim, sim->actor);
        (void)turn_all(sim);
    }
    if (sim_once_in(sim, 16))
        sim_check_seen(sim, &sim->actors[sim_pick(sim, SIM_ACTORS)]);
    if (sim->step % CHECKED_EVERY == CHECKED_EVERY - 1) {
        wake(sim, sim->actor);
        check_all(sim);
    }
}

/* ---- begin and end ----------------------------------------------------------------------- */

static void begin(struct sim *sim)
{
    static const char *const policies[] = {"s3fifo", "lru", "sieve", "lfu"};
    static struct cache_object_ops ops;
    struct cache_settings settings = {.objective = "requests",
                                      .value_max = 1 << 20,
                                      .leases_max = 65536,
                                      .waiters_max = 4,
                                      .negative_share = 0.05};

    sim->tight = sim_once_in(sim, 4);
    sim->skewed = sim_once_in(sim, 4);
    settings.memory_max = sim->tight ? 4 << 20 : 64 << 20;
    settings.policy = policies[sim_pick(sim, 4)];
    sim->cache = cache_new(&settings, 1 + sim_pick(sim, 1000));
    ops = sim_object_ops();
    cache_set_object_ops(sim->cache, SIM_KIND_OBJECT, &ops);
    sim->now_ms = sim->newest_ms = 1000;
    sim->actor = &sim->actors[0];
    for (unsigned i = 0; i < SIM_ACTORS; i++)
        sim->actors[i].now_ms = sim->now_ms;
    for (unsigned i = 0; i < SIM_KEYS; i++)
        sim->leading[i] = SIM_NONE;
    for (unsigned i = 0; i < SIM_WAITERS; i++)
        sim->waiters[i].lead = SIM_NONE;
    sim_say(sim, "memory %s, clocks %s, policy %s", sim->tight ? "short" : "enough",
            sim->skewed ? "differ" : "agree", settings.policy);
}

static void end_loads(struct sim *sim)
{
    bool any = true;

    while (any) {
        any = false;
        for (unsigned i = 0; i < SIM_LEADS; i++) {
            if (!sim->leads[i].active)
                continue;
            cache_abandon(sim->actor->thread, &sim->leads[i].lease, sim->actor->now_ms);
            sim->leads[i].active = false;
            for (unsigned k = 0; k < SIM_WAITERS; k++) {
                struct sim_waiter *waiter = &sim->waiters[k];

                if (waiter->woken && waiter->outcome == CACHE_PROMOTED)
                    cache_abandon(sim->actor->thread, &waiter->lease, sim->actor->now_ms);
                waiter->woken = false;
            }
            any = true;
        }
    }
    for (unsigned i = 0; i < SIM_WAITERS; i++)
        SIM_CHECK(sim, !sim->waiters[i].waits);
    for (unsigned i = 0; i < SIM_LEADS; i++)
        SIM_CHECK(sim, sim->leads[i].shares == 0);
}

static void check_empty(struct sim *sim)
{
    struct cache_metrics metrics;

    cache_read_metrics(sim->cache, &metrics);
    sim_say(sim, "%llu hits, %llu puts, %llu expired, %llu evicted, %llu purged, %llu refused",
            (unsigned long long)counter_read(&metrics.hits),
            (unsigned long long)counter_read(&metrics.puts),
            (unsigned long long)counter_read(&metrics.expired),
            (unsigned long long)counter_read(&metrics.evicted),
            (unsigned long long)counter_read(&metrics.purged),
            (unsigned long long)counter_read(&metrics.refused_full));
    sim->evicted = counter_read(&metrics.evicted);
    SIM_CHECK(sim, counter_read(&metrics.entries) == 0);
    SIM_CHECK(sim, counter_read(&metrics.tags) == 0);
    SIM_CHECK(sim, counter_read(&metrics.leases) == 0);
    SIM_CHECK(sim, counter_read(&metrics.waiters) == 0);
    SIM_CHECK(sim, counter_read(&metrics.memory_objects_bytes) == 0);
    SIM_CHECK(sim, counter_read(&metrics.memory_tags_bytes) < 65536);
    SIM_CHECK(sim, counter_read(&metrics.memory_values_bytes) == 0);
    for (unsigned i = 0; i < sim->object_count; i++)
        SIM_CHECK(sim, sim->objects[i].freed == sim->objects[i].taken);
}

/* Everything goes, and nothing is left. */
static void end(struct sim *sim)
{
    struct cache_purge purge = {.by = CACHE_BY_ALL};

    for (unsigned i = 0; i < SIM_ACTORS; i++) {
        sim->actors[i].now_ms = sim->newest_ms;
        wake(sim, &sim->actors[i]);
    }
    check_all(sim);
    end_loads(sim);
    for (unsigned i = 0; i < SIM_HOLDS; i++) {
        if (sim->holds[i].entry != NULL)
            sim_drop(sim, &sim->holds[i]);
    }
    if (sim->tight) {
        /* There are policies that let nothing leave. */
        SIM_CHECK(sim, cache_set_policy(sim->cache, "s3fifo") == ERR_OK);
        cache_set_memory_max(sim->cache, 3 << 20);
        (void)sim_settle(sim);
        SIM_CHECK(sim, account_used(cache_account(sim->cache)) <= 3 << 20);
    }
    for (unsigned i = 0; i < SIM_WATCHES; i++) {
        if (sim->watches[i].set)
            cache_unwatch(sim->actor->thread, &sim->watches[i].watch);
    }
    SIM_CHECK(sim, cache_purge(sim->actor->thread, &purge, sim->newest_ms, NULL) == ERR_OK);
    for (unsigned i = 0; i < 3; i++)
        (void)sim_settle(sim);
    check_empty(sim);
    for (unsigned i = 0; i < SIM_ACTORS; i++)
        cache_leave(&sim->actors[i].thread);
    cache_free(&sim->cache);
    SIM_CHECK(sim, sim->tests == 0);
}

static bool is_over(const struct sim *sim)
{
    return sim->step == sim->settings.steps ||
           (sim->settings.data != NULL && sim->data_at >= sim->settings.size);
}

void sim_run(struct sim *sim, const struct sim_settings *settings)
{
    memset(sim, 0, sizeof *sim);
    sim->settings = *settings;
    random_init(&sim->random, settings->seed);
    begin(sim);
    for (; !is_over(sim); sim->step++) {
        if (settings->left_out != NULL && settings->left_out[sim->step])
            continue;
        random_init(&sim->random, settings->seed * 0x9e3779b97f4a7c15 + sim->step);
        one_step(sim);
    }
    end(sim);
}
