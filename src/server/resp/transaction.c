/* transaction.c: queueing, watching, executing. SPDX-License-Identifier: MIT */
#include "server/resp/transaction.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/resp/handlers.h"

enum { ROOM_MIN = 64 << 10 /* bytes of a queue: room is made ahead */ };

/* One command with copies of its words behind it. */
struct queued {
    struct queued *next;
    const struct verb *verb;
    size_t size; /* bytes of the block */
    size_t count;
    struct bytes words[];
};

struct watched {
    struct cache_watch watch; /* first */
    struct transaction *owner;
    struct watched *next;
    bool was_there; /* when the watch began */
    size_t name_size;
    unsigned database;
    uint64_t swaps; /* of the database when the watch began */
    unsigned space;
    uint8_t name[];
};

struct transaction {
    struct queued *first;
    struct queued **last;
    size_t bytes;
    size_t count;
    bool spoiled; /* a command was refused */
    bool is_full; /* the queue was too large */
    struct watched *watched;
    _Atomic bool changed; /* a watched key did */
};

static struct transaction *transaction_of(struct client *client)
{
    if (client->transaction == NULL) {
        client->transaction = mem_new(1, sizeof *client->transaction);
        client->transaction->last = &client->transaction->first;
    }
    return client->transaction;
}

/* ---- queueing ---------------------------------------------------------------------------------
 */

void transaction_spoil(struct client *client)
{
    transaction_of(client)->spoiled = true;
}

static void show_queued(struct client *client, int count)
{
    atomic_store_explicit(&client->card.queued, count, memory_order_relaxed);
}

static void forget_queue(struct client *client)
{
    struct transaction *transaction = transaction_of(client);
    struct queued *queued = transaction->first;

    while (queued != NULL) {
        struct queued *next = queued->next;

        account_refund(&client->door->resp->connections, queued->size);
        mem_free(&queued);
        queued = next;
    }
    transaction->first = NULL;
    transaction->last = &transaction->first;
    transaction->bytes = transaction->count = 0;
    transaction->spoiled = transaction->is_full = false;
    client_set_gate(client, GATE_MULTI, false);
    show_queued(client, -1);
}

static struct queued *queued_new(const struct call *call)
{
    size_t size = sizeof(struct queued) + call->count * sizeof call->words[0];

    for (size_t i = 0; i < call->count; i++)
        size += call->words[i].size;
    struct queued *queued = mem_try(size);

    if (queued == NULL)
        return NULL;
    *queued = (struct queued){.verb = call->verb, .size = size, .count = call->count};
    uint8_t *at = (uint8_t *)(queued->words + call->count);

    for (size_t i = 0; i < call->count; i++) {
        queued->words[i] = bytes_of(at, call->words[i].size);
        if (call->words[i].size > 0)
            memcpy(at, call->words[i].data, call->words[i].size);
        at += call->words[i].size;
    }
    return queued;
}

void transaction_queue(struct call *call)
{
    struct transaction *transaction = transaction_of(call->client);
    struct queued *queued = NULL;

    if (!transaction->is_full)
        queued = queued_new(call);
    if (queued == NULL || queued->size > call->resp->settings.queued_max - transaction->bytes) {
        mem_free(&queued);
        transaction->spoiled = transaction->is_full = true;
        counter_add(&call->door->metrics.queries_refused, 1);
        reply_error(call, "the queue of this transaction is larger than the configured limit");
        return;
    }
    account_force(&call->resp->connections, queued->size);
    transaction->bytes += queued->size;
    transaction->count++;
    *transaction->last = queued;
    transaction->last = &queued->next;
    show_queued(call->client, (int)transaction->count);
    buf_add(call->out, BYTES("+QUEUED\r\n"));
}

void on_transaction_multi(struct call *call)
{
    if ((call->client->gate & GATE_MULTI) != 0) {
        reply_error(call, "MULTI calls can not be nested");
        return;
    }
    (void)transaction_of(call->client);
    client_set_gate(call->client, GATE_MULTI, true);
    show_queued(call->client, 0);
    reply_ok(call);
}

/* ---- watching ---------------------------------------------------------------------------------
 */

static void watched_changed(struct cache_watch *watch)
{
    struct watched *watched = list_owner(watch, struct watched, watch);

    atomic_store(&watched->owner->changed, true);
}

static bool is_there(struct call *call, struct cache_key key)
{
    struct cache_view view;

    return call_peek(call, key, &view);
}

static bool is_watched(const struct transaction *transaction, unsigned space, struct bytes name)
{
    for (const struct watched *w = transaction->watched; w != NULL; w = w->next) {
        if (w->space == space && bytes_equal(bytes_of(w->name, w->name_size), name))
            return true;
    }
    return false;
}

void on_transaction_watch(struct call *call)
{
    struct transaction *transaction = transaction_of(call->client);

    if ((call->client->gate & GATE_MULTI) != 0) {
        reply_error(call, "WATCH inside MULTI is not allowed");
        return;
    }
    for (size_t i = 1; i < call->count; i++) {
        struct bytes name = call->words[i];

        if (is_watched(transaction, call->space, name))
            continue;
        struct watched *watched = mem_new(1, sizeof *watched + name.size + 1);

        watched->owner = transaction;
        watched->database = call->client->database;
        watched->swaps = atomic_load(&call->resp->swaps[watched->database]);
        watched->space = call->space;
        watched->name_size = name.size;
        if (name.size > 0)
            memcpy(watched->name, name.data, name.size);
        watched->next = transaction->watched;
        transaction->watched = watched;
        account_force(&call->resp->connections, sizeof *watched + name.size);
        cache_watch(call->thread, call_key(call, i), &watched->watch, watched_changed);
        watched->was_there = is_there(call, call_key(call, i));
    }
    reply_ok(call);
}

static void unwatch_all(struct client *client)
{
    struct transaction *transaction = client->transaction;

    while (transaction->watched != NULL) {
        struct watched *watched = transaction->watched;

        transaction->watched = watched->next;
        cache_unwatch(client->door->thread, &watched->watch);
        account_refund(&client->door->resp->connections, sizeof *watched + watched->name_size);
        mem_free(&watched);
    }
    atomic_store(&transaction->changed, false);
}

void on_transaction_unwatch(struct call *call)
{
    if (call->client->transaction != NULL && !call->door->locked)
        unwatch_all(call->client);
    reply_ok(call);
}

void transaction_reset(struct client *client)
{
    if (client->transaction == NULL)
        return;
    forget_queue(client);
    unwatch_all(client);
    mem_free(&client->transaction);
}

void on_transaction_discard(struct call *call)
{
    if ((call->client->gate & GATE_MULTI) == 0) {
        reply_error(call, "DISCARD without MULTI");
        return;
    }
    transaction_reset(call->client);
    reply_ok(call);
}

/* ---- executing --------------------------------------------------------------------------------
 */

struct keys_wanted {
    struct resp_door *door;
    unsigned space;
    const struct bytes *words;
    size_t count;
};

static void want_key(void *context, size_t word, const struct key_spec *spec)
{
    struct keys_wanted *wanted = context;

    (void)spec;
    if (wanted->count < CACHE_LOCK_KEYS_MAX)
        wanted->door->keys[wanted->count] =
            cache_key(wanted->door->resp->cache, wanted->space, wanted->words[word]);
    wanted->count++;
}

/* Locks what the queued commands and the watches concern. */
static void lock_for(struct call *call, const struct transaction *transaction)
{
    struct keys_wanted wanted = {.door = call->door, .space = call->space};
    bool everything = false;

    for (const struct queued *q = transaction->first; q != NULL && !everything; q = q->next) {
        wanted.words = q->words;
        /* After a SELECT names mean other keys. */
        everything = q->verb->need == NEED_WHOLE || strcmp(q->verb->name, "select") == 0;
        (void)(verb_keys(q->verb, q->words, q->count, want_key, &wanted) == ERR_OK);
    }
    for (const struct watched *w = transaction->watched; w != NULL; w = w->next) {
        struct bytes name = bytes_of(w->name, w->name_size);

        wanted.words = &name;
        wanted.space = w->space;
        want_key(&wanted, 0, NULL);
    }
    if (everything || wanted.count > CACHE_LOCK_KEYS_MAX)
        cache_lock_all(call->thread);
    else if (wanted.count > 0)
        cache_lock(call->thread, call->door->keys, wanted.count);
    call->door->locked = everything || wanted.count > 0;
}

/* A watch is told of every change; what expired meanwhile and was not found out yet shows here. */
static bool has_changed(struct call *call, struct transaction *transaction)
{
    if (atomic_load(&transaction->changed))
        return true;
    for (const struct watched *w = transaction->watched; w != NULL; w = w->next) {
        struct cache_key key =
            cache_key(call->resp->cache, w->space, bytes_of(w->name, w->name_size));

        /* The database may be another one by SWAPDB. */
        if (is_there(call, key) != w->was_there ||
            atomic_load(&call->resp->swaps[w->database]) != w->swaps)
            return true;
    }
    return false;
}

static void run_all(struct call *call, struct transaction *transaction)
{
    reply_array(call, transaction->count);
    for (const struct queued *q = transaction->first; q != NULL; q = q->next) {
        struct call inner = *call;

        inner.verb = q->verb;
        inner.words = q->words;
        inner.count = q->count;
        inner.space = resp_space(call->resp, call->client->database);
        inner.protocol = call->client->protocol;
        if (q->verb->first_key == 1)
            inner.key = cache_key(call->resp->cache, inner.space, q->words[1]);
        call_run_queued(&inner);
    }
}

/* Why EXEC will not run; false: it may. */
static bool refuses(struct call *call, struct transaction *transaction)
{
    if ((call->client->gate & GATE_MULTI) == 0) {
        reply_error(call, "EXEC without MULTI");
        return true;
    }
    if (!transaction->spoiled)
        return false;
    transaction_reset(call->client);
    reply_error(call, "EXECABORT Transaction discarded because of previous errors.");
    return true;
}

void on_transaction_exec(struct call *call)
{
    struct transaction *transaction = call->client->transaction;
    bool aborted = false;

    if (refuses(call, transaction))
        return;
    /* What is evicted once the keys are locked comes free only afterwards. */
    if (transaction->bytes >= ROOM_MIN)
        (void)(cache_make_room(call->thread, transaction->bytes * 2) == ERR_OK);
    lock_for(call, transaction);
    aborted = has_changed(call, transaction);
    client_set_gate(call->client, GATE_MULTI, false);
    if (!aborted)
        run_all(call, transaction);
    if (call->door->locked)
        call_unlock(call);
    transaction_reset(call->client);
    if (aborted)
        reply_null_array(call);
    counter_add(
        aborted ? &call->door->metrics.transactions_aborted : &call->door->metrics.transactions, 1);
}
