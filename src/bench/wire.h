/* wire.h: a connection to a Redis server or memcached for one who sends a batch and then reads it.
 * SPDX-License-Identifier: MIT
 *
 * A load generator's lanes (lane.h) never wait. Whoever must know one answer before it knows what
 * to ask next may as well wait for it: this connection blocks, for WIRE_PATIENCE_S at the most.
 *
 *   wire_get, wire_set ...  ->  wire_send  ->  wire_answer, one for each, in order
 *
 * Memory: two buffers; a value that was answered is lent until the next wire_answer.
 * Threads: one. Limits: values of WIRE_VALUE_MAX bytes.
 */
#ifndef LARDER_BENCH_WIRE_H
#define LARDER_BENCH_WIRE_H

#include "base/bytes.h"
#include "base/fault.h"

enum {
    WIRE_VALUE_MAX = 16 << 20,
    WIRE_PATIENCE_S = 10,
};

struct wire;

struct wire_answer {
    bool is_value;  /* to a get: there was one */
    bool is_stored; /* to a set */
    bool is_error;  /* the server says no; `text` says why */
    struct bytes value;
    struct bytes text;
};

/* "redis://HOST:PORT" or "memcached://HOST:PORT". ERR_SYNTAX: neither, or no address; ERR_DENIED:
 * another machine, and those were not allowed; ERR_PEER_DOWN: nobody answers. */
enum err wire_open(struct bytes url, bool allow_remote, struct wire **ret_wire,
                   struct fault *fault);
void wire_close(struct wire **owner);

/* Put one more command behind those not sent yet. */
void wire_get(struct wire *wire, struct bytes key);
void wire_set(struct wire *wire, struct bytes key, struct bytes value);

/* Sends them. ERR_PEER_DOWN: the connection broke, or the server reads no more. */
enum err wire_send(struct wire *wire, struct fault *fault);

/* Waits for the next answer. ERR_PEER_DOWN: it did not come; ERR_PEER_BROKEN: it is none. */
enum err wire_answer(struct wire *wire, struct wire_answer *ret_answer, struct fault *fault);

#endif
