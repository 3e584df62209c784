/* names.c: look-ups and what they change. SPDX-License-Identifier: MIT */
#include "upstream/names.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/resolver.h"
#include "upstream/fleet_parts.h"

#include <stdio.h>

/* ---- waiting for it ----------------------------------------------------------------------- */

struct waiting {
    struct address *addresses;
    struct resolver_answer answer;
    bool is_done;
};

static void came(void *context, const struct resolver_answer *answer)
{
    struct waiting *waiting = context;

    waiting->answer = *answer;
    waiting->is_done = true;
    for (size_t i = 0; i < answer->count; i++)
        waiting->addresses[i] = answer->addresses[i];
}

enum err names_wait_for(const struct origin_settings *settings, const char *host,
                        struct address *ret_addresses, size_t *ret_count, int64_t *ret_ttl_ms,
                        struct fault *fault)
{
    struct waiting waiting = {.addresses = ret_addresses};
    struct resolver *resolver = NULL;
    struct loop *loop = NULL;

    if (loop_new(NULL, &loop) != ERR_OK)
        return fault_say(fault, ERR_SYSTEM, "the system gives no epoll descriptor");
    enum err err = resolver_new(loop, &settings->names_servers, &resolver, fault);

    if (err != ERR_OK) {
        char sentence[sizeof fault->text];

        loop_free(&loop);
        memcpy(sentence, fault->text, sizeof sentence);
        return fault_say(fault, err, "names.servers: %s", sentence);
    }
    resolver_look_up(resolver, host, came, &waiting);
    while (!waiting.is_done)
        loop_turn(loop, -1);
    resolver_free(&resolver);
    loop_free(&loop);
    *ret_count = waiting.answer.count;
    *ret_ttl_ms = waiting.answer.ttl_ms;
    if (waiting.answer.err != ERR_OK)
        return fault_say(fault, waiting.answer.err, "the name %s cannot be looked up: %s", host,
                         waiting.answer.why);
    return ERR_OK;
}

/* ---- one name ----------------------------------------------------------------------------- */

struct name {
    struct names *names;
    size_t line;
    struct timer timer;
    bool has_failed; /* the last time */
};

struct names {
    struct loop *loop;
    struct fleet *fleet;
    struct resolver *resolver;
    size_t count;
    struct name names[];
};

static void set_timer(struct name *name, int64_t ttl_ms)
{
    const struct names *names = name->names;
    const struct origin_settings *settings = names->fleet->settings;

    if (ttl_ms > settings->names_ttl_max_ms)
        ttl_ms = settings->names_ttl_max_ms;
    if (ttl_ms < settings->names_ttl_min_ms)
        ttl_ms = settings->names_ttl_min_ms;
    timer_set(names->loop, &name->timer, loop_now_ms(names->loop) + ttl_ms);
}

static void say_failure(struct name *name, const char *why)
{
    const struct fleet *fleet = name->names->fleet;

    if (!name->has_failed && fleet->log != NULL)
        log_say(fleet->log, LOG_WARNING, "upstream",
                "origin %s: the name %s cannot be looked up and its old addresses stay: %s",
                fleet->name, fleet->lines[name->line].host, why);
    name->has_failed = true;
}

static void looked_up(void *context, const struct resolver_answer *answer)
{
    struct name *name = context;
    struct fleet *fleet = name->names->fleet;

    if (answer->err == ERR_STOPPING)
        return;
    counter_add(&fleet->lookups, 1);
    if (answer->err == ERR_OK) {
        name->has_failed = false;
        fleet_readdress(fleet, name->line, answer->addresses, answer->count);
        set_timer(name, answer->ttl_ms);
        return;
    }
    counter_add(&fleet->lookup_failures, 1);
    say_failure(name, answer->why);
    set_timer(name, 0);
}

static void is_time(struct timer *timer)
{
    struct name *name = list_owner(timer, struct name, timer);

    resolver_look_up(name->names->resolver, name->names->fleet->lines[name->line].host, looked_up,
                     name);
}

/* ---- all of them -------------------------------------------------------------------------- */

struct names *names_new(struct loop *loop, struct fleet *fleet)
{
    size_t lines = fleet->settings->servers.count;
    struct names *names = mem_new(1, sizeof *names + lines * sizeof(struct name));
    struct fault fault = {.line = 0};

    names->loop = loop;
    names->fleet = fleet;
    for (size_t i = 0; i < lines; i++) {
        if (fleet->lines[i].is_name)
            names->names[names->count++] = (struct name){.names = names, .line = i};
    }
    if (names->count == 0 ||
        resolver_new(loop, &fleet->settings->names_servers, &names->resolver, &fault) != ERR_OK) {
        if (names->count > 0 && fleet->log != NULL)
            log_say(fleet->log, LOG_ERROR, "upstream",
                    "origin %s: its names are not looked up again: %s", fleet->name, fault.text);
        mem_free(&names);
        return NULL;
    }
    for (size_t i = 0; i < names->count; i++) {
        timer_init(&names->names[i].timer, is_time);
        set_timer(&names->names[i], fleet->lines[names->names[i].line].ttl_ms);
    }
    return names;
}

void names_free(struct names **owner)
{
    struct names *names = *owner;

    if (names == NULL)
        return;
    for (size_t i = 0; i < names->count; i++)
        timer_clear(names->loop, &names->names[i].timer);
    resolver_free(&names->resolver);
    mem_free(owner);
}
