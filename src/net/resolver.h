/* resolver.h: looking up names without waiting for the answer.
 * SPDX-License-Identifier: MIT
 *
 * The system's own way to look a name up blocks the thread, for seconds when a name server is
 * silent, and tells no time to live. So names are looked up by c-ares on a worker's loop, from the
 * same sources (/etc/hosts, then the name servers of /etc/resolv.conf, or those that are given).
 *
 * Memory: c-ares takes its own, a few KiB and what is under way. Threads: the loop's own.
 * Limits: RESOLVER_ADDRESSES_MAX of a name's addresses are taken; a look-up gives up after
 * RESOLVER_MS with each server, RESOLVER_TRIES times.
 */
#ifndef LARDER_NET_RESOLVER_H
#define LARDER_NET_RESOLVER_H

#include "base/setting.h"
#include "net/address.h"
#include "net/loop.h"

enum { RESOLVER_ADDRESSES_MAX = 64, RESOLVER_MS = 2000, RESOLVER_TRIES = 2 };

struct resolver;

struct resolver_answer {
    enum err err; /* ERR_OK; ERR_PEER_DOWN: no such name, or no server that answers; ERR_STOPPING */
    const char *why;                 /* in words, when it failed */
    const struct address *addresses; /* at least one, without a port; a loan */
    size_t count;
    int64_t ttl_ms; /* how long it may be believed; 0: nobody said */
};

/* `servers`: "127.0.0.1:53", "[::1]:5353"; none: the system's. ERR_SYNTAX: these are no addresses.
 * ERR_SYSTEM: c-ares cannot be started; see the fault. */
enum err resolver_new(struct loop *loop, const struct text_list *servers,
                      struct resolver **ret_resolver, struct fault *fault);

/* `done` is called exactly once; perhaps before this returns. */
void resolver_look_up(struct resolver *resolver, const char *host,
                      void (*done)(void *context, const struct resolver_answer *answer),
                      void *context);

/* What is under way ends with ERR_STOPPING, within this call. */
void resolver_free(struct resolver **owner);

#endif
