/* lane.c: connecting, sending, and reading answers as they come. SPDX-License-Identifier: MIT */
#include "bench/lane.h"

#include "base/mem.h"
#include "base/must.h"
#include "bench/memcached_answer.h"
#include "net/clock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RETRY_AFTER_NS INT64_C(100000000) /* a server that refuses is asked ten times a second */

void lane_init(struct lane *lane, const struct road *road)
{
    *lane = (struct lane){.fd = -1, .flights = mem_new(road->flights_max, sizeof *lane->flights)};
    buf_init(&lane->rest, LANE_REST_MAX, NULL);
    buf_init(&lane->kept, LANE_KEPT_MAX, NULL);
}

static void lane_close(struct lane *lane)
{
    if (lane->fd >= 0)
        (void)close(lane->fd);
    lane->fd = -1;
    lane->state = LANE_DOWN;
    lane->waits_to_write = false;
    buf_clear(&lane->rest);
    buf_clear(&lane->kept);
}

void lane_fini(struct lane *lane)
{
    lane_close(lane);
    buf_fini(&lane->rest);
    buf_fini(&lane->kept);
    mem_free(&lane->flights);
}

static void answer_init(const struct road *road, struct lane *lane)
{
    if (road->plan->protocol == PLAN_HTTP)
        http_answer_init(&lane->answer.http, road->plan->to_head);
    else
        resp_answer_init(&lane->answer.resp);
}

/* Takes up to `count` requests of the first flight. */
static struct flight land(const struct road *road, struct lane *lane, uint32_t count)
{
    must(lane->flight_count > 0);
    struct flight *first = &lane->flights[lane->first], flight = *first;

    if (count < flight.count) {
        flight.count = count;
        first->count -= count;
    } else {
        lane->first = lane->first + 1 == road->flights_max ? 0 : lane->first + 1;
        lane->flight_count--;
    }
    lane->count -= flight.count;
    return flight;
}

static struct flight *flight_at(const struct road *road, struct lane *lane, unsigned number)
{
    unsigned place = lane->first + number;

    return &lane->flights[place < road->flights_max ? place : place - road->flights_max];
}

void lane_board(const struct road *road, struct lane *lane, struct flight flight)
{
    must(lane->count < road->flights_max);
    lane->count++;
    if (lane->flight_count > 0) {
        struct flight *last = flight_at(road, lane, lane->flight_count - 1);

        if (last->route == flight.route && last->due_ns == flight.due_ns &&
            last->sent_ns == flight.sent_ns) {
            last->count++;
            return;
        }
    }
    flight.count = 1;
    *flight_at(road, lane, lane->flight_count++) = flight;
}

void lane_break(struct road *road, struct lane *lane, enum failure failure, int64_t retry_ns)
{
    lane_close(lane);
    lane->retry_ns = retry_ns;
    while (lane->count > 0) {
        struct flight flight = land(road, lane, UINT32_MAX);

        road->events->failed(road->owner, &flight, failure);
    }
}

/* ---- connecting -------------------------------------------------------------------------- */

static void watch(const struct road *road, struct lane *lane, int how, bool write)
{
    struct epoll_event event = {
        .events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0),
        .data.ptr = lane,
    };

    must(epoll_ctl(road->epoll, how, lane->fd, &event) == 0);
    lane->waits_to_write = write;
}

static void fail_to_connect(struct road *road, struct lane *lane, int error, int64_t now_ns)
{
    road->last_errno = error;
    lane_close(lane);
    lane->retry_ns = now_ns + RETRY_AFTER_NS;
    road->events->failed(road->owner, NULL, FAILURE_CONNECT);
}

static void become_up(struct road *road, struct lane *lane, int64_t now_ns)
{
    lane->state = LANE_UP;
    answer_init(road, lane);
    road->events->up(road->owner, lane, now_ns);
}

void lane_connect(struct road *road, struct lane *lane, int64_t now_ns)
{
    const struct address *address = &road->plan->address;
    int on = 1;

    must(lane->state == LANE_DOWN);
    must(lane->count == 0);
    must(lane->flight_count == 0);
    lane->first = 0;
    lane->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (lane->fd < 0) {
        fail_to_connect(road, lane, errno, now_ns);
        return;
    }
    if (address->any.sa_family != AF_UNIX)
        (void)setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(lane->fd, &address->any, address->size) != 0 && errno != EINPROGRESS) {
        fail_to_connect(road, lane, errno, now_ns);
        return;
    }
    lane->state = LANE_CONNECTING;
    watch(road, lane, EPOLL_CTL_ADD, true);
}

static void finish_connect(struct road *road, struct lane *lane)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(lane->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        error = errno;
    if (error != 0) {
        fail_to_connect(road, lane, error, clock_now_ns());
        return;
    }
    watch(road, lane, EPOLL_CTL_MOD, false);
    become_up(road, lane, clock_now_ns());
}

/* ---- sending ----------------------------------------------------------------------------- */

/* What the socket takes of the bytes; false: it is broken (the read that follows finds out why). */
static bool write_some(struct road *road, struct lane *lane, struct bytes *bytes)
{
    while (bytes->size > 0) {
        ssize_t size = send(lane->fd, bytes->data, bytes->size, MSG_NOSIGNAL);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN;
        road->bytes_out += (uint64_t)size;
        *bytes = bytes_skip(*bytes, (size_t)size);
    }
    return true;
}

void lane_send(struct road *road, struct lane *lane, struct bytes bytes)
{
    if (lane->rest.size == 0 && !write_some(road, lane, &bytes))
        bytes.size = 0; /* the hang-up is already waiting in epoll */
    if (bytes.size == 0)
        return;
    buf_add(&lane->rest, bytes);
    if (buf_failed(&lane->rest) != ERR_OK) {
        lane_break(road, lane, FAILURE_CLOSED, clock_now_ns());
        return;
    }
    if (!lane->waits_to_write)
        watch(road, lane, EPOLL_CTL_MOD, true);
}

static void send_rest(struct road *road, struct lane *lane)
{
    struct bytes bytes = buf_bytes(&lane->rest);

    (void)write_some(road, lane, &bytes);
    buf_consume(&lane->rest, lane->rest.size - bytes.size);
    if (lane->rest.size == 0)
        watch(road, lane, EPOLL_CTL_MOD, false);
}

/* ---- reading ----------------------------------------------------------------------------- */

static enum err next_answer(const struct road *road, struct lane *lane, struct bytes input,
                            size_t *ret_used)
{
    if (road->plan->protocol == PLAN_HTTP)
        return http_answer_next(&lane->answer.http, input, ret_used);
    if (road->plan->protocol == PLAN_MEMCACHED)
        return memcached_answer_next(&lane->answer.resp, input, ret_used);
    return resp_answer_next(&lane->answer.resp, input, ret_used);
}

static void tell_answers(struct road *road, struct lane *lane, uint32_t count, int64_t now_ns)
{
    while (count > 0) {
        struct flight flight = land(road, lane, count);

        count -= flight.count;
        road->events->answered(road->owner, &flight, &lane->answer, now_ns);
    }
}

static bool lives_on(const struct road *road, const struct lane *lane)
{
    return road->plan->protocol != PLAN_HTTP || lane->answer.http.keep_alive;
}

static void end_lane(struct road *road, struct lane *lane, int64_t now_ns)
{
    bool early = lane->count > 0;

    lane_break(road, lane, FAILURE_CLOSED, now_ns);
    if (!early)
        road->events->ended(road->owner, lane, now_ns);
}

/* Cuts off the answers that are like the one just read, which was `whole`; how many. A batch brings
 * sixteen or a thousand of them, and each costs two comparisons. */
static uint32_t skip_repeats(const struct road *road, const struct lane *lane, struct bytes whole,
                             struct bytes *input)
{
    size_t count = 0;

    if (road->plan->protocol == PLAN_RESP)
        count = resp_answer_repeats(&lane->answer.resp, whole, *input, lane->count - 1);
    *input = bytes_skip(*input, count * whole.size);
    return (uint32_t)count;
}

/* Cuts answers off the input until no whole one is left; false: the lane went down. */
static bool read_answers(struct road *road, struct lane *lane, struct bytes *input, int64_t now_ns)
{
    bool begun = road->plan->protocol != PLAN_HTTP && lane->answer.resp.begun;

    while (input->size > 0) {
        size_t used = 0;
        enum err err = lane->count == 0 ? ERR_SYNTAX : next_answer(road, lane, *input, &used);
        struct bytes whole = bytes_slice(*input, 0, used);
        uint32_t repeats = 0;

        *input = bytes_skip(*input, used);
        if (err == ERR_AGAIN)
            return true;
        if (err != ERR_OK) {
            if (lane->count == 0)
                road->events->failed(road->owner, NULL, FAILURE_BROKEN);
            lane_break(road, lane, FAILURE_BROKEN, now_ns);
            return false;
        }
        if (!begun)
            repeats = skip_repeats(road, lane, whole, input);
        begun = false;
        tell_answers(road, lane, repeats + 1, now_ns);
        if (!lives_on(road, lane)) {
            end_lane(road, lane, now_ns);
            return false;
        }
        answer_init(road, lane);
    }
    return true;
}

static void end_of_input(struct road *road, struct lane *lane)
{
    int64_t now_ns = clock_now_ns();

    if (lane->count > 0 && road->plan->protocol == PLAN_HTTP &&
        http_answer_ends_with_connection(&lane->answer.http))
        tell_answers(road, lane, 1, now_ns);
    end_lane(road, lane, now_ns);
}

static void read_some(struct road *road, struct lane *lane)
{
    size_t kept = lane->kept.size;

    if (kept > 0)
        memcpy(road->input, lane->kept.data, kept);
    ssize_t size = recv(lane->fd, road->input + kept, ROAD_INPUT_SIZE - kept, 0);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        end_of_input(road, lane);
        return;
    }
    int64_t now_ns = clock_now_ns();
    struct bytes input = {road->input, kept + (size_t)size};

    road->bytes_in += (uint64_t)size;
    if (kept > 0)
        buf_clear(&lane->kept);
    if (!read_answers(road, lane, &input, now_ns))
        return;
    if (input.size > 0) {
        buf_add(&lane->kept, input);
        if (buf_failed(&lane->kept) != ERR_OK) {
            lane_break(road, lane, FAILURE_BROKEN, now_ns);
            return;
        }
    }
    road->events->read(road->owner, lane, now_ns);
}

void lane_ready(struct road *road, struct lane *lane, uint32_t events)
{
    if (lane->state == LANE_CONNECTING) {
        finish_connect(road, lane);
        return;
    }
    if ((events & EPOLLOUT) != 0 && lane->waits_to_write)
        send_rest(road, lane);
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        read_some(road, lane);
}
