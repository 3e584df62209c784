/* pool.c: an origin's life: pools that follow the roster, queue, end. SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "upstream/parts.h"

enum {
    INPUT_MAX = 256 * 1024,
    OUTPUT_HIGH = 256 * 1024,
    OUTPUT_LOW = 64 * 1024,
    OUTPUT_MAX = 16 * 1024 * 1024,
    QUEUE_LOOK_MS = 10
};

static void close_expired(struct timer *timer);
static void look_at_the_queue(struct timer *timer);

/* ---- pools follow the roster -------------------------------------------------------------- */

static void pool_free(struct pool *pool)
{
    must(pool->link_count == 0);
    member_drop(pool->member);
    mem_free(&pool);
}

static struct pool *pool_for(const struct origin *origin, struct member *member)
{
    struct pool *pool = mem_new(1, sizeof *pool);

    pool->conn_settings = origin->conn_settings;
    pool->conn_settings.tls = origin->fleet->lines[member->line].tls;

    pool->member = member_hold(member);
    list_init(&pool->idle);
    return pool;
}

/* Its idle links go now, those in use when they are free. */
static void retire(struct pool *pool)
{
    pool->is_retired = true;
    while (!list_alone(&pool->idle))
        link_drop(list_owner(pool->idle.next, struct link, in_pool));
    if (pool->link_count == 0)
        pool_free(pool);
}

/* Moves the pool of the member, and what it has to its credit, from the old ones. */
static bool take_over(struct origin *origin, const struct member *member, struct pool **ret_pool,
                      struct balance_candidate *ret_candidate)
{
    for (size_t i = 0; origin->roster != NULL && i < origin->roster->count; i++) {
        if (origin->pools[i] == NULL || origin->pools[i]->member != member)
            continue;
        *ret_pool = origin->pools[i];
        *ret_candidate = origin->candidates[i];
        origin->pools[i] = NULL;
        return true;
    }
    return false;
}

static void leave_roster(struct origin *origin)
{
    for (size_t i = 0; origin->roster != NULL && i < origin->roster->count; i++) {
        if (origin->pools[i] != NULL)
            retire(origin->pools[i]);
    }
    mem_free(&origin->pools);
    mem_free(&origin->candidates);
    roster_drop(origin->roster);
    origin->roster = NULL;
}

static void follow_roster(struct origin *origin)
{
    unsigned version = fleet_version(origin->fleet);
    struct roster *roster = fleet_roster(origin->fleet);
    struct pool **pools = mem_new(roster->count, sizeof(struct pool *));
    struct balance_candidate *candidates = mem_new(roster->count, sizeof *candidates);

    for (size_t i = 0; i < roster->count; i++) {
        if (!take_over(origin, roster->members[i], &pools[i], &candidates[i]))
            pools[i] = pool_for(origin, roster->members[i]);
    }
    leave_roster(origin);
    origin->roster = roster;
    origin->version = version;
    origin->pools = pools;
    origin->candidates = candidates;
}

/* ---- life --------------------------------------------------------------------------------- */

void origin_new(struct loop *loop, struct fleet *fleet, struct account *account,
                struct origin **ret_origin)
{
    struct origin *origin = mem_new(1, sizeof *origin);

    origin->loop = loop;
    origin->fleet = fleet;
    origin->settings = fleet->settings;
    origin->account = account;
    origin->conn_settings = (struct conn_settings){
        .input_max = INPUT_MAX,
        .output_high = OUTPUT_HIGH,
        .output_low = OUTPUT_LOW,
        .output_max = OUTPUT_MAX,
        .account = account,
    };
    list_init(&origin->idle);
    list_init(&origin->active);
    list_init(&origin->queue);
    list_init(&origin->limited);
    timer_init(&origin->limited_timer, origin_look_at_limited);
    timer_init(&origin->idle_timer, close_expired);
    timer_init(&origin->queue_timer, look_at_the_queue);
    random_init(&origin->random, random_hash_secret().words[0]);
    follow_roster(origin);
    *ret_origin = origin;
}

static void end_if_last(struct origin *origin)
{
    if (!origin->gone || origin->link_count + origin->switched_count > 0)
        return;
    leave_roster(origin);
    mem_free(&origin);
}

void origin_link_is_gone(struct origin *origin, struct pool *pool, bool was_switched)
{
    size_t *count = was_switched ? &origin->switched_count : &origin->link_count;

    must(*count > 0);
    --*count;
    pool->link_count--;
    if (pool->is_retired && pool->link_count == 0)
        pool_free(pool);
    counter_set(&origin->metrics.connections, origin->link_count);
    counter_set(&origin->metrics.switched, origin->switched_count);
    if (origin->gone)
        end_if_last(origin);
    else
        origin_serve_queue(origin);
}

static void fail_all(struct list_node *ring)
{
    while (!list_alone(ring))
        exchange_fail(list_owner(ring->next, struct exchange, node), ERR_STOPPING);
}

void origin_free(struct origin **owner)
{
    struct origin *origin = *owner;

    if (origin == NULL)
        return;
    *owner = NULL;
    origin->gone = true;
    fail_all(&origin->limited);
    fail_all(&origin->queue);
    fail_all(&origin->active);
    while (!list_alone(&origin->idle))
        link_drop(list_owner(origin->idle.next, struct link, idle));
    timer_clear(origin->loop, &origin->idle_timer);
    timer_clear(origin->loop, &origin->queue_timer);
    timer_clear(origin->loop, &origin->limited_timer);
    end_if_last(origin);
}

const struct origin_metrics *origin_metrics(const struct origin *origin)
{
    return &origin->metrics;
}

bool origin_is_suspect(const struct origin *origin)
{
    return breaker_is_suspect(&origin->fleet->breaker);
}

/* ---- which server ------------------------------------------------------------------------- */

static bool is_tried(const struct exchange *exchange, size_t i)
{
    return (exchange->tried[i / 64] >> (i % 64) & 1) != 0;
}

static bool is_well(struct origin *origin, struct member *member, int64_t now_ms)
{
    if (atomic_load_explicit(&member->told, memory_order_relaxed) != MEMBER_UP)
        fleet_tell_state(origin->fleet, member, now_ms);
    enum member_state state = member_state(member, now_ms);

    return state == MEMBER_UP ||
           (state == MEMBER_UNREACHABLE && atomic_load(&member->rest_until_ms) <= now_ms);
}

static bool is_full(const struct origin *origin, const struct member *member)
{
    uint64_t most = origin->settings->member_max;

    return most > 0 && counter_read(&member->metrics.active) >= most;
}

static ptrdiff_t pick_well(struct origin *origin, const struct exchange *exchange, bool wants_tried,
                           int64_t now_ms)
{
    const struct balance_choice choice = {
        .kind = (enum balance_kind)origin->settings->balance,
        .ring = origin->roster->ring,
        .key = exchange->key,
        .random = &origin->random,
    };

    for (size_t i = 0; i < origin->roster->count; i++) {
        struct member *member = origin->roster->members[i];
        struct balance_candidate *candidate = &origin->candidates[i];

        candidate->weight = member_weight(member, origin->settings->slow_start_ms, now_ms);
        candidate->active = counter_read(&member->metrics.active);
        candidate->ewma_ms = choice.kind == BALANCE_EWMA ? ewma_read(&member->ewma, now_ms) : 0;
        candidate->is_usable = is_tried(exchange, i) == wants_tried && !is_full(origin, member) &&
                               !fleet_is_spare(origin->fleet, member) &&
                               is_well(origin, member, now_ms);
    }
    return balance_pick(&choice, origin->candidates, origin->roster->count);
}

static int64_t out_until_ms(const struct member *member)
{
    int64_t rest_ms = atomic_load(&member->rest_until_ms);
    int64_t out_ms = atomic_load(&member->ejection.until_ms);

    return rest_ms > out_ms ? rest_ms : out_ms;
}

/* None is well: the one that will be soonest. Those that health checks say are down are not it. */
static ptrdiff_t pick_soonest(const struct origin *origin, const struct exchange *exchange)
{
    ptrdiff_t soonest = BALANCE_NONE;

    for (size_t i = 0; i < origin->roster->count; i++) {
        const struct member *member = origin->roster->members[i];

        if (is_tried(exchange, i) || is_full(origin, member) || atomic_load(&member->is_down) ||
            fleet_is_spare(origin->fleet, member))
            continue;
        if (soonest == BALANCE_NONE ||
            out_until_ms(member) < out_until_ms(origin->roster->members[soonest]))
            soonest = (ptrdiff_t)i;
    }
    return soonest;
}

static bool is_any_full(const struct origin *origin)
{
    for (size_t i = 0; i < origin->roster->count; i++) {
        if (is_full(origin, origin->roster->members[i]) &&
            !atomic_load(&origin->roster->members[i]->is_down))
            return true;
    }
    return false;
}

enum err origin_pick(struct origin *origin, struct exchange *exchange, struct pool **ret_pool)
{
    int64_t now_ms = loop_now_ms(origin->loop);

    if (fleet_version(origin->fleet) != origin->version)
        follow_roster(origin);
    ptrdiff_t picked = pick_well(origin, exchange, false, now_ms);

    if (picked == BALANCE_NONE)
        picked = pick_soonest(origin, exchange);
    if (picked == BALANCE_NONE && (exchange->attempts > 0 || exchange->retried))
        picked = pick_well(origin, exchange, true, now_ms);
    if (picked == BALANCE_NONE)
        return is_any_full(origin) ? ERR_BUSY : ERR_PEER_DOWN;
    struct member *member = origin->roster->members[picked];

    /* One that could not be connected to is tried again by one request at a time. */
    if (atomic_load_explicit(&member->is_unreachable, memory_order_relaxed))
        atomic_store(&member->rest_until_ms, now_ms + MEMBER_REST_MS);
    exchange->tried[picked / 64] |= (uint64_t)1 << (picked % 64);
    *ret_pool = origin->pools[picked];
    return ERR_OK;
}

/* ---- the queue ---------------------------------------------------------------------------- */

void origin_serve_queue(struct origin *origin)
{
    while (!list_alone(&origin->queue)) {
        struct exchange *exchange = list_owner(origin->queue.next, struct exchange, node);
        bool may_go = exchange->is_probe || fleet_breaker(origin->fleet) == BREAKER_CLOSED;
        enum err err = ERR_PEER_AVOIDED;

        if (exchange_now_ms(exchange) - exchange->since_ms > origin_patience_ms(origin)) {
            counter_add(&origin->metrics.refused, 1);
            exchange_fail(exchange, ERR_BUSY);
            continue;
        }
        if (may_go)
            err = link_for(exchange);

        if (err == ERR_BUSY)
            break;
        if (err != ERR_OK)
            exchange_fail(exchange, err);
    }
    origin_watch_queue(origin);
}

/* What other workers have at a server counts as well, and they tell nobody when it is less. */
void origin_watch_queue(struct origin *origin)
{
    if (origin->settings->member_max > 0 && !list_alone(&origin->queue))
        timer_set(origin->loop, &origin->queue_timer, loop_now_ms(origin->loop) + QUEUE_LOOK_MS);
}

static void look_at_the_queue(struct timer *timer)
{
    origin_serve_queue(list_owner(timer, struct origin, queue_timer));
}

/* ---- idle connections --------------------------------------------------------------------- */

/* The last in the ring is idle for longest. */
static void close_expired(struct timer *timer)
{
    struct origin *origin = list_owner(timer, struct origin, idle_timer);

    while (!list_alone(&origin->idle)) {
        struct link *link = list_owner(origin->idle.prev, struct link, idle);
        int64_t until_ms = link->idle_since_ms + origin->settings->idle_ms;

        if (until_ms > loop_now_ms(origin->loop)) {
            timer_set(origin->loop, timer, until_ms);
            return;
        }
        link_drop(link);
    }
}
