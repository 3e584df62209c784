/* dispatch.c: from words to a command that runs. SPDX-License-Identifier: MIT */
#include "server/resp/call.h"
#include "server/resp/transaction.h"

#include <stdio.h>

static __attribute__((cold, noinline)) void reply_unknown(struct call *call,
                                                          const struct verb *parent)
{
    char words[160] = "", name[132];
    size_t used = 0;

    if (parent != NULL) {
        char upper[VERB_NAME_MAX + 1];
        size_t i = 0;

        for (; i < parent->full_name.size; i++)
            upper[i] = (char)(parent->full_name.data[i] & ~0x20);
        upper[i] = '\0';
        (void)snprintf(name, sizeof name, "%.*s", (int)bytes_slice(call->words[1], 0, 128).size,
                       (const char *)call->words[1].data);
        reply_errorf(call, "unknown subcommand '%s'. Try %s HELP.", name, upper);
        return;
    }
    for (size_t i = 1; i < call->count && used < 128; i++) {
        struct bytes word = bytes_slice(call->words[i], 0, 128 - used);
        int size = snprintf(words + used, sizeof words - used, "'%.*s' ", BYTES_ARG(word));

        used += size > 0 ? (size_t)size : 0;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)bytes_slice(call->words[0], 0, 128).size,
                   (const char *)call->words[0].data);
    reply_errorf(call, "unknown command '%s', with args beginning with: %s", name, words);
}

/* A browser that was led here by a stranger's page: it must not go on. */
static bool is_http(struct bytes word)
{
    return bytes_equal_nocase(word, BYTES("post")) || bytes_equal_nocase(word, BYTES("host:"));
}

static bool runs_within_multi(const struct verb *verb)
{
    static const char *const names[] = {"exec", "discard", "multi", "watch", "quit", "reset"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(verb->name, names[i]) == 0)
            return true;
    }
    return false;
}

static bool runs_for_subscribers(const struct verb *verb)
{
    static const char *const names[] = {"subscribe",   "psubscribe",   "ssubscribe",
                                        "unsubscribe", "punsubscribe", "sunsubscribe",
                                        "ping",        "quit",         "reset"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(verb->name, names[i]) == 0)
            return true;
    }
    return false;
}

/* The engine gives way by itself, unless it was told to keep everything. */
static bool is_full(struct call *call)
{
    struct account *whole = cache_account(call->resp->cache);
    size_t max = atomic_load_explicit(&whole->max, memory_order_relaxed);

    return max > 0 && account_used(whole) >= max && resp_keeps_everything(call->resp);
}

/* The checks in Redis' order. False: refused, which was replied. */
static bool may_run(struct call *call)
{
    const struct verb *parent = NULL;

    if (call->verb == NULL)
        call->verb = verbs_resolve(call->resp->verbs, call->words, call->count, &parent);
    if (call->verb == NULL) {
        if (is_http(call->words[0]))
            call->client->leaving_after = true;
        reply_unknown(call, parent);
        return false;
    }
    if (!verb_takes(call->verb, call->count) || call->verb->run == NULL) {
        reply_wrong_arity(call);
        return false;
    }
    if ((call->client->gate & GATE_STRANGER) != 0 && (call->verb->flags & VERB_NO_AUTH) == 0) {
        reply_error(call, "NOAUTH Authentication required.");
        return false;
    }
    if ((call->verb->flags & VERB_DENYOOM) != 0 && is_full(call)) {
        reply_err(call, ERR_FULL);
        return false;
    }
    if ((call->client->gate & GATE_SUBSCRIBER) != 0 && call->protocol < 3 &&
        !runs_for_subscribers(call->verb)) {
        reply_errorf(call,
                     "Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                     "RESET are allowed in this context",
                     call->verb->name);
        return false;
    }
    return true;
}

static void run_once(struct call *call)
{
    bool locked = call->verb->need == NEED_LOCK && call_lock(call);

    call->verb->run(call);
    if (locked)
        call_unlock(call);
}

/* What is evicted within a step is free only after it: who finds too little memory there begins
 * again when there is more. */
static void run(struct call *call)
{
    call->is_final = false;
    call->room_wanted = 0;
    run_once(call);
    if (__builtin_expect(call->room_wanted == 0, 1))
        return;
    call->is_final = true;
    /* Whether that was enough is seen when it runs. */
    (void)(cache_make_room(call->thread, call->room_wanted) == ERR_OK);
    run_once(call);
}

void call_run(struct call *call)
{
    struct verb_counts *counts = NULL;

    if (!may_run(call)) {
        counter_add(&call->door->metrics.commands_refused, 1);
        if (call->verb != NULL)
            counter_add(&call->door->counts[call->verb->number].rejected, 1);
        if ((call->client->gate & GATE_MULTI) != 0)
            transaction_spoil(call->client);
        return;
    }
    counts = &call->door->counts[call->verb->number];
    if ((call->client->gate & GATE_MULTI) != 0 && !runs_within_multi(call->verb)) {
        transaction_queue(call);
        return;
    }
    run(call);
    counter_add(&counts->calls, 1);
    counter_add(&call->door->metrics.commands, 1);
    if (call->failed) {
        counter_add(&counts->failed, 1);
        counter_add(&call->door->metrics.commands_failed, 1);
    }
}

void call_run_queued(struct call *call)
{
    call->failed = false;
    call->is_final = true;
    call->verb->run(call);
    counter_add(&call->door->counts[call->verb->number].calls, 1);
    counter_add(&call->door->metrics.commands, 1);
    if (call->failed) {
        counter_add(&call->door->counts[call->verb->number].failed, 1);
        counter_add(&call->door->metrics.commands_failed, 1);
    }
}
