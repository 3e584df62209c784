/* lane.h: one connection of the load generator and the requests that are under way on it.
 * SPDX-License-Identifier: MIT
 *
 * net/conn would do, but it serves owners who keep their connections for hours and must not lose a
 * byte to a slow reader. A generator's connection is always read at once and may simply be thrown
 * away, so this one is a socket, a ring of flights and two buffers that are nearly always empty.
 *
 *   DOWN --lane_connect--> CONNECTING --> UP --(closed, timeout, broken)--> DOWN, tried again soon
 *
 * Memory: flights are taken once; input is read into a buffer that all lanes of a road share.
 * Threads: a road and its lanes belong to one thread.
 */
#ifndef LARDER_BENCH_LANE_H
#define LARDER_BENCH_LANE_H

#include "base/buf.h"
#include "bench/plan.h"
#include "bench/resp_answer.h"
#include "bench/tally.h"

enum lane_state { LANE_DOWN, LANE_CONNECTING, LANE_UP };

/* Requests of one route that were due and sent at the same time, from then to their answers. */
struct flight {
    int64_t due_ns;
    int64_t sent_ns;
    uint32_t route;
    uint32_t count;
};

union answer {
    struct http_answer http;
    struct resp_answer resp; /* memcached's, too */
};

struct lane {
    int fd;
    enum lane_state state;
    bool waits_to_write;
    bool offered;           /* idle.c's: it stands in the ring of lanes with room */
    unsigned count;         /* requests under way */
    struct flight *flights; /* a ring of road->flights_max */
    unsigned first;
    unsigned flight_count;
    struct buf rest; /* output that the socket did not take yet */
    struct buf kept; /* input whose end has not come yet */
    union answer answer;
    int64_t retry_ns; /* DOWN: when to try again */
};

struct lane_events {
    void (*up)(void *owner, struct lane *lane, int64_t now_ns);
    /* The answers to all of the flight, which are alike. */
    void (*answered)(void *owner, const struct flight *flight, const union answer *answer,
                     int64_t now_ns);
    /* All of the flight failed; NULL for a failure that belongs to no request. */
    void (*failed)(void *owner, const struct flight *flight, enum failure failure);
    /* The server ended the connection after a whole answer, as it may. */
    void (*ended)(void *owner, struct lane *lane, int64_t now_ns);
    /* Everything that had come was read, and the lane is still up. */
    void (*read)(void *owner, struct lane *lane, int64_t now_ns);
};

/* What the lanes of one thread share. */
struct road {
    const struct plan *plan;
    const struct lane_events *events;
    void *owner;
    int epoll;
    unsigned flights_max; /* requests under way on a lane */
    uint8_t *input;       /* ROAD_INPUT_SIZE bytes */
    uint64_t bytes_in;
    uint64_t bytes_out;
    int last_errno; /* of the last failed connect, for the sentence about it */
};

enum { ROAD_INPUT_SIZE = 256 << 10, LANE_KEPT_MAX = 128 << 10, LANE_REST_MAX = 256 << 20 };

void lane_init(struct lane *lane, const struct road *road);
void lane_fini(struct lane *lane);

/* Starts to connect a lane that is down. */
void lane_connect(struct road *road, struct lane *lane, int64_t now_ns);

/* What epoll said about it. */
void lane_ready(struct road *road, struct lane *lane, uint32_t events);

/* Sends `bytes`, the requests of the flights just added with lane_board. */
void lane_send(struct road *road, struct lane *lane, struct bytes bytes);

/* One more request, of which `flight` is the count of one; there must be room. */
void lane_board(const struct road *road, struct lane *lane, struct flight flight);

/* Fails what is under way and closes. The lane is down, to be tried again at `retry_ns`. */
void lane_break(struct road *road, struct lane *lane, enum failure failure, int64_t retry_ns);

#endif
