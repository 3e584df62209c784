/* keyspace.c: whole databases: scanning, counting, emptying. SPDX-License-Identifier: MIT */
#include "base/glob.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"

enum {
    SCAN_COUNT = 10,
    /* Index places a step. SCAN goes on through empty ones, so that a small database is seen in one
     * call: the smallest index has less than these. */
    KEYS_BUDGET = 4096,
    SCAN_BUDGET_MIN = 8192,
    SCAN_BUDGET_FACTOR = 10,
};

/* Names that fit, written as they come; their number stands in front of them in the reply. */
struct found {
    struct buf names;
    size_t count;
    size_t seen; /* names of the database, whether they fit or not */
    size_t seen_max;
    struct bytes pattern;
    const char *type; /* NULL: any */
};

static bool add_name(void *context, struct bytes name, const struct cache_view *view)
{
    struct found *found = context;

    if (view->state != CACHE_FRESH || view->negative)
        return true;
    found->seen++;
    if ((found->type == NULL || strcmp(found->type, type_name(view->kind)) == 0) &&
        glob_fits(found->pattern, name)) {
        resp_add_bulk(&found->names, name);
        found->count++;
    }
    return found->seen < found->seen_max;
}

static void reply_found(struct call *call, struct found *found)
{
    if (buf_failed(&found->names) == ERR_OK) {
        reply_array(call, found->count);
        buf_add(call->out, buf_bytes(&found->names));
    } else {
        reply_err(call, ERR_FULL);
    }
    buf_fini(&found->names);
}

void on_keys_keys(struct call *call)
{
    struct found found = {.pattern = call->words[1], .seen_max = SIZE_MAX};
    uint64_t cursor = 0;

    buf_init(&found.names, SIZE_MAX / 2, NULL);
    do {
        cursor = cache_scan(call->thread, call->space, cursor, KEYS_BUDGET, add_name, &found,
                            call->now_ms);
    } while (cursor != 0);
    reply_found(call, &found);
}

bool call_scan_options(struct call *call, size_t from, struct scan_options *ret_options)
{
    *ret_options = (struct scan_options){.pattern = BYTES("*"), .count = SCAN_COUNT};
    for (size_t i = from; i < call->count; i += 2) {
        bool has_value = i + 1 < call->count;

        if (has_value && word_is(call, i, "count")) {
            if (!call_integer(call, i + 1, &ret_options->count))
                return false;
            if (ret_options->count < 1) {
                reply_syntax(call);
                return false;
            }
        } else if (has_value && word_is(call, i, "match")) {
            ret_options->pattern = call->words[i + 1];
        } else if (has_value && from == 2 && word_is(call, i, "type")) {
            ret_options->type = call->words[i + 1];
        } else {
            reply_syntax(call);
            return false;
        }
    }
    return true;
}

bool call_cursor(struct call *call, size_t at, uint64_t *ret_cursor)
{
    if (number_u64(call->words[at], ret_cursor) == ERR_OK)
        return true;
    reply_error(call, "invalid cursor");
    return false;
}

void reply_cursor(struct call *call, uint64_t cursor)
{
    struct buf text;

    buf_init(&text, 32, NULL);
    buf_add_u64(&text, cursor);
    reply_bulk(call, buf_bytes(&text));
    buf_fini(&text);
}

static const char *known_type(struct bytes name)
{
    static const char *const names[] = {"string", "list", "set", "zset", "hash"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal_nocase(name, bytes_of_text(names[i])))
            return names[i];
    }
    return "none of them";
}

void on_keys_scan(struct call *call)
{
    struct scan_options options;
    uint64_t cursor = 0;

    if (!call_cursor(call, 1, &cursor) || !call_scan_options(call, 2, &options))
        return;
    struct found found = {.pattern = options.pattern, .seen_max = (size_t)options.count};
    size_t budget = SCAN_BUDGET_MIN;

    if (options.type.data != NULL)
        found.type = known_type(options.type);
    if (found.seen_max > budget / SCAN_BUDGET_FACTOR)
        budget = found.seen_max < SIZE_MAX / SCAN_BUDGET_FACTOR
                     ? found.seen_max * SCAN_BUDGET_FACTOR
                     : SIZE_MAX;
    buf_init(&found.names, SIZE_MAX / 2, NULL);
    cursor = cache_scan(call->thread, call->space, cursor, budget, add_name, &found, call->now_ms);
    reply_array(call, 2);
    reply_cursor(call, cursor);
    reply_found(call, &found);
}

void on_keys_randomkey(struct call *call)
{
    struct bytes name;

    if (cache_random(call->thread, call->space, &call->door->random, call->now_ms, &name))
        reply_bulk(call, name);
    else
        reply_null(call);
}

void on_keys_dbsize(struct call *call)
{
    reply_integer(call, (int64_t)cache_count(call->resp->cache, call->space));
}

/* ---- emptying and exchanging ------------------------------------------------------------------
 */

/* False: an option that is none, which was replied. */
static bool read_flush_option(struct call *call)
{
    if (call->count == 1)
        return true;
    if (call->count == 2 && (word_is(call, 1, "async") || word_is(call, 1, "sync")))
        return true;
    reply_syntax(call);
    return false;
}

static void empty(struct call *call, unsigned space)
{
    struct cache_purge purge = {.by = CACHE_BY_SPACE, .space = (uint8_t)space};

    /* A purge of a space is a counter: it needs no room. */
    (void)(cache_purge(call->thread, &purge, call->now_ms, NULL) == ERR_OK);
}

void on_keys_flushdb(struct call *call)
{
    if (!read_flush_option(call))
        return;
    empty(call, call->space);
    reply_ok(call);
}

void on_keys_flushall(struct call *call)
{
    if (!read_flush_option(call))
        return;
    bool locked = !call->door->locked;

    if (locked)
        cache_lock_all(call->thread);
    for (unsigned space = 0; space < CACHE_DATABASES; space++)
        empty(call, space);
    if (locked)
        cache_unlock(call->thread);
    reply_ok(call);
}

void on_keys_swapdb(struct call *call)
{
    struct resp *resp = call->resp;
    int64_t first = 0, second = 0;

    if (!call_range(call, 1, INT64_MIN, INT64_MAX, "invalid first DB index", &first) ||
        !call_range(call, 2, INT64_MIN, INT64_MAX, "invalid second DB index", &second))
        return;
    if (first < 0 || second < 0 || first >= CACHE_DATABASES || second >= CACHE_DATABASES) {
        reply_error(call, "DB index is out of range");
        return;
    }
    bool locked = !call->door->locked;

    if (locked)
        cache_lock_all(call->thread);
    uint8_t space = atomic_load(&resp->spaces[first]);

    atomic_store(&resp->spaces[first], atomic_load(&resp->spaces[second]));
    atomic_store(&resp->spaces[second], space);
    atomic_fetch_add(&resp->swaps[first], 1);
    atomic_fetch_add(&resp->swaps[second], 1);
    if (locked)
        cache_unlock(call->thread);
    reply_ok(call);
}
