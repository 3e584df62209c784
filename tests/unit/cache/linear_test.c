/* Each key is one register, whatever the threads do: for what they saw there is an order of their
 * calls, one after the other, that explains it and keeps to what was over before what began
 * (linearizability: Herlihy and Wing, 1990). Short rounds of many threads, and after each round
 * every key's history is searched for such an order (Wing and Gong, 1993).
 *
 *   put v        the key is v                      look          what the key is
 *   drop         the key is nothing: a removal, or a purge by key, tag, prefix, space
 *   miss         begins a load; only when the key is nothing
 *   fill v       the key is v; only when nothing was put or dropped since its load's miss
 *
 * SPDX-License-Identifier: MIT */
#include "cache_room.h"
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

enum { THREADS = 3, KEYS = 2, CALLS = 5, HISTORY_MAX = 2 * THREADS * CALLS + 2, BYTES_MAX = 300 };

/* Under valgrind or with all cores taken a round may find no two threads at one time: that proves
 * less, and is no failure. */
#ifdef LARDER_DEBUG
enum { ROUNDS = 4000 };
#else
enum { ROUNDS = 20000 };
#endif

enum kind { PUT, LOOK, DROP, MISS, FILL };

/* One call, as one key sees it. */
struct call {
    enum kind kind;
    uint32_t value; /* 0: nothing */
    unsigned load;  /* MISS, FILL: which */
    int64_t began;
    int64_t ended;
    unsigned thread;
    const char *words;
};

struct history {
    struct call calls[HISTORY_MAX];
    unsigned count;
};

struct field;

struct player {
    struct field *field;
    struct cache_thread *thread;
    struct random random;
    unsigned number;
    uint32_t values;
    unsigned loads;
    struct history histories[KEYS];
};

struct field {
    struct cache *cache;
    pthread_barrier_t start;
    pthread_barrier_t stop;
    struct player players[THREADS];
    unsigned rounds;
    unsigned wrong;        /* histories */
    uint32_t before[KEYS]; /* what the keys were when the round began */
};

static int64_t clock_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- calls ------------------------------------------------------------------------------- */

static struct cache_key key_of(const struct player *player, unsigned key)
{
    static const char *const names[KEYS] = {"key:a", "key:b"};

    return cache_key(player->field->cache, 3, bytes_of_text(names[key]));
}

static void note(struct player *player, unsigned key, struct call call)
{
    struct history *history = &player->histories[key];

    call.thread = player->number;
    call.ended = clock_ns();
    history->calls[history->count++] = call;
}

/* The value, many times over, so that half of one and half of another would show. */
static struct cache_put put_of(struct player *player, unsigned key, uint32_t *bytes)
{
    static const struct bytes tag = {(const uint8_t *)"both", 4};
    uint32_t value = player->number << 24 | ++player->values;
    size_t count = 1 + random_below(&player->random, BYTES_MAX / sizeof value);

    for (size_t i = 0; i < count; i++)
        bytes[i] = value;
    return (struct cache_put){.key = key_of(player, key),
                              .body = bytes_of(bytes, count * sizeof value),
                              .expires_ms = CACHE_NEVER,
                              .tags = &tag,
                              .tag_count = 1};
}

/* UINT32_MAX: it is not whole. */
static uint32_t value_of(const struct cache_view *view)
{
    uint32_t value = 0, other = 0;

    if (view->state == CACHE_MISS)
        return 0;
    memcpy(&value, view->value.data, sizeof value);
    for (size_t at = 0; at < view->value.size; at += sizeof other) {
        memcpy(&other, view->value.data + at, sizeof other);
        if (other != value)
            return UINT32_MAX;
    }
    return value;
}

static void do_put(struct player *player, unsigned key)
{
    uint32_t bytes[BYTES_MAX / sizeof(uint32_t)];
    struct cache_put put = put_of(player, key, bytes);
    struct call call = {.kind = PUT, .value = bytes[0], .began = clock_ns(), .words = "put"};

    if (cache_put(player->thread, &put, 0) != ERR_OK)
        call.value = UINT32_MAX;
    note(player, key, call);
}

static void do_look(struct player *player, unsigned key)
{
    struct call call = {.kind = LOOK, .began = clock_ns(), .words = "look"};
    struct cache_view view;

    (void)cache_look(player->thread, key_of(player, key), 0, &view);
    call.value = value_of(&view);
    note(player, key, call);
}

static void do_tag(struct player *player, unsigned key)
{
    struct bytes tag = BYTES("one more");

    /* Nothing that anybody can see. */
    (void)(cache_tag(player->thread, key_of(player, key), &tag, 1, 0) == ERR_OK);
}

static void do_remove(struct player *player, unsigned key)
{
    struct call call = {.kind = DROP, .began = clock_ns(), .words = "remove"};

    (void)cache_remove(player->thread, key_of(player, key), 0);
    note(player, key, call);
}

/* Concerns all keys, at a moment of its own for each. */
static void do_purge(struct player *player, unsigned key)
{
    static const struct {
        enum cache_purge_by by;
        const char *words;
    } kinds[] = {{CACHE_BY_KEY, "purge by key"},
                 {CACHE_BY_TAG, "purge by tag"},
                 {CACHE_BY_TAG, "purge by tag"},
                 {CACHE_BY_PREFIX, "purge by prefix"},
                 {CACHE_BY_SPACE, "purge by space"}};
    size_t drawn = random_below(&player->random, sizeof kinds / sizeof kinds[0]);
    struct call call = {.kind = DROP, .began = clock_ns(), .words = kinds[drawn].words};
    struct cache_purge purge = {.by = kinds[drawn].by,
                                .key = key_of(player, key),
                                .space = 3,
                                .name = BYTES("both"),
                                .soft = random_below(&player->random, 2) == 0};

    if (purge.by == CACHE_BY_PREFIX)
        purge.name = BYTES("key:");
    if (cache_purge(player->thread, &purge, 0, NULL) != ERR_OK)
        return;
    for (unsigned i = 0; i < KEYS; i++) {
        if (purge.by != CACHE_BY_KEY || i == key)
            note(player, i, call);
    }
}

static void do_fill(struct player *player, unsigned key, struct cache_lease *lease)
{
    uint32_t bytes[BYTES_MAX / sizeof(uint32_t)];
    struct cache_put put = put_of(player, key, bytes);
    struct call call = {.kind = FILL, .load = player->loads, .began = clock_ns(), .words = "fill"};
    enum err err = cache_fill(player->thread, lease, &put, 0);

    call.value = err == ERR_OK ? bytes[0] : UINT32_MAX;
    if (err != ERR_DROPPED)
        note(player, key, call);
}

static void do_load(struct player *player, unsigned key)
{
    struct cache_ask ask = {.lease_ms = 1000, .no_wait = true};
    struct call call = {.kind = LOOK, .began = clock_ns(), .words = "get"};
    struct cache_view view;
    struct cache_lease lease;
    enum cache_answer answer =
        cache_get(player->thread, key_of(player, key), &ask, 0, NULL, &view, &lease, NULL);

    call.value = value_of(&view);
    if (answer == CACHE_LEAD) {
        call.kind = MISS;
        call.words = "miss";
        call.load = ++player->loads;
    }
    note(player, key, call);
    if (answer != CACHE_LEAD)
        return;
    if (random_below(&player->random, 2) == 0)
        sched_yield();
    do_fill(player, key, &lease);
}

static void play_round(struct player *player)
{
    static void (*const acts[])(struct player * player, unsigned key) = {
        do_put, do_look, do_look, do_look, do_remove, do_purge, do_load, do_load, do_tag};

    for (unsigned i = 0; i < CALLS; i++) {
        unsigned key = (unsigned)random_below(&player->random, KEYS);

        acts[random_below(&player->random, sizeof acts / sizeof acts[0])](player, key);
    }
    if (random_below(&player->random, 4) == 0)
        (void)cache_turn(player->thread, 0);
}

static void *play(void *argument)
{
    struct player *player = argument;
    struct field *field = player->field;

    player->thread = cache_join(field->cache);
    for (unsigned round = 0; round < field->rounds; round++) {
        (void)pthread_barrier_wait(&field->start);
        play_round(player);
        (void)pthread_barrier_wait(&field->stop);
    }
    cache_leave(&player->thread);
    return NULL;
}

/* ---- the search for an order -------------------------------------------------------------- */

/* What the beginning of an order comes to. */
struct state {
    uint64_t done; /* calls that have their place */
    uint64_t open; /* calls MISS whose load nothing has overtaken */
    uint32_t value;
};

enum { VISITED = 1 << 14 };

struct search {
    const struct history *history;
    unsigned number;
    /* Beginnings that came to nothing, by a hash; those of other searches do not count. */
    struct {
        struct state state;
        unsigned search;
    } visited[VISITED];
};

static bool same_load(const struct call *miss, const struct call *fill)
{
    return miss->kind == MISS && miss->thread == fill->thread && miss->load == fill->load;
}

static bool is_open(const struct search *search, const struct state *state, const struct call *fill)
{
    for (unsigned i = 0; i < search->history->count; i++) {
        if ((state->open >> i & 1) != 0 && same_load(&search->history->calls[i], fill))
            return true;
    }
    return false;
}

/* Makes the call the next of the order. False: it cannot be. */
static bool apply(const struct search *search, unsigned number, struct state *state)
{
    const struct call *call = &search->history->calls[number];

    state->done |= (uint64_t)1 << number;
    switch (call->kind) {
    case LOOK:
        return call->value == state->value;
    case MISS:
        state->open |= (uint64_t)1 << number;
        return state->value == 0;
    case FILL:
        if (!is_open(search, state, call))
            return false;
        break;
    case PUT:
    case DROP:
        break;
    }
    state->open = 0;
    state->value = call->value;
    return call->value != UINT32_MAX;
}

/* Whether another call, which has no place yet, was over before this one began. */
static bool must_wait(const struct search *search, const struct state *state, unsigned number)
{
    const struct history *history = search->history;

    for (unsigned i = 0; i < history->count; i++) {
        if ((state->done >> i & 1) == 0 && history->calls[i].ended < history->calls[number].began)
            return true;
    }
    return false;
}

static bool is_same(const struct state *a, const struct state *b)
{
    return a->done == b->done && a->open == b->open && a->value == b->value;
}

/* True: this beginning was tried already. */
static bool was_visited(struct search *search, const struct state *state)
{
    uint64_t hash = (state->done * 31 + state->open) * 31 + state->value;
    size_t at = (hash * 0x9e3779b97f4a7c15) >> 50;

    if (search->visited[at].search == search->number && is_same(&search->visited[at].state, state))
        return true;
    search->visited[at].search = search->number;
    search->visited[at].state = *state;
    return false;
}

/* Its depth is the number of calls. NOLINTNEXTLINE(misc-no-recursion) */
static bool find_order(struct search *search, const struct state *state)
{
    unsigned count = search->history->count;

    if (state->done + 1 == (uint64_t)1 << count)
        return true;
    if (was_visited(search, state))
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct state next = *state;

        if ((state->done >> i & 1) == 0 && !must_wait(search, state, i) &&
            apply(search, i, &next) && find_order(search, &next))
            return true;
    }
    return false;
}

static void print_history(const struct history *history, unsigned key, uint32_t before)
{
    (void)printf("         no order explains key %u, which was %x:\n", key, before);
    for (unsigned i = 0; i < history->count; i++) {
        const struct call *call = &history->calls[i];

        (void)printf("           %9lld to %9lld ns, thread %u: %s %x\n",
                     (long long)(call->began - history->calls[0].began),
                     (long long)(call->ended - history->calls[0].began), call->thread, call->words,
                     call->value);
    }
}

/* Gathers what all did with the key, and what it is now that all are still. */
static void check_key(struct field *field, struct cache_thread *thread, unsigned key)
{
    static struct history all;
    struct player judge = {.field = field, .thread = thread, .number = THREADS};
    static struct search search = {.history = &all};
    struct state state = {.value = field->before[key]};

    all.count = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        struct history *history = &field->players[i].histories[key];

        for (unsigned k = 0; k < history->count; k++)
            all.calls[all.count++] = history->calls[k];
        history->count = 0;
    }
    do_look(&judge, key);
    all.calls[all.count++] = judge.histories[key].calls[0];
    field->before[key] = all.calls[all.count - 1].value;
    search.number++;
    if (!find_order(&search, &state) && field->wrong++ == 0)
        print_history(&all, key, state.value);
}

static void play_all(struct field *field, struct cache_thread *thread)
{
    for (unsigned round = 0; round < field->rounds; round++) {
        (void)pthread_barrier_wait(&field->start);
        (void)pthread_barrier_wait(&field->stop);
        for (unsigned key = 0; key < KEYS; key++)
            check_key(field, thread, key);
        (void)cache_turn(thread, 0);
    }
}

TEST(for_whatever_threads_see_there_is_an_order_that_explains_it)
{
    static struct field field;
    struct cache_settings settings = room_settings(64 << 20, "s3fifo");
    pthread_t threads[THREADS];
    struct cache_thread *thread = NULL;

    memset(&field, 0, sizeof field);
    field.cache = cache_new(&settings, 1);
    field.rounds = ROUNDS;
    thread = cache_join(field.cache);
    CHECK(pthread_barrier_init(&field.start, NULL, THREADS + 1) == 0);
    CHECK(pthread_barrier_init(&field.stop, NULL, THREADS + 1) == 0);
    for (unsigned i = 0; i < THREADS; i++) {
        field.players[i].field = &field;
        field.players[i].number = i;
        random_init(&field.players[i].random, 100 + i);
        CHECK(pthread_create(&threads[i], NULL, play, &field.players[i]) == 0);
    }
    play_all(&field, thread);
    for (unsigned i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    (void)pthread_barrier_destroy(&field.start);
    (void)pthread_barrier_destroy(&field.stop);
    cache_leave(&thread);
    cache_free(&field.cache);
    CHECK(field.wrong == 0);
}
