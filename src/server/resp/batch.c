/* batch.c: what has arrived is read, looked up ahead, and run. SPDX-License-Identifier: MIT
 *
 * Requests are read in batches. Before the first of a batch runs, the index and the entries of all
 * its keys are on their way into the processor's cache, so that they are waited for once and not
 * one after another. The same for clients that send one request at a time: those that are ready in
 * one turn of the loop are read ahead of the first one's turn.
 */
#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"
#include "server/resp/call.h"

enum {
    UNFINISHED_MIN = 64,   /* arguments: a shorter unfinished request is read anew */
    UNFINISHED_STEP = 256, /* arguments */
    INLINE_WORDS_MAX = RESP_INLINE_MAX / 2 + 1,
    PREFETCH_STAGES = 3,
    LARGE = 64 << 10,    /* bytes of a request */
    ELEMENT_COST = 48,   /* bytes */
    PREFETCH_WRITES = 2, /* the stage that concerns writes only */
    AHEAD_CLIENTS_MAX = 16,
    AHEAD_ORDERS_MAX = 16, /* of a client */
    AHEAD_WORDS_MAX = 64,
};

struct order {
    const struct verb *verb;
    const struct bytes *words;
    size_t count;
    struct cache_key key;
    size_t end; /* bytes of input up to its end */
};

struct batch {
    struct order *orders;
    size_t max;
    size_t count;
    size_t used;      /* bytes of input */
    bool is_broken;   /* the protocol, after the last order */
    bool is_separate; /* its only order lies in the client's own arguments */
};

struct ahead {
    struct bytes input; /* in which it was read */
    struct batch batch;
    struct order orders[AHEAD_ORDERS_MAX];
    struct bytes words[AHEAD_WORDS_MAX];
};

struct lookahead {
    struct ahead slots[AHEAD_CLIENTS_MAX];
    size_t used;    /* slots; they are free again when nobody waits any more */
    size_t waiting; /* clients that were read ahead and not served yet */
    bool fetched;   /* what is behind the buckets is on its way too */
};

static void forget_unfinished(struct client *client)
{
    if (client->unfinished.items == NULL)
        return;
    account_refund(&client->door->resp->connections,
                   client->unfinished.capacity * sizeof client->unfinished.items[0]);
    mem_free(&client->unfinished.items);
    client->unfinished = (struct resp_arguments){0};
}

/* More room for the arguments of a long request, as they come in. */
static enum err grow_unfinished(struct client *client, bool is_line)
{
    struct resp_arguments *own = &client->unfinished;
    size_t capacity = own->capacity == 0 ? UNFINISHED_STEP : own->capacity * 2;
    struct bytes *items = NULL;

    if (is_line)
        capacity = INLINE_WORDS_MAX;
    items = mem_resize(own->items, capacity * sizeof *items);
    if (items == NULL)
        return ERR_FULL;
    account_force(&client->door->resp->connections, (capacity - own->capacity) * sizeof *items);
    own->items = items;
    own->capacity = capacity;
    return ERR_OK;
}

static struct resp_limits limits_for(const struct client *client)
{
    if ((client->gate & GATE_STRANGER) != 0)
        return (struct resp_limits){RESP_STRANGER_ARGUMENTS, RESP_STRANGER_BULK, true};
    return (struct resp_limits){RESP_ARGUMENTS_MAX, client->door->resp->settings.bulk_max, false};
}

static void add_order(struct batch *batch, const struct client *client, const struct bytes *words,
                      size_t count)
{
    struct resp *resp = client->door->resp;
    struct order *order = &batch->orders[batch->count];

    order->end = batch->used;
    if (count == 0)
        return;
    batch->count++;
    order->words = words;
    order->count = count;
    order->verb = verbs_resolve(resp->verbs, words, count, NULL);
    order->key = (struct cache_key){0};
    if (order->verb != NULL && order->verb->first_key == 1 && count > 1)
        order->key = cache_key(resp->cache, resp_space(resp, client->database), words[1]);
}

/* A request that needs more arguments than a batch has: it is read into the client's own. */
static void read_long(struct client *client, struct batch *batch, struct bytes input)
{
    struct resp_limits limits = limits_for(client);
    struct resp_arguments *own = &client->unfinished;
    size_t size = 0;
    enum err err = ERR_FULL;

    own->text = client->door->text;
    own->text_capacity = sizeof client->door->text;
    while (err == ERR_FULL) {
        own->text_used = 0;
        if (own->count == own->capacity && grow_unfinished(client, input.data[0] != '*') != ERR_OK)
            break;
        err = resp_read(&client->reader, input, &limits, own, &size);
    }
    if (err == ERR_AGAIN)
        return;
    if (err != ERR_OK) {
        batch->is_broken = true;
        return;
    }
    batch->used += size;
    batch->is_separate = true;
    add_order(batch, client, own->items, own->count);
}

/* Adds requests to the batch until it is full or all is read; else what resp_read says. */
static enum err read_requests(struct client *client, struct resp_reader *reader,
                              const struct resp_limits *limits, struct bytes input,
                              struct resp_arguments *arguments, struct batch *batch)
{
    while (batch->count < batch->max && batch->used < input.size) {
        size_t first = arguments->count, size = 0;

        TRY(resp_read(reader, bytes_skip(input, batch->used), limits, arguments, &size));
        batch->used += size;
        add_order(batch, client, arguments->items + first, arguments->count - first);
    }
    return ERR_OK;
}

static void read_batch(struct client *client, struct batch *batch, struct bytes input)
{
    struct resp_door *door = client->door;
    struct resp_limits limits = limits_for(client);
    struct resp_arguments arguments = {.items = door->arguments,
                                       .capacity = BATCH_ARGUMENTS_MAX,
                                       .text = door->text,
                                       .text_capacity = sizeof door->text};

    /* Each command of a stranger may change what the next one may be. */
    batch->max = limits.is_stranger ? 1 : BATCH_MAX;
    batch->count = batch->used = 0;
    batch->is_broken = batch->is_separate = false;
    if (client->unfinished.count > 0) {
        read_long(client, batch, input);
        return;
    }
    enum err err = read_requests(client, &client->reader, &limits, input, &arguments, batch);

    if (err == ERR_OK)
        return;
    if (err == ERR_SYNTAX) {
        batch->is_broken = true;
        return;
    }
    bool is_long = client->reader.missing + client->reader.read > UNFINISHED_MIN;

    /* The line of an inline request is not searched again from its start. */
    if (err == ERR_FULL || is_long || client->reader.missing > 0)
        resp_forget(&client->reader, &arguments);
    if (batch->count == 0 && (err == ERR_FULL || is_long))
        read_long(client, batch, bytes_skip(input, batch->used));
}

static void prefetch(struct resp_door *door, const struct batch *batch, unsigned stage)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct order *order = &batch->orders[i];

        if (order->key.name.data != NULL &&
            (stage < PREFETCH_WRITES || (order->verb->flags & VERB_WRITE) != 0))
            cache_prefetch(door->thread, order->key, stage);
    }
}

static void prefetch_all(struct resp_door *door, const struct batch *batch)
{
    for (unsigned stage = 0; batch->count > 1 && stage < PREFETCH_STAGES; stage++)
        prefetch(door, batch, stage);
}

static bool must_wait(const struct client *client, const struct order *order)
{
    struct resp *resp = client->door->resp;
    int64_t until_ms = atomic_load_explicit(&resp->pause.until_ms, memory_order_relaxed);

    if (__builtin_expect(until_ms == 0, 1) || until_ms <= loop_now_ms(client->door->loop))
        return false;
    if (!atomic_load_explicit(&resp->pause.writes_only, memory_order_relaxed))
        return true;
    return order->verb != NULL &&
           ((order->verb->flags & VERB_WRITE) != 0 || strcmp(order->verb->name, "exec") == 0 ||
            strcmp(order->verb->name, "publish") == 0);
}

static void hold(struct client *client)
{
    struct resp_door *door = client->door;

    client->held = true;
    conn_pause(client->conn);
    timer_set(door->loop, &door->release, atomic_load(&door->resp->pause.until_ms));
}

/* What earlier commands of the batch may have changed is asked anew. */
static void run_order(struct call *call, const struct order *order)
{
    struct resp_door *door = call->door;
    struct client *client = call->client;

    call->verb = order->verb;
    call->words = order->words;
    call->count = order->count;
    call->key = order->key;
    call->space = resp_space(door->resp, client->database);
    call->protocol = client->protocol;
    call->out = client->reply == CLIENT_ANSWERED ? &door->out : &door->waste;
    call->key_count = 0;
    call->failed = false;
    if (call->key.name.data != NULL && call->key.space != call->space)
        call->key = cache_key(door->resp->cache, call->space, order->words[1]);
    if (client->reply == CLIENT_SKIP_NEXT)
        client->reply = CLIENT_SKIP_THIS;
    call_run(call);
    if (call->out == &door->waste)
        buf_clear(&door->waste);
    if (client->reply == CLIENT_SKIP_THIS)
        client->reply = CLIENT_ANSWERED;
    if (order->verb != NULL)
        atomic_store_explicit(&client->card.verb, order->verb->number + 1, memory_order_relaxed);
    if (door->out.size > REPLY_FLUSH || client->leaving_after)
        door_flush(door, client);
    if (client->leaving_after)
        client_leave(client);
}

/* Replies hold or copied what they show, so the engine may have it back. A fast command that only
 * reads makes it nothing to wait for. */
static void pass(const struct resp_door *door, const struct verb *verb)
{
    const unsigned light = VERB_READONLY | VERB_FAST;

    if (verb == NULL || (verb->flags & light) != light)
        cache_pass(door->thread);
}

/* A large value that is to be written: room is made before its key is locked. An element takes more
 * than its bytes. Where nothing leaves it is the command that says so. */
static void make_room_for(struct resp_door *door, const struct order *order, size_t size)
{
    if (order->verb != NULL && (order->verb->flags & VERB_DENYOOM) != 0)
        (void)(cache_make_room(door->thread, size + size / 2 + order->count * ELEMENT_COST) ==
               ERR_OK);
}

/* Runs the orders; returns how many bytes of input they took. */
static size_t run_batch(struct client *client, const struct batch *batch)
{
    struct resp_door *door = client->door;
    int64_t begun_ns = clock_now_ns(), each_ns = 0;
    size_t done = 0, begin = 0;
    struct call call = {
        .client = client,
        .door = door,
        .resp = door->resp,
        .thread = door->thread,
        .now_ms = loop_now_ms(door->loop),
    };

    for (; done < batch->count && !client->leaving && !client->held; done++) {
        const struct order *order = &batch->orders[done];

        if (must_wait(client, order)) {
            hold(client);
            break;
        }
        if (__builtin_expect(order->end - begin >= LARGE, 0))
            make_room_for(door, order, order->end - begin);
        begin = order->end;
        run_order(&call, &batch->orders[done]);
        pass(door, batch->orders[done].verb);
    }
    if (done > 0)
        each_ns = (clock_now_ns() - begun_ns) / (int64_t)done;
    for (size_t i = 0; i < done; i++) {
        if (batch->orders[i].verb != NULL)
            counter_add(&door->counts[batch->orders[i].verb->number].ns, (uint64_t)each_ns);
    }
    if (done == batch->count)
        return batch->used;
    client->reader = (struct resp_reader){0}; /* the rest is read anew */
    return done == 0 ? 0 : batch->orders[done - 1].end;
}

static void refuse(struct client *client)
{
    struct resp_door *door = client->door;

    counter_add(&door->metrics.protocol_errors, 1);
    buf_add_text(&door->out, "-ERR ");
    buf_add_text(&door->out, client->reader.complaint);
    buf_add_text(&door->out, "\r\n");
}

/* Runs a batch. False: nothing more can run now. */
static bool serve(struct resp_door *door, struct client *client, const struct batch *batch)
{
    size_t used = batch->count > 0 ? run_batch(client, batch) : batch->used;

    if (batch->is_separate) {
        /* Held back: it is read once more when it may run. */
        client->unfinished.count = 0;
        if (client->unfinished.capacity > BATCH_ARGUMENTS_MAX || used > 0)
            forget_unfinished(client);
    }
    counter_add(&door->metrics.input_bytes, used);
    conn_consume(client->conn, used);
    if (batch->is_broken && !client->leaving && !client->held) {
        refuse(client);
        door_flush(door, client);
        client_leave(client);
    }
    return used > 0 && !client->leaving && !client->held;
}

/* ---- ahead of a client's turn ------------------------------------------------------------------
 */

struct lookahead *lookahead_new(void)
{
    return mem_new(1, sizeof(struct lookahead));
}

void lookahead_free(struct lookahead **owner)
{
    mem_free(owner);
}

void door_forget_ahead(struct resp_door *door, struct client *client)
{
    struct lookahead *lookahead = door->lookahead;

    if (client->ahead == NULL)
        return;
    client->ahead = NULL;
    if (--lookahead->waiting == 0)
        lookahead->used = 0;
}

/* Only whole and ordinary requests; what else is there is read when the client is served. */
void door_look_ahead(struct resp_door *door, struct client *client)
{
    struct lookahead *lookahead = door->lookahead;
    struct resp_limits limits = limits_for(client);
    struct resp_reader reader = {0};

    door_forget_ahead(door, client);
    if (lookahead->used == AHEAD_CLIENTS_MAX || limits.is_stranger || client->leaving ||
        client->unfinished.count > 0 || client->reader.at > 0)
        return;
    struct ahead *slot = &lookahead->slots[lookahead->used];
    struct resp_arguments arguments = {.items = slot->words, .capacity = AHEAD_WORDS_MAX};

    slot->input = conn_input(client->conn);
    slot->batch = (struct batch){.orders = slot->orders, .max = AHEAD_ORDERS_MAX};
    (void)(read_requests(client, &reader, &limits, slot->input, &arguments, &slot->batch) ==
           ERR_OK);
    if (slot->batch.count == 0)
        return;
    client->ahead = slot;
    lookahead->used++;
    lookahead->waiting++;
    lookahead->fetched = false;
    prefetch(door, &slot->batch, 0);
}

/* What was read ahead for the client; NULL: nothing that still counts. */
static const struct batch *take_ahead(struct resp_door *door, struct client *client)
{
    struct lookahead *lookahead = door->lookahead;
    const struct ahead *slot = client->ahead;

    if (slot == NULL)
        return NULL;
    for (unsigned stage = 1; !lookahead->fetched && stage < PREFETCH_STAGES; stage++) {
        for (size_t i = 0; i < lookahead->used; i++)
            prefetch(door, &lookahead->slots[i].batch, stage);
    }
    lookahead->fetched = true;
    door_forget_ahead(door, client);
    return slot->input.data == conn_input(client->conn).data ? &slot->batch : NULL;
}

void door_serve(struct resp_door *door, struct client *client)
{
    struct order orders[BATCH_MAX];
    struct batch batch = {.orders = orders};
    const struct batch *ahead = take_ahead(door, client);

    door->current = client;
    atomic_store_explicit(&client->card.active_ms, loop_now_ms(door->loop), memory_order_relaxed);
    bool more = ahead == NULL || serve(door, client, ahead);

    while (more && !client->leaving && !client->held && conn_input(client->conn).size > 0) {
        read_batch(client, &batch, conn_input(client->conn));
        prefetch_all(door, &batch);
        more = serve(door, client, &batch);
    }
    door_flush(door, client);
    door_check_output(door, client);
    door->current = NULL;
    if (__builtin_expect(type_rules_have_graves(door->resp->rules), 0) &&
        !timer_is_set(&door->digging))
        timer_set(door->loop, &door->digging, loop_now_ms(door->loop) + 1);
}
