/* fleet_parts.h: what the files of the room know of a fleet. SPDX-License-Identifier: MIT */
#ifndef LARDER_UPSTREAM_FLEET_PARTS_H
#define LARDER_UPSTREAM_FLEET_PARTS_H

#include "net/conn.h"
#include "upstream/balance.h"
#include "upstream/budget.h"
#include "upstream/fleet.h"
#include "upstream/secure.h"

#include <pthread.h>

/* What there is to choose from; does not change. */
struct roster {
    atomic_uint references;
    struct balance_ring *ring; /* NULL: not needed */
    size_t count;
    struct member *members[];
};

struct fleet {
    const char *name;
    const struct origin_settings *settings;
    const struct log *log;
    char host[ADDRESS_TEXT_SIZE]; /* what servers are asked for when nobody says a host */
    struct conn_settings conns;   /* how servers are connected to */
    struct checkup *checkup;      /* NULL: they are not asked, or not yet */
    struct breaker_rules breaker_rules;
    struct breaker breaker;
    struct budget budget;
    pthread_mutex_t lock; /* of `roster` */
    struct roster *roster;
    struct tls **tls; /* by line of the setting `servers`; NULL: in the clear */
    atomic_uint version; /* of the roster: a number that grows */
    atomic_bool is_up;
    _Atomic int64_t breaker_wall_ms; /* when the breaker changed, by people's clocks */
    atomic_uint breaker_why;         /* an enum err */
};

/* ---- the roster --------------------------------------------------------------------------- */

/* One more reference to what is there now. */
struct roster *fleet_roster(struct fleet *fleet);
void roster_drop(struct roster *roster);

/* Takes the members over as the new roster. */
void fleet_set_roster(struct fleet *fleet, struct member *const *members, size_t count);

static inline unsigned fleet_version(const struct fleet *fleet)
{
    return atomic_load_explicit(&fleet->version, memory_order_acquire);
}

/* ---- how requests went (fleet_note.c) ------------------------------------------------------ */

/* May a request go out? Pays into the retry budget. */
enum breaker_leave fleet_ask(struct fleet *fleet, int64_t now_ms);

/* How a request ended, or the answer to a probe began. `status` 0: there is no answer. */
void fleet_note_request(struct fleet *fleet, enum err err, unsigned status, bool is_probe,
                        int64_t now_ms);

/* How it went at one server. ERR_PEER_DOWN: it could not be connected to. */
void fleet_note_attempt(struct fleet *fleet, struct member *member, enum err err, unsigned status,
                        int64_t now_ms);

/* It was connected to. */
void fleet_note_connected(struct fleet *fleet, struct member *member, int64_t now_ms);

/* A health check ended. */
void fleet_note_check(struct fleet *fleet, struct member *member, enum err err, unsigned status,
                      int64_t now_ms);

/* Writes to the log what has changed since it was told last. */
void fleet_tell_state(const struct fleet *fleet, struct member *member, int64_t now_ms);

#endif
