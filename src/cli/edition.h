/* edition.h: one reading of the configuration, and all that is made from it.
 * SPDX-License-Identifier: MIT
 *
 * A server begins with one edition; every reload that succeeds brings the next one. Requests under
 * way keep theirs until they end, so that several may be in use at one time:
 *
 *   edition 1 <-- edition 2 <-- edition 3    the server's; new requests get it
 *      ^              ^
 *      |              `-- requests that began before the last reload
 *      `-- nobody's, but for an origin that edition 3 took over as it was, with its connections:
 *          origins borrow their settings from the edition they were made from
 *
 * Limits: EDITIONS_MAX at one time, in case a request outlives all of them; then a reload is
 * refused. Threads: references are counted on the main thread. What a worker reads of an edition
 * does not change from the moment on that it gets it.
 */
#ifndef LARDER_CLI_EDITION_H
#define LARDER_CLI_EDITION_H

#include "cli/probe.h"
#include "cli/setup.h"
#include "server/http/site.h"
#include "upstream/origin.h"

/* What an edition is read from: the same words at every reload. Borrowed from the command line. */
struct edition_source {
    const char *file;   /* -c; NULL: none */
    const char *origin; /* --origin; NULL: none */
    struct setup_overrides overrides;
};

enum { EDITIONS_MAX = 1000 };

struct edition {
    struct edition *next; /* in the server's list, the newest first */
    unsigned uses;
    struct setup setup;
    uint64_t hash;
    struct site *site;        /* NULL: there is no gateway */
    struct probe *probe;      /* NULL: not yet */
    bool *is_known_down;      /* by origin: that it cannot be reached was told */
    struct edition **births;  /* by origin: the edition that it was made from; one use each, but for
                                 this one's own */
    struct fleet **fleets;    /* by origin: made from `births`; NULL: there is no gateway */
    struct origin ***origins; /* by worker and origin */
    unsigned workers;
};

/* Reads and checks everything that can be checked without a running server. On failure the edition
 * is there all the same: its `setup.config.faults` are all that is wrong. It has one use. */
enum err edition_read(const struct edition_source *source, struct edition **ret_edition,
                      struct fault *fault);

/* Compiles its site. Errors as of setup_site. */
enum err edition_compile(struct edition *edition, struct site_accounts *accounts,
                         struct fault *fault);

/* Room for its origins on so many workers. Those that are the same in `before` (may be NULL) are to
 * be taken over: see edition_carried. */
void edition_plan_origins(struct edition *edition, struct edition *before, unsigned workers);

/* Its fleets: new ones, and those that it takes over. Errors as of fleet_new. */
enum err edition_muster(struct edition *edition, const struct edition *before,
                        const struct log *log, struct fault *fault);

/* Which origin of `before` the i-th one takes over. False: it is made anew. */
bool edition_carried(const struct edition *edition, const struct edition *before, size_t i,
                     size_t *ret_before);

static inline size_t edition_origins(const struct edition *edition)
{
    return edition->setup.config.origins.count;
}

/* As many as it has origins, or none without a gateway. */
static inline size_t edition_fleets(const struct edition *edition)
{
    return edition->fleets == NULL ? 0 : edition_origins(edition);
}

/* One use less; with the last it is freed, and so may be those that it took origins over from. The
 * workers' origins of its own fleets are gone. `list`: where the server keeps them. */
void edition_drop(struct edition **list, struct edition *edition);

unsigned editions_count(const struct edition *list);

/* At the end, whoever uses them: all origins are gone. */
void editions_free(struct edition **list);

#endif
