/* roster.c: the servers of an origin, and their fleet's life. SPDX-License-Identifier: MIT */
#include "upstream/fleet.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"
#include "upstream/checkup.h"
#include "upstream/fleet_parts.h"
#include "upstream/names.h"

#include <stdio.h>

enum { CHECK_BYTES_MAX = 128 * 1024 };

/* ---- the roster --------------------------------------------------------------------------- */

void roster_drop(struct roster *roster)
{
    if (roster == NULL || atomic_fetch_sub(&roster->references, 1) != 1)
        return;
    for (size_t i = 0; i < roster->count; i++)
        member_drop(roster->members[i]);
    mem_free(&roster->ring);
    mem_free(&roster);
}

struct roster *fleet_roster(struct fleet *fleet)
{
    must(pthread_mutex_lock(&fleet->lock) == 0);
    struct roster *roster = fleet->roster;

    atomic_fetch_add(&roster->references, 1);
    must(pthread_mutex_unlock(&fleet->lock) == 0);
    return roster;
}

static struct balance_ring *ring_of(const struct roster *roster)
{
    struct balance_server *servers = mem_new(roster->count, sizeof *servers);

    for (size_t i = 0; i < roster->count; i++)
        servers[i] = (struct balance_server){bytes_of_text(roster->members[i]->text),
                                             roster->members[i]->weight};
    struct balance_ring *ring = balance_ring_new(servers, roster->count);

    mem_free(&servers);
    return ring;
}

void fleet_set_roster(struct fleet *fleet, struct member *const *members, size_t count)
{
    struct roster *roster = mem_new(1, sizeof *roster + count * sizeof(struct member *));

    must(count > 0);
    atomic_init(&roster->references, 1);
    roster->count = count;
    for (size_t i = 0; i < count; i++)
        roster->members[i] = members[i];
    if (fleet->settings->balance == BALANCE_HASH)
        roster->ring = ring_of(roster);
    must(pthread_mutex_lock(&fleet->lock) == 0);
    struct roster *old = fleet->roster;

    fleet->roster = roster;
    atomic_fetch_add_explicit(&fleet->version, 1, memory_order_release);
    must(pthread_mutex_unlock(&fleet->lock) == 0);
    roster_drop(old);
}

/* ---- birth -------------------------------------------------------------------------------- */

static enum err check_settings(const struct origin_settings *settings, struct fault *fault)
{
    struct bytes path = bytes_of_text(settings->health_get == NULL ? "/" : settings->health_get);
    unsigned lowest = 0, highest = 0;

    if (path.size == 0 || path.data[0] != '/' || !http_is_field_value(path) ||
        bytes_find(path, ' ') < path.size)
        return fault_say(fault, ERR_SYNTAX,
                         "health.get: \"%.*s\" is no path: write one such as /healthz",
                         BYTES_ARG(path));
    if (checkup_read_status(bytes_of_text(settings->health_status), &lowest, &highest) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "health.status: \"%s\" is no status: write 200, or 200-299 for all from "
                         "200 to 299",
                         settings->health_status);
    if (settings->names_ttl_min_ms > settings->names_ttl_max_ms)
        return fault_say(fault, ERR_RANGE, "names.ttl_min is more than names.ttl_max");
    return ERR_OK;
}

/* What a client's request is for that names no host: the first server, as it is configured. */
static void set_host(struct fleet *fleet)
{
    const struct member *first = fleet->roster->members[0];
    const struct fleet_line *line = &fleet->lines[0];

    if (line->is_name)
        (void)snprintf(fleet->host, sizeof fleet->host, "%s:%u", line->host, line->port);
    else
        (void)snprintf(fleet->host, sizeof fleet->host, "%s",
                       first->address.any.sa_family == AF_UNIX ? "localhost" : first->text);
}

enum err fleet_new(const char *name, const struct origin_settings *settings, const struct log *log,
                   struct fleet **ret_fleet, struct fault *fault)
{
    struct fleet *fleet = mem_new(1, sizeof *fleet);

    fleet->name = name;
    fleet->settings = settings;
    fleet->log = log;
    fleet->breaker_rules = (struct breaker_rules){
        .failures_max = settings->breaker_failures,
        .window_ms = settings->breaker_window_ms,
        .requests_min = settings->breaker_requests,
        .error_rate = settings->breaker_rate,
        .open_ms = settings->breaker_open_ms,
        .probes = settings->breaker_probes,
    };
    budget_init(&fleet->budget);
    atomic_store(&fleet->is_up, true);
    atomic_store(&fleet->breaker_wall_ms, clock_wall_ms());
    must(pthread_mutex_init(&fleet->lock, NULL) == 0);
    enum err err = check_settings(settings, fault);

    if (err == ERR_OK)
        err = fleet_read_lines(fleet, fault);
    if (err != ERR_OK) {
        fleet_free(&fleet);
        return err;
    }
    set_host(fleet);
    *ret_fleet = fleet;
    return ERR_OK;
}

void fleet_begin(struct fleet *fleet, struct loop *loop, struct account *account)
{
    fleet->conns = (struct conn_settings){
        .input_max = CHECK_BYTES_MAX,
        .output_high = CHECK_BYTES_MAX,
        .output_low = CHECK_BYTES_MAX / 4,
        .output_max = CHECK_BYTES_MAX,
        .account = account,
    };
    fleet->names = names_new(loop, fleet);
    if (fleet->settings->health_get != NULL)
        fleet->checkup = checkup_new(loop, fleet, &fleet->conns);
}

void fleet_end(struct fleet *fleet)
{
    names_free(&fleet->names);
    if (fleet->checkup != NULL)
        checkup_stop(fleet->checkup);
}

void fleet_free(struct fleet **owner)
{
    struct fleet *fleet = *owner;

    if (fleet == NULL)
        return;
    checkup_free(&fleet->checkup);
    roster_drop(fleet->roster);
    for (size_t i = 0; fleet->lines != NULL && i < fleet->settings->servers.count; i++)
        tls_free(&fleet->lines[i].tls);
    mem_free(&fleet->lines);
    must(pthread_mutex_destroy(&fleet->lock) == 0);
    mem_free(owner);
}

/* ---- what is told ------------------------------------------------------------------------- */

bool fleet_is_up(const struct fleet *fleet)
{
    return atomic_load(&fleet->is_up);
}

void fleet_set_up(struct fleet *fleet, bool is_up)
{
    if (fleet->settings->health_get == NULL)
        atomic_store(&fleet->is_up, is_up);
}

struct fleet_lookups fleet_lookups(const struct fleet *fleet)
{
    return (struct fleet_lookups){counter_read(&fleet->lookups),
                                  counter_read(&fleet->lookup_failures)};
}

enum breaker_state fleet_breaker(const struct fleet *fleet)
{
    return breaker_state(&fleet->breaker);
}

void fleet_tell(struct fleet *fleet, void (*tell)(void *context, const struct member *member),
                void *context)
{
    struct roster *roster = fleet_roster(fleet);

    for (size_t i = 0; i < roster->count; i++)
        tell(context, roster->members[i]);
    roster_drop(roster);
}
