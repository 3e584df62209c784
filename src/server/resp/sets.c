/* sets.c: commands on sets. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "server/resp/handlers.h"
#include "server/resp/picking.h"
#include "types/members.h"

static bool find_set(struct call *call, struct members **ret_set)
{
    return call_object(call, call->key, TYPE_SET, ret_set);
}

/* ---- one set ----------------------------------------------------------------------------------
 */

void on_sets_sadd(struct call *call)
{
    struct edit edit;
    int64_t count = 0;
    enum err err = ERR_OK;

    if (!edit_begin(call, call->key, TYPE_SET, &edit) || !edit_make(call, &edit))
        return;
    for (size_t i = 2; i < call->count && err == ERR_OK; i++) {
        bool added = false;

        err = members_add(edit.object, call->words[i], &added);
        count += err == ERR_OK && added;
    }
    if (!edit_end(call, &edit, count > 0))
        return;
    if (err == ERR_OK)
        reply_integer(call, count);
    else
        reply_err(call, err);
}

void on_sets_srem(struct call *call)
{
    struct edit edit;
    int64_t count = 0;

    if (!edit_begin(call, call->key, TYPE_SET, &edit))
        return;
    for (size_t i = 2; edit.object != NULL && i < call->count; i++)
        count += members_remove(edit.object, call->words[i]);
    if (edit_end(call, &edit, count > 0))
        reply_integer(call, count);
}

void on_sets_scard(struct call *call)
{
    struct members *set = NULL;

    if (find_set(call, &set))
        reply_integer(call, set == NULL ? 0 : (int64_t)members_count(set));
}

void on_sets_sismember(struct call *call)
{
    struct members *set = NULL;

    if (find_set(call, &set))
        reply_integer(call, set != NULL && members_has(set, call->words[2]));
}

void on_sets_smismember(struct call *call)
{
    struct members *set = NULL;

    if (!find_set(call, &set))
        return;
    reply_array(call, call->count - 2);
    for (size_t i = 2; i < call->count; i++)
        reply_integer(call, set != NULL && members_has(set, call->words[i]));
}

static void reply_members(struct call *call, const struct members *set)
{
    struct members_walk walk = {0};
    struct bytes member;

    reply_set(call, set == NULL ? 0 : members_count(set));
    while (set != NULL && members_next(set, &walk, &member))
        reply_bulk(call, member);
}

void on_sets_smembers(struct call *call)
{
    struct members *set = NULL;

    if (find_set(call, &set))
        reply_members(call, set);
}

static void scan_member(void *context, struct bytes member)
{
    scanned_add(context, member, (struct bytes){0});
}

void on_sets_sscan(struct call *call)
{
    struct scan_options options;
    struct members *set = NULL;
    struct scanned scanned;
    uint64_t cursor = 0;

    if (!call_cursor(call, 2, &cursor) || !call_scan_options(call, 3, &options) ||
        !find_set(call, &set))
        return;
    scanned_begin(&scanned, &options);
    do {
        cursor = set == NULL ? 0 : members_scan(set, cursor, scan_member, &scanned);
    } while (scanned_goes_on(&scanned, cursor));
    scanned_reply(call, &scanned, cursor);
}

void on_sets_smove(struct call *call)
{
    struct edit from, to;
    bool added = false;

    if (!edit_begin(call, call->key, TYPE_SET, &from))
        return;
    if (from.object == NULL) {
        reply_integer(call, 0);
        return;
    }
    if (!edit_begin(call, call_key(call, 2), TYPE_SET, &to))
        return;
    bool there = members_has(from.object, call->words[3]);

    if (!there || from.object == to.object) {
        reply_integer(call, there);
        return;
    }
    if (!edit_make(call, &to))
        return;
    enum err err = members_add(to.object, call->words[3], &added);

    if (err != ERR_OK) {
        edit_cancel(&to);
        reply_err(call, err);
        return;
    }
    if (!edit_end(call, &to, added))
        return;
    (void)members_remove(from.object, call->words[3]);
    if (edit_end(call, &from, true))
        reply_integer(call, 1);
}

/* ---- at random --------------------------------------------------------------------------------
 */

/* Replies with one member and takes it out. */
static void pop_one(struct call *call, struct members *set)
{
    char text[MEMBER_TEXT_SIZE];
    struct bytes member = members_random(set, &call->door->random, text);
    uint8_t *copy = mem_copy(member.data, member.size);

    reply_bulk(call, member);
    (void)members_remove(set, bytes_of(copy, member.size));
    mem_free(&copy);
}

void on_sets_spop(struct call *call)
{
    struct edit edit;
    int64_t count = 1;

    if (call->count > 3) {
        reply_syntax(call);
        return;
    }
    if (call->count == 3 &&
        !call_range(call, 2, 0, INT64_MAX, "value is out of range, must be positive", &count))
        return;
    if (!edit_begin(call, call->key, TYPE_SET, &edit))
        return;
    size_t have = edit.object == NULL ? 0 : members_count(edit.object);

    if (call->count == 2 && have == 0) {
        reply_null(call);
        return;
    }
    count = (int64_t)have < count ? (int64_t)have : count;
    if (call->count == 3)
        reply_set(call, (size_t)count);
    for (int64_t i = 0; i < count; i++)
        pop_one(call, edit.object);
    (void)edit_end(call, &edit, count > 0);
}

/* So few that drawing again what was drawn already is cheaper than passing by all. */
static void reply_few(struct call *call, const struct members *set, size_t count)
{
    struct members *drawn = members_new(call->resp->rules);
    char text[MEMBER_TEXT_SIZE];

    if (drawn == NULL) {
        reply_err(call, ERR_FULL);
        return;
    }
    reply_array(call, count);
    while (count > 0) {
        struct bytes member = members_random(set, &call->door->random, text);
        bool added = true;

        /* Without memory to remember it a member may come twice. */
        if (members_add(drawn, member, &added) != ERR_OK || added) {
            reply_bulk(call, member);
            count--;
        }
    }
    members_free(&drawn);
}

static void reply_random(struct call *call, const struct members *set, int64_t count)
{
    struct members_walk walk = {0};
    struct picking picking;
    struct bytes member;
    char text[MEMBER_TEXT_SIZE];

    if (count < 0) {
        reply_array(call, (size_t)-count);
        for (; count < 0; count++)
            reply_bulk(call, members_random(set, &call->door->random, text));
        return;
    }
    picking_begin(&picking, members_count(set), (size_t)count);
    if (picking_is_sparse(&picking)) {
        reply_few(call, set, (size_t)count);
        return;
    }
    reply_array(call, picking.wanted);
    while (members_next(set, &walk, &member)) {
        if (picking_takes(&picking, &call->door->random))
            reply_bulk(call, member);
    }
}

void on_sets_srandmember(struct call *call)
{
    struct members *set = NULL;
    char text[MEMBER_TEXT_SIZE];
    int64_t count = 0;

    if (call->count > 3) {
        reply_syntax(call);
        return;
    }
    if (call->count == 3 && !call_range(call, 2, -INT64_MAX, INT64_MAX, NULL, &count))
        return;
    if (!find_set(call, &set))
        return;
    if (call->count == 2 && set == NULL)
        reply_null(call);
    else if (call->count == 2)
        reply_bulk(call, members_random(set, &call->door->random, text));
    else if (set == NULL || count == 0)
        reply_array(call, 0);
    else
        reply_random(call, set, count);
}

/* ---- several sets -----------------------------------------------------------------------------
 */

struct sources {
    struct members **sets; /* NULL: there is no such key */
    size_t count;
    bool any_missing;
};

/* The sets of `count` words from `first` on. False: another type is there, which was replied. */
static bool find_sources(struct call *call, size_t first, size_t count, struct sources *ret_sources)
{
    *ret_sources = (struct sources){mem_new(count, sizeof *ret_sources->sets), count, false};
    for (size_t i = 0; i < count; i++) {
        if (!call_object(call, call_key(call, first + i), TYPE_SET, &ret_sources->sets[i])) {
            mem_free(&ret_sources->sets);
            return false;
        }
        ret_sources->any_missing |= ret_sources->sets[i] == NULL;
    }
    return true;
}

static size_t sources_cost(const struct sources *sources)
{
    size_t cost = 0;

    for (size_t i = 0; i < sources->count; i++)
        cost += sources->sets[i] == NULL ? 0 : members_cost(sources->sets[i]);
    return cost;
}

static bool all_have(const struct sources *sources, struct bytes member)
{
    for (size_t i = 0; i < sources->count; i++) {
        if (!members_has(sources->sets[i], member))
            return false;
    }
    return true;
}

/* Calls `each` with the members that all have; it returns false to stop. */
typedef bool member_fn(void *context, struct bytes member);

static void intersect(const struct sources *sources, member_fn *each, void *context)
{
    const struct members *smallest = sources->sets[0];
    struct members_walk walk = {0};
    struct bytes member;

    if (sources->any_missing)
        return;
    for (size_t i = 1; i < sources->count; i++) {
        if (members_count(sources->sets[i]) < members_count(smallest))
            smallest = sources->sets[i];
    }
    while (members_next(smallest, &walk, &member)) {
        if (all_have(sources, member) && !each(context, member))
            return;
    }
}

static void unite(const struct sources *sources, member_fn *each, void *context)
{
    for (size_t i = 0; i < sources->count; i++) {
        struct members_walk walk = {0};
        struct bytes member;

        while (sources->sets[i] != NULL && members_next(sources->sets[i], &walk, &member)) {
            if (!each(context, member))
                return;
        }
    }
}

static void subtract(const struct sources *sources, member_fn *each, void *context)
{
    struct members_walk walk = {0};
    struct bytes member;

    while (sources->sets[0] != NULL && members_next(sources->sets[0], &walk, &member)) {
        bool elsewhere = false;

        for (size_t i = 1; i < sources->count && !elsewhere; i++)
            elsewhere = sources->sets[i] != NULL && members_has(sources->sets[i], member);
        if (!elsewhere && !each(context, member))
            return;
    }
}

typedef void combine_fn(const struct sources *sources, member_fn *each, void *context);

struct result {
    struct members *set;
    enum err err;
};

static bool add_result(void *context, struct bytes member)
{
    struct result *result = context;
    bool added = false;

    result->err = members_add(result->set, member, &added);
    return result->err == ERR_OK;
}

/* Replies with what the sets make together, or stores it under words[1]. */
static void combine(struct call *call, combine_fn *how, bool store)
{
    struct sources sources;
    size_t first = store ? 2 : 1;
    struct result result = {0};

    if (!find_sources(call, first, call->count - first, &sources))
        return;
    result.set = members_new(call->resp->rules);
    result.err = result.set == NULL ? ERR_FULL : ERR_OK;
    if (result.err == ERR_OK)
        how(&sources, add_result, &result);
    if (result.err != ERR_OK)
        members_free(&result.set);
    if (result.err != ERR_OK && !call_wants_room(call, sources_cost(&sources)))
        reply_err(call, result.err);
    mem_free(&sources.sets);
    if (result.err != ERR_OK)
        return;
    if (!store) {
        reply_members(call, result.set);
        members_free(&result.set);
        return;
    }
    int64_t count = (int64_t)members_count(result.set);

    if (call_put_object(call, call->key, TYPE_SET, result.set, CACHE_NEVER))
        reply_integer(call, count);
}

void on_sets_sinter(struct call *call)
{
    combine(call, intersect, false);
}

void on_sets_sinterstore(struct call *call)
{
    combine(call, intersect, true);
}

void on_sets_sunion(struct call *call)
{
    combine(call, unite, false);
}

void on_sets_sunionstore(struct call *call)
{
    combine(call, unite, true);
}

void on_sets_sdiff(struct call *call)
{
    combine(call, subtract, false);
}

void on_sets_sdiffstore(struct call *call)
{
    combine(call, subtract, true);
}

struct counting {
    int64_t count;
    int64_t limit; /* 0: none */
};

static bool count_member(void *context, struct bytes member)
{
    struct counting *counting = context;

    (void)member;
    return ++counting->count != counting->limit;
}

/* words[1] keys follow it; then perhaps LIMIT. False: wrong, which was replied. */
static bool call_keys_and_limit(struct call *call, size_t *ret_keys, int64_t *ret_limit)
{
    int64_t keys = 0;

    *ret_limit = 0;
    if (!call_range(call, 1, 1, INT64_MAX, "numkeys should be greater than 0", &keys))
        return false;
    if (keys > (int64_t)call->count - 2) {
        reply_error(call, "Number of keys can't be greater than number of args");
        return false;
    }
    *ret_keys = (size_t)keys;
    for (size_t i = 2 + (size_t)keys; i < call->count; i += 2) {
        if (!word_is(call, i, "limit") || i + 1 >= call->count) {
            reply_syntax(call);
            return false;
        }
        if (!call_range(call, i + 1, 0, INT64_MAX, "LIMIT can't be negative", ret_limit))
            return false;
    }
    return true;
}

void on_sets_sintercard(struct call *call)
{
    struct sources sources;
    struct counting counting = {0};
    size_t keys = 0;

    if (!call_keys_and_limit(call, &keys, &counting.limit) ||
        !find_sources(call, 2, keys, &sources))
        return;
    intersect(&sources, count_member, &counting);
    mem_free(&sources.sets);
    reply_integer(call, counting.count);
}
