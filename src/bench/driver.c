/* driver.c: connect, fill, load, drain. SPDX-License-Identifier: MIT */
#include "bench/driver.h"

#include "base/mem.h"
#include "base/must.h"
#include "bench/arrival.h"
#include "bench/backlog.h"
#include "bench/idle.h"
#include "bench/judge.h"
#include "bench/mixer.h"
#include "net/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 256,
    FILL_BATCH_MAX = 128,
    FILL_BATCH_BYTES = 1 << 20,
};

#define SWEEP_NS INT64_C(20000000) /* how often lanes are looked at for time-outs and retries */
#define NEVER    INT64_MAX

enum phase { PHASE_CONNECT, PHASE_FILL, PHASE_LOAD, PHASE_DRAIN };

struct driver {
    struct stage *stage;
    const struct plan *plan;
    unsigned number;
    enum phase phase;
    struct road road;
    struct lane *lanes;
    unsigned lane_count;
    unsigned up_count;
    struct idle idle; /* open loop */
    struct mixer mixer;
    int64_t sweep_at_ns;
    bool coarse_wait; /* the kernel has no epoll_pwait2 */

    /* fill */
    uint64_t fill_next;
    uint64_t fill_end;
    unsigned fill_batch;
    uint64_t fill_failed;

    /* load */
    struct arrival arrival;
    int64_t next_due_ns;
    struct backlog backlog;
    int64_t start_ns;
    struct window window;
    uint64_t budget; /* measured requests that may still start */
    int64_t last_answer_ns;

    struct driver_result result;
    struct counter answered;
    struct counter failed;
    enum err outcome;
    struct fault fault;
};

/* ---- requests ---------------------------------------------------------------------------- */

/* Puts one more request on the lane; it leaves with send_out. */
static void start(struct driver *driver, struct lane *lane, int64_t due_ns, int64_t now_ns)
{
    struct flight flight = {.due_ns = due_ns, .sent_ns = now_ns};

    flight.route = mixer_add(&driver->mixer);
    lane_board(&driver->road, lane, flight);
}

static void send_out(struct driver *driver, struct lane *lane)
{
    must(buf_failed(&driver->mixer.out) == ERR_OK);
    lane_send(&driver->road, lane, buf_bytes(&driver->mixer.out));
    mixer_clear(&driver->mixer);
}

/* Whether one more may start; takes it from the budget. */
static bool may_start(struct driver *driver, int64_t due_ns)
{
    if (driver->phase != PHASE_LOAD || due_ns >= driver->window.to_ns)
        return false;
    if (driver->plan->requests_max == 0 || due_ns < driver->window.from_ns)
        return true;
    if (driver->budget == 0)
        return false;
    driver->budget--;
    return true;
}

/* ---- closed loop and fill ---------------------------------------------------------------- */

static void start_batch(struct driver *driver, struct lane *lane, int64_t now_ns)
{
    unsigned count = 0;

    for (; count < driver->plan->pipeline && may_start(driver, now_ns); count++)
        start(driver, lane, now_ns, now_ns);
    if (count > 0)
        send_out(driver, lane);
}

static void fill_more(struct driver *driver, struct lane *lane, int64_t now_ns)
{
    struct flight flight = {.due_ns = now_ns, .sent_ns = now_ns};
    unsigned count = 0;

    for (; count < driver->fill_batch && driver->fill_next < driver->fill_end; count++) {
        mixer_add_fill(&driver->mixer, driver->fill_next++);
        lane_board(&driver->road, lane, flight);
    }
    if (count > 0)
        send_out(driver, lane);
}

/* ---- open loop --------------------------------------------------------------------------- */

static void count_failures(struct driver *driver, const struct flight *flight, enum failure failure)
{
    counter_add(&driver->failed, flight->count);
    if (window_holds(&driver->window, flight->due_ns))
        driver->result.tallies[flight->route]->failures[failure] += flight->count;
}

static void count_unsent(struct driver *driver, int64_t due_ns)
{
    struct flight flight = {.due_ns = due_ns, .count = 1};

    flight.route = mixer_route(&driver->mixer);
    count_failures(driver, &flight, FAILURE_UNSENT);
}

static void queue_due(struct driver *driver, int64_t now_ns)
{
    while (driver->next_due_ns <= now_ns && may_start(driver, driver->next_due_ns)) {
        int64_t due_ns = driver->next_due_ns;

        if (window_holds(&driver->window, due_ns))
            histogram_record(driver->result.lag, (uint64_t)(now_ns - due_ns));
        if (!backlog_add(&driver->backlog, due_ns))
            count_unsent(driver, due_ns);
        driver->next_due_ns =
            driver->start_ns + (int64_t)arrival_next(&driver->arrival, &driver->mixer.random);
    }
    if (driver->next_due_ns <= now_ns)
        driver->next_due_ns = NEVER; /* no more may start */
}

static void start_due(struct driver *driver, int64_t now_ns)
{
    struct lane *lane = NULL;

    queue_due(driver, now_ns);
    while (driver->backlog.count > 0 && (lane = idle_take(&driver->idle)) != NULL) {
        int64_t due_ns = backlog_take(&driver->backlog);

        if (window_holds(&driver->window, due_ns))
            histogram_record(driver->result.wait, (uint64_t)(now_ns - due_ns));
        start(driver, lane, due_ns, now_ns);
        send_out(driver, lane);
        idle_offer(&driver->idle, lane);
    }
}

static void forget_backlog(struct driver *driver)
{
    while (driver->backlog.count > 0)
        count_unsent(driver, backlog_take(&driver->backlog));
}

/* ---- what lanes tell ---------------------------------------------------------------------- */

static void on_up(void *owner, struct lane *lane, int64_t now_ns)
{
    struct driver *driver = owner;

    if (driver->phase == PHASE_CONNECT)
        driver->up_count++;
    else if (driver->phase == PHASE_FILL)
        fill_more(driver, lane, now_ns);
    else if (driver->plan->rate == 0)
        start_batch(driver, lane, now_ns);
    else
        idle_offer(&driver->idle, lane);
}

static void on_answered(void *owner, const struct flight *flight, const union answer *answer,
                        int64_t now_ns)
{
    struct driver *driver = owner;
    const struct route *route = &driver->plan->routes[flight->route];
    struct tally *tally = driver->result.tallies[flight->route];
    bool measured = window_holds(&driver->window, flight->due_ns);
    enum failure failure = FAILURE_COUNT;

    if (driver->phase == PHASE_FILL) {
        driver->fill_failed += answer->resp.type != '+' ? flight->count : 0;
        return;
    }
    if (driver->plan->protocol == PLAN_HTTP)
        failure = judge_http(driver->plan, &answer->http, measured ? tally : NULL);
    else
        failure =
            judge_resp(driver->plan, route, &answer->resp, flight->count, measured ? tally : NULL);
    if (failure != FAILURE_COUNT) {
        count_failures(driver, flight, failure);
        return;
    }
    counter_add(&driver->answered, flight->count);
    if (measured) {
        tally->good += flight->count;
        histogram_record_many(tally->latency, (uint64_t)(now_ns - flight->due_ns), flight->count);
        driver->last_answer_ns = now_ns;
    }
    if (window_holds(&driver->window, now_ns))
        tally->arrived += flight->count;
}

static void on_failed(void *owner, const struct flight *flight, enum failure failure)
{
    struct driver *driver = owner;

    if (driver->phase == PHASE_FILL && failure != FAILURE_CONNECT)
        driver->fill_failed++;
    else if (flight != NULL)
        count_failures(driver, flight, failure);
    else
        driver->result.failures[failure]++;
}

static void on_read(void *owner, struct lane *lane, int64_t now_ns)
{
    struct driver *driver = owner;

    if (driver->phase == PHASE_FILL && lane->count == 0)
        fill_more(driver, lane, now_ns);
    else if (driver->phase != PHASE_LOAD && driver->phase != PHASE_DRAIN)
        return;
    else if (driver->plan->rate > 0)
        idle_offer(&driver->idle, lane);
    else if (lane->count == 0)
        start_batch(driver, lane, now_ns);
}

static void on_ended(void *owner, struct lane *lane, int64_t now_ns)
{
    struct driver *driver = owner;

    if (driver->phase != PHASE_DRAIN || driver->backlog.count > 0)
        lane_connect(&driver->road, lane, now_ns);
}

static const struct lane_events lane_events = {on_up, on_answered, on_failed, on_ended, on_read};

/* ---- turns ------------------------------------------------------------------------------- */

static void sweep(struct driver *driver, int64_t now_ns)
{
    if (now_ns < driver->sweep_at_ns)
        return;
    driver->sweep_at_ns = now_ns + SWEEP_NS;
    bool connect = driver->phase != PHASE_DRAIN || driver->backlog.count > 0;

    for (unsigned i = 0; i < driver->lane_count; i++) {
        struct lane *lane = &driver->lanes[i];

        if (lane->count > 0 &&
            now_ns - lane->flights[lane->first].sent_ns > driver->plan->timeout_ns)
            lane_break(&driver->road, lane, FAILURE_TIMEOUT, now_ns);
        if (lane->state == LANE_DOWN && lane->retry_ns <= now_ns && connect)
            lane_connect(&driver->road, lane, now_ns);
    }
}

static int wait_events(struct driver *driver, struct epoll_event *events, int64_t wait_ns)
{
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};

    if (!driver->coarse_wait) {
        int count = epoll_pwait2(driver->road.epoll, events, EVENTS_MAX, &wait, NULL);

        if (count >= 0 || errno != ENOSYS)
            return count;
        driver->coarse_wait = true;
    }
    return epoll_wait(driver->road.epoll, events, EVENTS_MAX, (int)(wait_ns / 1000000));
}

/* One turn that ends at `until_ns` at the latest; returns what time it is. */
static int64_t turn(struct driver *driver, int64_t until_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t now_ns = clock_now_ns();
    int64_t wake_ns = until_ns < driver->sweep_at_ns ? until_ns : driver->sweep_at_ns;

    if (driver->phase == PHASE_LOAD && driver->next_due_ns < wake_ns)
        wake_ns = driver->next_due_ns;
    int count = wait_events(driver, events, wake_ns > now_ns ? wake_ns - now_ns : 0);

    for (int i = 0; i < count; i++)
        lane_ready(&driver->road, events[i].data.ptr, events[i].events);
    now_ns = clock_now_ns();
    if (driver->plan->rate > 0 && driver->phase >= PHASE_LOAD)
        start_due(driver, now_ns);
    sweep(driver, now_ns);
    return now_ns;
}

static unsigned under_way(const struct driver *driver)
{
    unsigned count = driver->backlog.count;

    for (unsigned i = 0; i < driver->lane_count; i++)
        count += driver->lanes[i].count;
    return count;
}

/* ---- phases ------------------------------------------------------------------------------ */

static bool give_up(struct driver *driver, enum err err)
{
    driver->outcome = err;
    atomic_store(&driver->stage->failed, true);
    return false;
}

static bool connect_all(struct driver *driver)
{
    int64_t now_ns = clock_now_ns(), end_ns = now_ns + driver->plan->timeout_ns;

    driver->phase = PHASE_CONNECT;
    for (unsigned i = 0; i < driver->lane_count; i++)
        lane_connect(&driver->road, &driver->lanes[i], now_ns);
    while (driver->up_count < driver->lane_count && now_ns < end_ns) {
        if (driver->up_count == 0 && driver->road.last_errno != 0)
            break;
        if (atomic_load(&driver->stage->failed) || atomic_load(&driver->stage->stop))
            return give_up(driver, ERR_STOPPING);
        now_ns = turn(driver, end_ns);
    }
    if (driver->up_count == driver->lane_count)
        return true;
    char why[128] = "no answer";

    if (driver->road.last_errno != 0)
        (void)snprintf(why, sizeof why, "%s", strerrordesc_np(driver->road.last_errno));
    return give_up(driver,
                   fault_say(&driver->fault, ERR_PEER_DOWN,
                             "%.*s cannot be reached with %llu connections (%s): is the server "
                             "running, and does it allow that many?",
                             BYTES_ARG(driver->plan->authority),
                             (unsigned long long)driver->plan->connections, why));
}

static bool fill_all(struct driver *driver)
{
    int64_t now_ns = clock_now_ns();

    driver->phase = PHASE_FILL;
    for (unsigned i = 0; i < driver->lane_count; i++)
        fill_more(driver, &driver->lanes[i], now_ns);
    while (under_way(driver) > 0 && driver->fill_failed == 0) {
        (void)turn(driver, NEVER);
        if (atomic_load(&driver->stage->failed) || atomic_load(&driver->stage->stop))
            return give_up(driver, ERR_STOPPING);
    }
    if (driver->fill_failed == 0)
        return true;
    return give_up(driver, fault_say(&driver->fault, ERR_PEER_BROKEN,
                                     "--fill: %.*s did not accept a SET; is it a Redis server, is "
                                     "there memory for %llu keys?",
                                     BYTES_ARG(driver->plan->authority),
                                     (unsigned long long)driver->plan->keys));
}

static void watch_window(struct driver *driver, int64_t now_ns)
{
    window_turn(&driver->window, &driver->road, now_ns);
    if (atomic_load_explicit(&driver->stage->stop, memory_order_relaxed) &&
        now_ns < driver->window.to_ns)
        driver->window.to_ns = now_ns;
}

/* With a number of requests in place of a time, the window ends with the last answer. */
static void bound_window(struct driver *driver, int64_t now_ns)
{
    bool answered = driver->last_answer_ns > driver->window.from_ns;

    driver->window.to_ns = answered ? driver->last_answer_ns : now_ns;
    for (unsigned i = 0; i < driver->plan->route_count; i++)
        driver->result.tallies[i]->arrived = driver->result.tallies[i]->good;
}

static bool is_done(const struct driver *driver)
{
    return driver->plan->requests_max > 0 && driver->budget == 0 && under_way(driver) == 0;
}

static void load(struct driver *driver)
{
    const struct plan *plan = driver->plan;
    int64_t now_ns = driver->start_ns;

    driver->phase = PHASE_LOAD;
    driver->window.from_ns = driver->start_ns + plan->warmup_ns;
    driver->window.to_ns = driver->window.from_ns + plan->duration_ns;
    driver->next_due_ns = NEVER;
    if (plan->rate > 0)
        driver->next_due_ns =
            driver->start_ns + (int64_t)arrival_next(&driver->arrival, &driver->mixer.random);
    watch_window(driver, now_ns);
    for (unsigned i = 0; i < driver->lane_count; i++)
        if (driver->lanes[i].state == LANE_UP)
            on_up(driver, &driver->lanes[i], now_ns);
    while (now_ns < driver->window.to_ns) {
        now_ns = turn(driver, driver->window.open ? driver->window.to_ns : driver->window.from_ns);
        watch_window(driver, now_ns);
        if (is_done(driver))
            break;
    }
    if (is_done(driver))
        bound_window(driver, now_ns);
    driver->result.cost = window_close(&driver->window, &driver->road);
    driver->phase = PHASE_DRAIN;
    for (int64_t end_ns = now_ns + plan->timeout_ns; now_ns < end_ns && under_way(driver) > 0;)
        now_ns = turn(driver, end_ns);
    forget_backlog(driver);
    for (unsigned i = 0; i < driver->lane_count; i++)
        lane_break(&driver->road, &driver->lanes[i], FAILURE_TIMEOUT, NEVER);
}

void *driver_run(void *context)
{
    struct driver *driver = context;
    struct stage *stage = driver->stage;

    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* wake when it is time, not 50 us later */
    if (connect_all(driver) && driver->plan->fill)
        (void)fill_all(driver);
    int serial = pthread_barrier_wait(&stage->ready);

    if (serial == PTHREAD_BARRIER_SERIAL_THREAD)
        atomic_store(&stage->start_ns, clock_now_ns());
    (void)pthread_barrier_wait(&stage->ready);
    if (atomic_load(&stage->failed))
        return NULL;
    driver->start_ns = atomic_load(&stage->start_ns);
    load(driver);
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------- */

/* Part `number` of `count` of a whole: the parts add up to it. */
static uint64_t share_of(uint64_t whole, unsigned number, uint64_t count)
{
    return whole / count + (number < whole % count ? 1 : 0);
}

static uint64_t shares_before(uint64_t whole, unsigned number, uint64_t count)
{
    uint64_t rest = whole % count;

    return whole / count * number + (number < rest ? number : rest);
}

static void init_load(struct driver *driver)
{
    const struct plan *plan = driver->plan;
    unsigned number = driver->number;

    driver->budget = share_of(plan->requests_max, number, plan->threads);
    driver->fill_next = shares_before(plan->keys, number, plan->threads);
    driver->fill_end = driver->fill_next + share_of(plan->keys, number, plan->threads);
    driver->fill_batch = (unsigned)(FILL_BATCH_BYTES / (plan->value_high + 1));
    if (driver->fill_batch > FILL_BATCH_MAX)
        driver->fill_batch = FILL_BATCH_MAX;
    if (driver->fill_batch == 0)
        driver->fill_batch = 1;
    if (plan->rate > 0) {
        arrival_init(&driver->arrival, plan->rate / (double)plan->threads, plan->poisson,
                     (double)number / (double)plan->threads);
        backlog_init(&driver->backlog);
    }
    for (unsigned i = 0; i < plan->route_count; i++)
        driver->result.tallies[i] = tally_new();
    driver->result.lag = histogram_new();
    driver->result.wait = histogram_new();
}

struct driver *driver_new(struct stage *stage, unsigned number)
{
    const struct plan *plan = stage->plan;
    struct driver *driver = mem_new(1, sizeof *driver);

    driver->stage = stage;
    driver->plan = plan;
    driver->number = number;
    driver->window.from_ns = NEVER;
    driver->window.to_ns = NEVER;
    driver->next_due_ns = NEVER;
    mixer_init(&driver->mixer, plan, hash_mix(plan->seed, number));
    driver->lane_count = (unsigned)share_of(plan->connections, number, plan->threads);
    driver->road = (struct road){
        .plan = plan,
        .events = &lane_events,
        .owner = driver,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .flights_max = plan->fill && plan->pipeline < FILL_BATCH_MAX ? FILL_BATCH_MAX
                                                                     : (unsigned)plan->pipeline,
        .input = mem_new(1, ROAD_INPUT_SIZE),
    };
    must(driver->road.epoll >= 0);
    driver->lanes = mem_new(driver->lane_count, sizeof *driver->lanes);
    idle_init(&driver->idle, driver->lanes, driver->lane_count, (unsigned)plan->pipeline);
    for (unsigned i = 0; i < driver->lane_count; i++)
        lane_init(&driver->lanes[i], &driver->road);
    init_load(driver);
    return driver;
}

void driver_free(struct driver **owner)
{
    struct driver *driver = *owner;

    if (driver == NULL)
        return;
    for (unsigned i = 0; i < driver->lane_count; i++)
        lane_fini(&driver->lanes[i]);
    for (unsigned i = 0; i < driver->plan->route_count; i++)
        tally_free(&driver->result.tallies[i]);
    histogram_free(&driver->result.lag);
    histogram_free(&driver->result.wait);
    backlog_fini(&driver->backlog);
    mixer_fini(&driver->mixer);
    idle_fini(&driver->idle);
    mem_free(&driver->lanes);
    mem_free(&driver->road.input);
    (void)close(driver->road.epoll);
    mem_free(owner);
}

enum err driver_outcome(const struct driver *driver, struct fault *fault)
{
    if (driver->outcome != ERR_OK)
        *fault = driver->fault;
    return driver->outcome;
}

const struct driver_result *driver_result(const struct driver *driver)
{
    return &driver->result;
}

uint64_t driver_answered(const struct driver *driver)
{
    return counter_read(&driver->answered);
}

uint64_t driver_failed(const struct driver *driver)
{
    return counter_read(&driver->failed);
}
