/* addresses.c: the setting `servers`, line by line, and the addresses that a name has.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"
#include "upstream/fleet_parts.h"
#include "upstream/names.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* ---- reading ------------------------------------------------------------------------------ */

static enum err read_option(struct bytes option, uint64_t *ret_weight, struct fault *fault)
{
    struct bytes value = option;
    struct bytes name = bytes_cut(&value, '=');

    if (!bytes_equal(name, BYTES("weight")))
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" behind a server's address means nothing; there is weight=N",
                         BYTES_ARG(option));
    if (number_u64(value, ret_weight) != ERR_OK || *ret_weight < 1 ||
        *ret_weight > FLEET_WEIGHT_MAX)
        return fault_say(fault, ERR_RANGE, "\"%.*s\": a weight is a number from 1 to %d",
                         BYTES_ARG(option), FLEET_WEIGHT_MAX);
    return ERR_OK;
}

enum err fleet_read_server(struct bytes text, struct bytes *ret_address, uint64_t *ret_weight,
                           struct fault *fault)
{
    struct bytes rest = bytes_trim(text);
    struct bytes address = bytes_cut(&rest, ' ');
    uint64_t weight = 1;

    rest = bytes_trim(rest);
    while (rest.size > 0) {
        TRY(read_option(bytes_cut(&rest, ' '), &weight, fault));
        rest = bytes_trim(rest);
    }
    *ret_address = address;
    *ret_weight = weight;
    return ERR_OK;
}

/* ---- members ------------------------------------------------------------------------------ */

static void set_port(struct address *address, uint16_t port)
{
    if (address->any.sa_family == AF_INET6)
        address->v6.sin6_port = htons(port);
    else
        address->v4.sin_port = htons(port);
}

static int compare_texts(const void *left, const void *right)
{
    const struct member *const *a = left, *const *b = right;

    return strcmp((*a)->text, (*b)->text);
}

/* The member of this line that has the address already, with a reference for the caller; or a new
 * one. */
static struct member *member_for(const struct roster *roster, size_t line, uint64_t weight,
                                 const struct address *address)
{
    char text[ADDRESS_TEXT_SIZE];

    address_text(address, text);
    for (size_t i = 0; roster != NULL && i < roster->count; i++) {
        struct member *member = roster->members[i];

        if (member->line == line && strcmp(member->text, text) == 0)
            return member_hold(member);
    }
    return member_new(address, line, weight);
}

/* Members for the addresses of one line, in a fixed order, each once. */
static size_t add_members(const struct fleet *fleet, size_t line, const struct address *addresses,
                          size_t count, struct member **members, size_t room)
{
    const struct fleet_line *settings = &fleet->lines[line];
    size_t added = 0, kept = 0;

    if ((count > room || count == RESOLVER_ADDRESSES_MAX) && fleet->log != NULL)
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: %s has more addresses than are taken: %d of a name, %d of an origin",
                fleet->name, settings->host, RESOLVER_ADDRESSES_MAX, FLEET_SERVERS_MAX);
    for (size_t i = 0; i < count && added < room; i++) {
        struct address address = addresses[i];

        if (settings->is_name)
            set_port(&address, settings->port);
        members[added++] = member_for(fleet->roster, line, settings->weight, &address);
    }
    if (added > 1)
        qsort(members, added, sizeof members[0], compare_texts);
    for (size_t i = 0; i < added; i++) {
        if (kept > 0 && strcmp(members[i]->text, members[kept - 1]->text) == 0)
            member_drop(members[i]);
        else
            members[kept++] = members[i];
    }
    return kept;
}

/* Which of both families is asked first, when the name has both: IPv4, since servers that listen on
 * 127.0.0.1 alone are many; it changes with the first connection that fails. */
static void look_at_families(struct fleet *fleet, size_t line, struct member *const *members,
                             size_t count)
{
    struct fleet_line *settings = &fleet->lines[line];
    bool has_v4 = false, has_v6 = false;

    for (size_t i = 0; i < count; i++) {
        if (members[i]->line == line) {
            has_v4 |= members[i]->address.any.sa_family == AF_INET;
            has_v6 |= members[i]->address.any.sa_family == AF_INET6;
        }
    }
    if (atomic_load(&settings->family) == 0)
        atomic_store(&settings->family, AF_INET);
    atomic_store(&settings->has_both, has_v4 && has_v6);
}

/* ---- birth -------------------------------------------------------------------------------- */

static enum err read_line(struct fleet *fleet, size_t line, struct address *addresses,
                          size_t *ret_count, struct fault *fault)
{
    struct fleet_line *settings = &fleet->lines[line];
    struct bytes text = {NULL, 0};

    TRY(fleet_read_server(bytes_of_text(fleet->settings->servers.items[line]), &text,
                          &settings->weight, fault));
    char room[SECURE_ADDRESS_MAX];

    if (secure_cut(&text, room))
        TRY(secure_new(fleet->settings, text, &settings->tls, fault));
    settings->is_name = address_is_name(text, settings->host, &settings->port);
    if (settings->is_name)
        return names_wait_for(fleet->settings, settings->host, addresses, ret_count,
                              &settings->ttl_ms, fault);
    *ret_count = 1;
    return address_parse(text, &addresses[0], fault);
}

enum err fleet_read_lines(struct fleet *fleet, struct fault *fault)
{
    const struct text_list *texts = &fleet->settings->servers;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
    struct member *members[FLEET_SERVERS_MAX];
    enum err err = ERR_OK;
    size_t count = 0;

    if (texts->count == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "the origin has no servers; write servers: [\"host:port\"]");
    if (texts->count > FLEET_SERVERS_MAX)
        return fault_say(fault, ERR_TOO_BIG, "more than %d servers are not supported",
                         FLEET_SERVERS_MAX);
    fleet->lines = mem_new(texts->count, sizeof *fleet->lines);
    for (size_t i = 0; i < texts->count && err == ERR_OK; i++) {
        size_t found = 0;

        err = read_line(fleet, i, addresses, &found, fault);
        if (err == ERR_OK)
            count +=
                add_members(fleet, i, addresses, found, members + count, FLEET_SERVERS_MAX - count);
        if (err == ERR_OK)
            look_at_families(fleet, i, members, count);
    }
    if (err == ERR_OK)
        fleet_set_roster(fleet, members, count);
    for (size_t i = 0; i < count && err != ERR_OK; i++)
        member_drop(members[i]);
    return err;
}

/* ---- other addresses ---------------------------------------------------------------------- */

static bool is_the_same(const struct roster *roster, struct member *const *members, size_t count)
{
    if (roster->count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (roster->members[i] != members[i])
            return false;
    }
    return true;
}

static void say_addresses(const struct fleet *fleet, size_t line)
{
    struct buf text;

    if (fleet->log == NULL)
        return;
    buf_init(&text, (size_t)FLEET_SERVERS_MAX * ADDRESS_TEXT_SIZE, NULL);
    for (size_t i = 0; i < fleet->roster->count; i++) {
        if (fleet->roster->members[i]->line == line)
            buf_printf(&text, " %s", fleet->roster->members[i]->text);
    }
    log_say(fleet->log, LOG_INFO, "upstream", "origin %s: the servers of %s are now%.*s",
            fleet->name, fleet->lines[line].host, BYTES_ARG(buf_bytes(&text)));
    buf_fini(&text);
}

void fleet_readdress(struct fleet *fleet, size_t line, const struct address *addresses,
                     size_t count)
{
    const struct roster *roster = fleet->roster;
    struct member *members[FLEET_SERVERS_MAX];
    size_t total = 0;

    for (size_t i = 0; i < fleet->settings->servers.count; i++) {
        if (i == line)
            total += add_members(fleet, line, addresses, count, members + total,
                                 FLEET_SERVERS_MAX - total);
        for (size_t j = 0; i != line && j < roster->count && total < FLEET_SERVERS_MAX; j++) {
            if (roster->members[j]->line == i)
                members[total++] = member_hold(roster->members[j]);
        }
    }
    if (is_the_same(roster, members, total)) {
        for (size_t i = 0; i < total; i++)
            member_drop(members[i]);
        return;
    }
    look_at_families(fleet, line, members, total);
    fleet_set_roster(fleet, members, total);
    say_addresses(fleet, line);
}

/* ---- two families ------------------------------------------------------------------------- */

bool fleet_is_spare(const struct fleet *fleet, const struct member *member)
{
    const struct fleet_line *line = &fleet->lines[member->line];

    return line->is_name && atomic_load_explicit(&line->has_both, memory_order_relaxed) &&
           atomic_load_explicit(&line->family, memory_order_relaxed) !=
               member->address.any.sa_family;
}

bool fleet_has_other_family(const struct fleet *fleet, const struct member *member)
{
    return fleet->lines[member->line].is_name && atomic_load(&fleet->lines[member->line].has_both);
}

void fleet_try_other_family(struct fleet *fleet, const struct member *failed, int64_t now_ms)
{
    struct fleet_line *line = &fleet->lines[failed->line];
    int family = failed->address.any.sa_family;
    bool is_another_well = false;

    if (!fleet_has_other_family(fleet, failed) || fleet_is_spare(fleet, failed))
        return;
    struct roster *roster = fleet_roster(fleet);

    for (size_t i = 0; i < roster->count; i++) {
        const struct member *member = roster->members[i];

        is_another_well |= member->line == failed->line &&
                           member->address.any.sa_family == family &&
                           member_state(member, now_ms) == MEMBER_UP;
    }
    roster_drop(roster);
    if (!is_another_well)
        atomic_store(&line->family, family == AF_INET ? AF_INET6 : AF_INET);
}
