/* lease.c: LARDER.GET, FILL, ABSENT and FAIL: one load for many askers.
 * SPDX-License-Identifier: MIT
 */
#include "server/resp/lease.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"

#include <stdio.h>

enum {
    LEASE_MS = 10000, /* a leader that is silent for so long is replaced */
    ABSENT_MS = 1000, /* how long "there is no such thing" is believed */
    RETRY_MS = 1000,  /* how long no new refresh is begun after one that failed */
    TIME_MAX_MS = 86400000,
    TOKEN_SIZE = 64,
    PARTS = 3, /* of an answer: state, value, token */
};

/* A client that waits. It outlives its client when the answer is on its way already. */
struct lease_wait {
    struct cache_waiter waiter;
    struct letter letter;
    struct timer timer;
    struct client *client; /* NULL: gone */
    struct resp_door *door;
    unsigned protocol;
    bool muted;
    enum cache_outcome outcome; /* once woken */
    struct cache_entry *entry;  /* CACHE_FILLED: held */
    struct bytes value;
    bool negative;
    struct cache_lease lease; /* CACHE_PROMOTED */
};

/* ---- tokens -----------------------------------------------------------------------------------
 */

static struct bytes write_token(const struct cache_lease *lease, char text[TOKEN_SIZE])
{
    int size = snprintf(text, TOKEN_SIZE, "%llx-%llx-%llx", (unsigned long long)lease->token,
                        (unsigned long long)lease->sequence, (unsigned long long)lease->hash);

    must(size > 0);
    return bytes_of(text, (size_t)size);
}

/* False: no token of this key, which was replied. */
static bool read_token(struct call *call, size_t at, struct cache_lease *ret_lease)
{
    struct bytes rest = call->words[at];

    if (number_hex(bytes_cut(&rest, '-'), &ret_lease->token) == ERR_OK &&
        number_hex(bytes_cut(&rest, '-'), &ret_lease->sequence) == ERR_OK &&
        number_hex(rest, &ret_lease->hash) == ERR_OK && ret_lease->token != 0 &&
        ret_lease->hash == call->key.hash)
        return true;
    reply_error(call, "that is no token of this key: LARDER.GET gives one to whoever has to load");
    return false;
}

/* ---- answers ----------------------------------------------------------------------------------
 */

/* State, value or nil, token or nil. */
static void add_answer(struct buf *out, unsigned protocol, const char *state,
                       const struct bytes *value, const struct cache_lease *lease)
{
    char token[TOKEN_SIZE];

    resp_add_array(out, PARTS);
    resp_add_bulk(out, bytes_of_text(state));
    if (value != NULL)
        resp_add_bulk(out, *value);
    else
        resp_add_null(out, protocol);
    if (lease != NULL && lease->token != 0)
        resp_add_bulk(out, write_token(lease, token));
    else
        resp_add_null(out, protocol);
}

static void reply_view(struct call *call, const char *state, const struct cache_view *view,
                       const struct cache_lease *lease)
{
    bool shows = view->state != CACHE_MISS && !view->negative && view_is_string(view);

    if (view->state != CACHE_MISS && view->negative && lease == NULL)
        state = "absent";
    add_answer(call->out, call->protocol, state, shows ? &view->value : NULL, lease);
}

/* ---- waiting ----------------------------------------------------------------------------------
 */

static void wait_free(struct lease_wait *wait)
{
    if (wait->entry != NULL)
        cache_drop(wait->door->resp->cache, &wait->entry);
    mem_free(&wait);
}

static void answer_wait(struct lease_wait *wait, struct buf *out)
{
    switch (wait->outcome) {
    case CACHE_FILLED:
        add_answer(out, wait->protocol, wait->negative ? "absent" : "hit",
                   wait->negative ? NULL : &wait->value, NULL);
        break;
    case CACHE_PROMOTED:
        add_answer(out, wait->protocol, "lead", NULL, &wait->lease);
        break;
    case CACHE_FAILED:
        resp_add_error(out, BYTES("LOADFAILED the load of this key failed"));
        break;
    case CACHE_SHARED:
    case CACHE_RETRY:
    default:
        add_answer(out, wait->protocol, "pending", NULL, NULL);
    }
}

/* The client goes on with what it sent after its LARDER.GET. */
static void end_wait(struct lease_wait *wait)
{
    struct client *client = wait->client;
    struct resp_door *door = wait->door;

    must(client->waits == wait);
    timer_clear(door->loop, &wait->timer);
    client->waits = NULL;
    client->held = false;
    if (client->leaving)
        return;
    must(door->out.size == 0);
    answer_wait(wait, &door->out);
    if (wait->muted)
        buf_clear(&door->out);
    door_flush(door, client);
    conn_resume(client->conn);
}

static void open_answer(struct resp_door *door, struct letter *letter)
{
    struct lease_wait *wait = list_owner(letter, struct lease_wait, letter);

    if (door != NULL && wait->client != NULL)
        end_wait(wait);
    wait_free(wait);
}

/* Under the stripe's lock, on any thread. */
static void woken(struct cache_waiter *waiter, const struct cache_wake *wake)
{
    struct lease_wait *wait = list_owner(waiter, struct lease_wait, waiter);

    wait->outcome = wake->outcome;
    if (wake->outcome == CACHE_FILLED) {
        struct cache_view view = *wake->view;

        wait->negative = view.negative;
        wait->entry = cache_hold(wait->door->resp->cache, &view);
        wait->value = view.value;
        if (wait->entry == NULL)
            wait->outcome = CACHE_RETRY;
    } else if (wake->outcome == CACHE_PROMOTED) {
        wait->lease = wake->lease;
    }
    mailbox_put(&wait->door->mailbox, &wait->letter);
}

static void time_is_over(struct timer *timer)
{
    struct lease_wait *wait = list_owner(timer, struct lease_wait, timer);

    if (!cache_cancel(wait->door->thread, &wait->waiter))
        return; /* the answer is on its way */
    wait->outcome = CACHE_RETRY;
    end_wait(wait);
    wait_free(wait);
}

void lease_forget(struct client *client)
{
    struct lease_wait *wait = client->waits;

    if (wait == NULL)
        return;
    client->waits = NULL;
    wait->client = NULL;
    timer_clear(wait->door->loop, &wait->timer);
    if (cache_cancel(wait->door->thread, &wait->waiter))
        wait_free(wait);
}

static struct lease_wait *wait_new(struct call *call)
{
    struct lease_wait *wait = mem_new(1, sizeof *wait);

    wait->waiter.woken = woken;
    wait->letter.open = open_answer;
    wait->client = call->client;
    wait->door = call->door;
    wait->protocol = call->protocol;
    wait->muted = call->out == &call->door->waste;
    timer_init(&wait->timer, time_is_over);
    return wait;
}

/* ---- LARDER.GET -------------------------------------------------------------------------------
 */

struct get_options {
    struct cache_ask ask;
    int64_t wait_ms;
};

/* "name milliseconds" at words[at]. */
static bool read_time(struct call *call, size_t at, int64_t low_ms, int64_t *ret_ms)
{
    if (at + 1 >= call->count) {
        reply_syntax(call);
        return false;
    }
    return call_range(call, at + 1, low_ms, TIME_MAX_MS, "the time is out of range", ret_ms);
}

static bool read_get_options(struct call *call, struct get_options *ret_options)
{
    *ret_options = (struct get_options){.ask = {.lease_ms = LEASE_MS}};
    for (size_t i = 2; i < call->count; i++) {
        if (word_is(call, i, "lease")) {
            if (!read_time(call, i++, 1, &ret_options->ask.lease_ms))
                return false;
        } else if (word_is(call, i, "wait")) {
            if (!read_time(call, i++, 0, &ret_options->wait_ms))
                return false;
        } else if (word_is(call, i, "refresh")) {
            ret_options->ask.refresh = true;
        } else if (word_is(call, i, "nostale")) {
            ret_options->ask.no_stale = true;
        } else {
            reply_syntax(call);
            return false;
        }
    }
    /* Within EXEC nobody may wait. */
    ret_options->ask.no_wait = ret_options->wait_ms == 0 || call->door->locked;
    return true;
}

static void begin_wait(struct call *call, struct lease_wait *wait, int64_t wait_ms)
{
    call->client->waits = wait;
    call->client->held = true;
    door_flush(call->door, call->client);
    conn_pause(call->client->conn);
    timer_set(call->door->loop, &wait->timer, call->now_ms + wait_ms);
}

void on_larder_get(struct call *call)
{
    struct get_options options;
    struct cache_view view = {.state = CACHE_MISS};
    struct cache_lease lease = {0};
    void *shared = NULL;

    if (!read_get_options(call, &options))
        return;
    if (call->key.name.size > CACHE_KEY_MAX) {
        reply_err(call, ERR_TOO_BIG);
        return;
    }
    struct lease_wait *wait = options.ask.no_wait ? NULL : wait_new(call);
    enum cache_answer answer =
        cache_get(call->thread, call->key, &options.ask, call->now_ms,
                  wait == NULL ? NULL : &wait->waiter, &view, &lease, &shared);

    if (answer == CACHE_WAIT) {
        begin_wait(call, wait, options.wait_ms);
        return;
    }
    if (wait != NULL)
        wait_free(wait);
    if (answer == CACHE_HIT && !view.negative && !view_is_string(&view))
        reply_wrong_type(call);
    else if (answer == CACHE_HIT)
        reply_view(call, "hit", &view, NULL);
    else if (answer == CACHE_HIT_STALE)
        reply_view(call, "stale", &view, NULL);
    else if (answer == CACHE_HIT_LEAD)
        reply_view(call, "refresh", &view, &lease);
    else if (answer == CACHE_LEAD)
        reply_view(call, "lead", &view, &lease);
    else
        reply_view(call, "pending", &view, &lease);
}

/* ---- ending a load ----------------------------------------------------------------------------
 */

struct fill_options {
    int64_t ttl_ms; /* 0: for ever */
    int64_t stale_ms;
    int64_t grace_ms;
    const struct bytes *tags;
    size_t tag_count;
};

static bool read_tags(struct call *call, size_t *at, struct fill_options *options)
{
    int64_t count = 0;

    if (*at + 1 >= call->count) {
        reply_syntax(call);
        return false;
    }
    if (!call_range(call, *at + 1, 0, (int64_t)(call->count - *at) - 2,
                    "there are not so many tags", &count))
        return false;
    options->tags = call->words + *at + 2;
    options->tag_count = (size_t)count;
    *at += 1 + (size_t)count;
    return true;
}

static bool read_fill_options(struct call *call, size_t from, struct fill_options *options)
{
    for (size_t i = from; i < call->count; i++) {
        bool fine = false;

        if (word_is(call, i, "ttl"))
            fine = read_time(call, i++, 1, &options->ttl_ms);
        else if (word_is(call, i, "stale"))
            fine = read_time(call, i++, 0, &options->stale_ms);
        else if (word_is(call, i, "grace"))
            fine = read_time(call, i++, 0, &options->grace_ms);
        else if (word_is(call, i, "tags"))
            fine = read_tags(call, &i, options);
        else
            reply_syntax(call);
        if (!fine)
            return false;
    }
    return true;
}

/* Replies 1: stored; 0: those who waited got it, but it was invalidated meanwhile, or the lease is
 * another's by now. */
static void fill(struct call *call, struct cache_lease *lease, struct cache_put *put,
                 const struct fill_options *options)
{
    put->key = call->key;
    put->tags = options->tags;
    put->tag_count = options->tag_count;
    put->expires_ms = CACHE_NEVER;
    if (options->ttl_ms > 0) {
        put->expires_ms = call->now_ms + options->ttl_ms;
        put->stale_until_ms = put->expires_ms + options->stale_ms;
        put->error_until_ms = put->stale_until_ms + options->grace_ms;
    }
    enum err err = cache_fill(call->thread, lease, put, call->now_ms);

    if (err == ERR_OK || err == ERR_DROPPED)
        reply_integer(call, err == ERR_OK);
    else
        reply_err(call, err);
}

void on_larder_fill(struct call *call)
{
    struct fill_options options = {0};
    struct cache_put put = {.kind = TYPE_STRING, .body = call->words[3]};
    struct cache_lease lease;

    if (read_token(call, 2, &lease) && read_fill_options(call, 4, &options))
        fill(call, &lease, &put, &options);
}

void on_larder_absent(struct call *call)
{
    struct fill_options options = {.ttl_ms = ABSENT_MS};
    struct cache_put put = {.kind = TYPE_STRING, .negative = true};
    struct cache_lease lease;

    if (read_token(call, 2, &lease) && read_fill_options(call, 3, &options))
        fill(call, &lease, &put, &options);
}

void on_larder_fail(struct call *call)
{
    struct cache_lease lease;
    int64_t retry_ms = RETRY_MS;

    if (!read_token(call, 2, &lease))
        return;
    if (call->count > 3 && (call->count != 5 || !word_is(call, 3, "retry"))) {
        reply_syntax(call);
        return;
    }
    if (call->count == 5 && !read_time(call, 3, 0, &retry_ms))
        return;
    cache_fail(call->thread, &lease, ERR_PEER_DOWN, retry_ms, call->now_ms);
    reply_ok(call);
}
