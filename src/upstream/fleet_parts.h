/* fleet_parts.h: what the files of the room know of a fleet. SPDX-License-Identifier: MIT */
#ifndef LARDER_UPSTREAM_FLEET_PARTS_H
#define LARDER_UPSTREAM_FLEET_PARTS_H

#include "net/conn.h"
#include "net/resolver.h"
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

/* One line of the setting `servers`. */
struct fleet_line {
    uint64_t weight;
    struct tls *tls; /* NULL: in the clear */
    bool is_name;    /* looked up again and again; else an address */
    char host[ADDRESS_NAME_SIZE];
    uint16_t port;
    int64_t ttl_ms;       /* of the first look-up */
    atomic_bool has_both; /* addresses of both families */
    atomic_int family;    /* that is used meanwhile; the others are spare */
};

struct names;
struct checkup;

struct fleet {
    const char *name;
    const struct origin_settings *settings;
    const struct log *log;
    struct fleet_line *lines; /* as many as the setting has */
    struct names *names;      /* NULL: there are none to look up, or not yet */
    struct counter lookups, lookup_failures;
    char host[ADDRESS_NAME_SIZE + 8]; /* what servers are asked for when nobody says a host */
    struct conn_settings conns;       /* how servers are connected to */
    struct checkup *checkup;          /* NULL: they are not asked, or not yet */
    struct breaker_rules breaker_rules;
    struct breaker breaker;
    struct budget budget;
    pthread_mutex_t lock; /* of `roster` */
    struct roster *roster;
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

/* ---- lines (addresses.c) ----------------------------------------------------------------------
 */

/* Makes the first roster. Errors as of fleet_new. */
enum err fleet_read_lines(struct fleet *fleet, struct fault *fault);

/* The name of this line has these addresses now. Only on the thread that looks after the fleet. */
void fleet_readdress(struct fleet *fleet, size_t line, const struct address *addresses,
                     size_t count);

/* A name with addresses of both families is asked over one of them, as long as that works. */
bool fleet_is_spare(const struct fleet *fleet, const struct member *member);
bool fleet_has_other_family(const struct fleet *fleet, const struct member *member);

/* This one failed: if no other of its family is well, the other family's turn has come. */
void fleet_try_other_family(struct fleet *fleet, const struct member *failed, int64_t now_ms);

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
