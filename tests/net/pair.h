/* pair.h: two ends of a connection for tests: one is Larder's, one is in the test's hands.
 * SPDX-License-Identifier: MIT
 *
 * Nothing waits for time: a test turns the loop until what it waits for has happened, and fails
 * when that took too many turns.
 */
#ifndef LARDER_TESTS_NET_PAIR_H
#define LARDER_TESTS_NET_PAIR_H

#include "net/conn.h"
#include "t.h"

enum { TURNS_MAX = 200000 };

/* Turns the loop until `condition` holds. */
#define TURN_UNTIL(loop, condition)                                                                \
    do {                                                                                           \
        int turns_ = 0;                                                                            \
        while (!(condition)) {                                                                     \
            CHECK(turns_++ < TURNS_MAX);                                                           \
            loop_turn((loop), 1);                                                                  \
        }                                                                                          \
    } while (0)

/* Two connected non-blocking sockets, over TCP on the loopback or a Unix socket pair. */
void pair_tcp(int ret_ends[2]);
void pair_local(int ret_ends[2]);

/* What an event handler wrote down about one connection. */
struct end {
    struct conn *conn; /* NULL after `closed` */
    struct account account;
    struct conn_settings settings;
    bool connected;
    bool ended;
    int drained_count;
    int closed_count;
    enum err why;
    bool consumes; /* everything that comes, into `got` */
    bool echoes;
    int *clock; /* NULL: nobody asks when things happened */
    int ahead_at;
    int received_at;
    void (*on_received)(struct end *end); /* NULL: nothing more */
    struct end *other;                    /* for on_received */
    uint8_t *got;
    size_t got_size;
    size_t got_max;
    size_t largest_input;
};

extern const struct conn_events end_events;

/* Wide limits, consuming into a buffer of `got_max` bytes. */
void end_init(struct end *end, size_t got_max);
void end_fini(struct end *end);
void end_accept(struct end *end, struct loop *loop, int fd);

/* What a stream holds at `at`: no two offsets near each other look alike. */
static inline uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 131 + (at >> 8) * 17 + (at >> 16) * 7);
}

void pattern_fill(uint8_t *to, size_t at, size_t size);
bool pattern_fits(const uint8_t *bytes, size_t at, size_t size);

#endif
