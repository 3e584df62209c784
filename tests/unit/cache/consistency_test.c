/* Many threads at once. Every value says whose it is, which version it is and whether it is whole;
 * nobody sees a version older than a put that was acknowledged, or than an invalidation (by key,
 * tag, prefix or space) that had returned, before he asked. To be run under the sanitizers; it
 * proves nothing by its timing.
 * SPDX-License-Identifier: MIT */
#include "base/sanitizer.h"
#include "cache_room.h"
#include "t.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#if SANITIZER_THREAD
enum { ROUNDS = 8000 };
#elif defined(LARDER_DEBUG)
enum { ROUNDS = 10000 };
#else
enum { ROUNDS = 40000 };
#endif

enum { THREADS = 4, KEYS = 512, FILLER_MAX = 4000 };

/* What is stored: it knows whose it is and whether it is whole. */
struct content {
    uint32_t number;
    uint32_t version;
    uint32_t size;
    uint32_t sum;
    uint8_t filler[FILLER_MAX];
};

enum { CONTENT_HEAD = offsetof(struct content, filler) };

struct arena_of_threads {
    struct cache *cache;
    _Atomic uint32_t versions[KEYS]; /* of the source */
    _Atomic uint32_t floors[KEYS];   /* versions below were invalidated, and that has returned */
    _Atomic uint32_t acked[KEYS]; /* the newest version that was put and acknowledged, in space 0 */
    _Atomic int64_t now_ms;
    _Atomic uint32_t pairs; /* put so far */
    bool operated;          /* limit and policy change meanwhile */
    _Atomic uint32_t failures;
    _Atomic uint32_t leads;
    _Atomic uint32_t waits;
};

struct worker {
    struct arena_of_threads *all;
    unsigned number;
    uint32_t seen[KEYS]; /* the newest version, in space 0 */
    struct cache_thread *thread;
    struct random random;
    struct content content;
    struct cache_entry *held;
    struct bytes held_value;
};

/* t.h's CHECK leaves the thread by a jump, which only the test's own thread may do. */
static void failed(struct worker *worker, const char *what, int line)
{
    if (atomic_fetch_add(&worker->all->failures, 1) == 0)
        (void)printf("         thread %u, line %d: %s\n", worker->number, line, what);
}

#define EXPECT(condition) ((condition) ? (void)0 : failed(worker, #condition, __LINE__))

static uint32_t sum_of(const struct content *content)
{
    uint32_t sum = content->number * 31 + content->version * 17 + content->size;

    for (uint32_t i = 0; i < content->size; i++)
        sum = sum * 33 + content->filler[i];
    return sum;
}

static struct bytes make_content(struct worker *worker, uint32_t number, uint32_t version)
{
    struct content *content = &worker->content;

    content->number = number;
    content->version = version;
    content->size = (uint32_t)random_below(&worker->random, 32);
    if (random_below(&worker->random, 8) == 0)
        content->size = (uint32_t)random_below(&worker->random, FILLER_MAX);
    memset(content->filler, (int)(version & 0xff), content->size);
    content->sum = sum_of(content);
    return bytes_of(content, CONTENT_HEAD + content->size);
}

static bool is_whole(struct bytes value, uint32_t number, uint32_t *ret_version)
{
    static _Thread_local struct content content;

    if (value.size < CONTENT_HEAD || value.size > sizeof content)
        return false;
    memcpy(&content, value.data, value.size);
    *ret_version = content.version;
    return content.number == number && content.size == value.size - CONTENT_HEAD &&
           content.sum == sum_of(&content);
}

static struct cache_key key_in(const struct worker *worker, unsigned space, const struct name *name)
{
    return cache_key(worker->all->cache, space, name_bytes(name));
}

/* ---- plain use --------------------------------------------------------------------------- */

static void look(struct worker *worker, uint32_t number, int64_t now_ms)
{
    struct name name = name_of((int)number);
    uint32_t floor = atomic_load(&worker->all->acked[number]);
    struct cache_view view;
    uint32_t version = 0;

    if (cache_look(worker->thread, key_in(worker, 0, &name), now_ms, &view) == CACHE_MISS)
        return;
    EXPECT(is_whole(view.value, number, &version));
    EXPECT(version >= floor);
    EXPECT(version >= worker->seen[number]);
    worker->seen[number] = version;
    if (worker->held == NULL && random_below(&worker->random, 16) == 0) {
        worker->held = cache_hold(worker->all->cache, &view);
        worker->held_value = view.value;
    }
}

/* Each key has one thread that puts it, so that the newest version is the one put last. */
static void put(struct worker *worker, uint32_t any, int64_t now_ms)
{
    uint32_t number = any - any % THREADS + worker->number;
    uint32_t version = atomic_load(&worker->all->acked[number]) + 1;
    struct name name = name_of((int)number);
    struct bytes tag = bytes_of(name.text, 15); /* shared by ten */
    struct cache_put put = {.key = key_in(worker, 0, &name),
                            .body = make_content(worker, number, version),
                            .expires_ms = now_ms + 1 + (int64_t)random_below(&worker->random, 200),
                            .tags = &tag,
                            .tag_count = random_below(&worker->random, 2)};
    enum err err = ERR_OK;

    if (random_below(&worker->random, 4) == 0)
        put.expires_ms = CACHE_NEVER;
    /* Full: the others have not been on the processor for long, and read on. */
    err = cache_put(worker->thread, &put, now_ms);
    EXPECT(err == ERR_OK || err == ERR_FULL);
    if (err == ERR_OK)
        atomic_store(&worker->all->acked[number], version);
}

static void check_held(struct worker *worker)
{
    struct content content;
    uint32_t version = 0;

    if (worker->held == NULL)
        return;
    memcpy(&content, worker->held_value.data, CONTENT_HEAD);
    EXPECT(is_whole(worker->held_value, content.number, &version));
    cache_drop(worker->all->cache, &worker->held);
}

/* ---- loads ------------------------------------------------------------------------------- */

struct stress_waiter {
    struct cache_waiter waiter;
    struct worker *worker;
    uint32_t number;
    uint32_t floor;
    struct cache_lease lease;
    _Atomic bool leads;
    _Atomic bool woken;
};

static void see(struct worker *worker, const struct cache_view *view, uint32_t number,
                uint32_t floor)
{
    uint32_t version = 0;

    EXPECT(is_whole(view->value, number, &version));
    EXPECT(version >= floor);
}

static void on_woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct stress_waiter *one = list_owner(waiter, struct stress_waiter, waiter);

    if (wake->outcome == CACHE_FILLED)
        see(one->worker, wake->view, one->number, one->floor);
    if (wake->outcome == CACHE_PROMOTED) {
        one->lease = wake->lease;
        atomic_store(&one->leads, true);
    }
    atomic_store(&one->woken, true);
}

static void load(struct worker *worker, uint32_t number, struct cache_lease *lease, int64_t now_ms)
{
    struct name name = name_of((int)number);
    uint32_t version = atomic_load(&worker->all->versions[number]);
    struct bytes tags[2] = {bytes_of(name.text, 15), name_bytes(&name)};
    struct cache_put put = {.key = key_in(worker, 1, &name),
                            .body = make_content(worker, number, version),
                            .expires_ms = now_ms + 100,
                            .tags = tags,
                            .tag_count = 2};
    enum err err = ERR_OK;

    atomic_fetch_add(&worker->all->leads, 1);
    if (random_below(&worker->random, 16) == 0)
        sched_yield();
    if (random_below(&worker->random, 16) == 0) {
        cache_abandon(worker->thread, lease, now_ms);
        return;
    }
    if (random_below(&worker->random, 32) == 0) {
        cache_fail(worker->thread, lease, ERR_PEER_BROKEN, 0, now_ms);
        return;
    }
    err = cache_fill(worker->thread, lease, &put, now_ms);
    EXPECT(err == ERR_OK || err == ERR_DROPPED || err == ERR_FULL);
}

static void wait_for(struct worker *worker, struct stress_waiter *one, int64_t now_ms)
{
    atomic_fetch_add(&worker->all->waits, 1);
    if (random_below(&worker->random, 4) == 0 && cache_cancel(worker->thread, &one->waiter))
        return;
    while (!atomic_load(&one->woken)) {
        (void)cache_turn(worker->thread, now_ms);
        sched_yield();
    }
    if (atomic_load(&one->leads))
        load(worker, one->number, &one->lease, now_ms);
}

static void get(struct worker *worker, uint32_t number, int64_t now_ms)
{
    struct name name = name_of((int)number);
    struct cache_ask ask = {.lease_ms = 1000000};
    struct stress_waiter one = {.worker = worker, .number = number};
    struct cache_view view;
    struct cache_lease lease;

    one.waiter.woken = on_woken;
    one.floor = atomic_load(&worker->all->floors[number]);
    switch (cache_get(worker->thread, key_in(worker, 1, &name), &ask, now_ms, &one.waiter, &view,
                      &lease, NULL)) {
    case CACHE_HIT:
        see(worker, &view, number, one.floor);
        break;
    case CACHE_LEAD:
        load(worker, number, &lease, now_ms);
        break;
    case CACHE_WAIT:
        wait_for(worker, &one, now_ms);
        break;
    case CACHE_HIT_STALE:
    case CACHE_HIT_LEAD:
    case CACHE_JOIN:
    case CACHE_REFUSED:
        EXPECT(false);
    }
}

/* One more tag, which makes another entry of it: no purge may be forgotten over that. */
static void tag(struct worker *worker, unsigned space, uint32_t number, int64_t now_ms)
{
    struct name name = name_of((int)number);
    struct name other = name_of((int)random_below(&worker->random, KEYS));
    struct bytes text = name_bytes(&other);
    enum err err = cache_tag(worker->thread, key_in(worker, space, &name), &text, 1, now_ms);

    EXPECT(err == ERR_OK || err == ERR_MISS || err == ERR_TOO_BIG || err == ERR_FULL);
}

static void raise_floor(struct worker *worker, uint32_t number, uint32_t version)
{
    uint32_t before = atomic_load(&worker->all->floors[number]);

    while (before < version &&
           !atomic_compare_exchange_weak(&worker->all->floors[number], &before, version))
        continue;
}

static void invalidate(struct worker *worker, uint32_t number, int64_t now_ms)
{
    struct name name = name_of((int)number);
    struct cache_purge purge = {
        .key = key_in(worker, 1, &name), .space = 1, .name = name_bytes(&name)};
    uint32_t version = atomic_fetch_add(&worker->all->versions[number], 1) + 1;
    enum err err = ERR_OK;

    switch (random_below(&worker->random, 16)) {
    case 0:
        purge.by = CACHE_BY_PREFIX;
        break;
    case 1:
        purge.by = CACHE_BY_SPACE;
        break;
    case 2:
    case 3:
    case 4:
        purge.by = CACHE_BY_KEY;
        break;
    default:
        purge.by = CACHE_BY_TAG;
        break;
    }
    /* Nothing here may be served stale, so that a soft purge is as good as a hard one. */
    purge.soft = random_below(&worker->random, 2) == 0;
    err = cache_purge(worker->thread, &purge, now_ms, NULL);
    EXPECT(err == ERR_OK || err == ERR_FULL);
    if (err == ERR_OK)
        raise_floor(worker, number, version);
}

/* ---- steps ------------------------------------------------------------------------------- */

static uint32_t version_of(struct worker *worker, uint32_t number)
{
    struct name name = name_of((int)number);
    struct cache_view view;
    uint32_t version = 0;

    if (cache_peek(worker->thread, key_in(worker, 2, &name), 0, &view) != CACHE_MISS)
        EXPECT(is_whole(view.value, number, &version));
    return version;
}

static void put_pair(struct worker *worker, uint32_t number, uint32_t version)
{
    struct name name = name_of((int)number);
    struct cache_put put = {.key = key_in(worker, 2, &name),
                            .body = make_content(worker, number, version),
                            .expires_ms = CACHE_NEVER};

    if (cache_put(worker->thread, &put, 0) != ERR_OK)
        (void)cache_remove(worker->thread, put.key, 0);
}

/* Keys 0 and 1 of space 2 always change together; eviction may take one, so 0 stands for unknown.
 */
static void step(struct worker *worker)
{
    struct name names[2] = {name_of(0), name_of(1)};
    struct cache_key keys[2] = {key_in(worker, 2, &names[0]), key_in(worker, 2, &names[1])};
    uint32_t first = 0, second = 0, version = 0;

    if (random_below(&worker->random, 2) == 0) {
        first = version_of(worker, 0);
        second = version_of(worker, 1);
        EXPECT(first == 0 || second == 0 || second >= first);
        return;
    }
    if (random_below(&worker->random, 8) == 0)
        cache_lock_all(worker->thread);
    else
        cache_lock(worker->thread, keys, 2);
    first = version_of(worker, 0);
    second = version_of(worker, 1);
    EXPECT(first == 0 || second == 0 || second == first);
    version = atomic_fetch_add(&worker->all->pairs, 1) + 1;
    put_pair(worker, 0, version);
    put_pair(worker, 1, version);
    cache_unlock(worker->thread);
}

/* ---- all together ------------------------------------------------------------------------ */

static void one_round(struct worker *worker, int round)
{
    uint32_t number = (uint32_t)random_below(&worker->random, KEYS);
    int64_t now_ms = atomic_load(&worker->all->now_ms);
    struct name name = name_of((int)number);

    switch (random_below(&worker->random, 16)) {
    case 0:
    case 1:
    case 2:
        put(worker, number, now_ms);
        break;
    case 3:
        (void)cache_remove(worker->thread, key_in(worker, 0, &name), now_ms);
        break;
    case 4:
        (void)cache_set_expiry(worker->thread, key_in(worker, 0, &name), now_ms + 50, now_ms);
        break;
    case 5:
        step(worker);
        break;
    case 6:
        invalidate(worker, number % 32, now_ms);
        break;
    case 7:
    case 8:
    case 9:
        get(worker, number % 32, now_ms);
        break;
    case 10:
        tag(worker, (unsigned)random_below(&worker->random, 2), number % 32, now_ms);
        break;
    default:
        look(worker, number, now_ms);
        break;
    }
    if (round % 16 == 0) {
        (void)cache_turn(worker->thread, now_ms);
        check_held(worker);
    }
    if (round % 256 == 0) {
        cache_rest(worker->thread);
        sched_yield();
        cache_wake(worker->thread);
        atomic_fetch_add(&worker->all->now_ms, 1);
    }
}

/* One of the threads is the operator, too. */
static void operate(struct worker *worker)
{
    static const char *const policies[] = {"s3fifo", "lru", "lfu", "sieve"};
    struct random *random = &worker->random;

    if (random_below(random, 2) == 0)
        cache_set_memory_max(worker->all->cache, (size_t)(2 + random_below(random, 3)) << 20);
    else
        EXPECT(cache_set_policy(worker->all->cache, policies[random_below(random, 4)]) == ERR_OK);
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    worker->thread = cache_join(worker->all->cache);
    for (int round = 0; round < ROUNDS; round++) {
        one_round(worker, round);
        if (worker->number == 0 && worker->all->operated && round % 512 == 0)
            operate(worker);
    }
    cache_drop(worker->all->cache, &worker->held);
    cache_leave(&worker->thread);
    return NULL;
}

static void stress(const char *policy, uint64_t seed, bool operated)
{
    static struct arena_of_threads all;
    static struct worker workers[THREADS];
    struct cache_settings settings = room_settings(8 << 20, policy);
    struct cache_metrics metrics;
    pthread_t threads[THREADS];

    memset(&all, 0, sizeof all);
    all.operated = operated;
    memset(workers, 0, sizeof workers);
    settings.memory_max = 4 << 20;
    all.cache = cache_new(&settings, seed);
    atomic_store(&all.now_ms, 1000);
    for (int i = 0; i < KEYS; i++)
        atomic_store(&all.versions[i], 1);
    for (int i = 0; i < THREADS; i++) {
        workers[i].all = &all;
        workers[i].number = (unsigned)i;
        random_init(&workers[i].random, seed * THREADS + (uint64_t)i);
        CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    cache_read_metrics(all.cache, &metrics);
    CHECK(atomic_load(&all.failures) == 0);
    CHECK(atomic_load(&all.leads) > 0);
    CHECK(atomic_load(&all.waits) > 0);
    CHECK(counter_read(&metrics.leases) == 0);
    CHECK(counter_read(&metrics.waiters) == 0);
    CHECK(counter_read(&metrics.expired) > 0);
    cache_free(&all.cache);
}

TEST(four_threads_see_whole_values_and_nothing_that_was_invalidated)
{
    stress("s3fifo", 1, false);
}

TEST(so_do_they_when_limit_and_policy_change_meanwhile)
{
    stress("lru", 2, true);
}
