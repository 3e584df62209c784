/* parameter.c: CONFIG GET, SET and RESETSTAT. SPDX-License-Identifier: MIT */
#include "server/resp/parameter.h"

#include "base/glob.h"
#include "base/mem.h"
#include "base/must.h"
#include "cache/policy.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"
#include "server/resp/stats.h"

#include <stdio.h>

enum parameter_kind { KIND_TEXT, KIND_NUMBER, KIND_SIZE, KIND_SWITCH };

enum parameter_effect {
    EFFECT_KEPT,
    EFFECT_FIXED,
    EFFECT_MEMORY,
    EFFECT_POLICY,
    EFFECT_PASSWORD,
    EFFECT_CLIENTS,
    EFFECT_TIMEOUT,
    EFFECT_HASH_ENTRIES,
    EFFECT_HASH_VALUE,
    EFFECT_SET_NUMBERS,
    EFFECT_ZSET_ENTRIES,
    EFFECT_ZSET_VALUE,
};

struct parameter_row {
    const char *name;
    const char *value;
    enum parameter_kind kind;
    enum parameter_effect effect;
};

static const struct parameter_row rows[] = {
#define PARAMETER(name, value, kind, effect) {name, value, KIND_##kind, EFFECT_##effect},
#include "server/resp/parameters.def"
#undef PARAMETER
};

enum { MEMORY_MIN = 8 << 20 /* bytes */ };
enum { ROWS = sizeof rows / sizeof rows[0], VALUE_MAX = 512, SET_MAX = 64 };

struct parameters {
    char *values[ROWS];
};

/* ---- policies ---------------------------------------------------------------------------------
 */

/* The engine's name of what a client calls so; NULL: there is no such policy. */
static const char *policy_meant(struct bytes value)
{
    char name[64];

    if (value.size >= sizeof name)
        return NULL;
    for (size_t i = 0; i < value.size; i++)
        name[i] = (char)byte_lower(value.data[i]);
    name[value.size] = '\0';
    return policy_name(name);
}

/* ---- values -----------------------------------------------------------------------------------
 */

static const _Atomic size_t *rule_of(const struct resp *resp, enum parameter_effect effect)
{
    switch (effect) {
    case EFFECT_HASH_ENTRIES:
        return &resp->rules->hash_entries;
    case EFFECT_HASH_VALUE:
        return &resp->rules->hash_value;
    case EFFECT_SET_NUMBERS:
        return &resp->rules->set_numbers;
    case EFFECT_ZSET_ENTRIES:
        return &resp->rules->zset_entries;
    case EFFECT_ZSET_VALUE:
        return &resp->rules->zset_value;
    case EFFECT_KEPT:
    case EFFECT_FIXED:
    case EFFECT_MEMORY:
    case EFFECT_POLICY:
    case EFFECT_PASSWORD:
    case EFFECT_CLIENTS:
    case EFFECT_TIMEOUT:
    default:
        return NULL;
    }
}

/* What the server itself knows best. False: the kept value it is. */
static bool live_value(struct resp *resp, const struct parameter_row *row, char ret_text[VALUE_MAX])
{
    const _Atomic size_t *rule = rule_of(resp, row->effect);
    unsigned long long number = 0;

    if (rule != NULL)
        number = type_rule(rule);
    else if (row->effect == EFFECT_MEMORY)
        number = atomic_load(&resp->memory_max);
    else if (row->effect == EFFECT_CLIENTS)
        number = resp->limit.connections_max;
    else if (row->effect == EFFECT_TIMEOUT)
        number = (unsigned long long)atomic_load(&resp->idle_ms) / 1000;
    else if (strcmp(row->name, "port") == 0)
        number = address_port(&resp->address);
    else if (strcmp(row->name, "proto-max-bulk-len") == 0)
        number = resp->settings.bulk_max;
    else if (strcmp(row->name, "client-query-buffer-limit") == 0)
        number = resp->settings.query_max;
    else
        return false;
    (void)snprintf(ret_text, VALUE_MAX, "%llu", number);
    return true;
}

/* Under resp->lock. */
static void value_of(struct resp *resp, size_t i, char ret_text[VALUE_MAX])
{
    const struct parameter_row *row = &rows[i];
    const char *text = resp->parameters->values[i];
    unsigned long long normal = resp->settings.output_max,
                       pubsub = resp->settings.pubsub_output_max;

    if (live_value(resp, row, ret_text))
        return;
    if (strcmp(row->name, "client-output-buffer-limit") == 0) {
        (void)snprintf(ret_text, VALUE_MAX, "normal %llu 0 0 slave 0 0 0 pubsub %llu 0 0", normal,
                       pubsub);
        return;
    }
    if (row->effect == EFFECT_PASSWORD)
        text = resp->password;
    else if (row->effect == EFFECT_POLICY)
        text = policy_redis_name(resp->policy);
    (void)snprintf(ret_text, VALUE_MAX, "%s", text == NULL ? "" : text);
}

struct parameters *parameters_new(struct resp *resp)
{
    struct parameters *parameters = mem_new(1, sizeof *parameters);

    must(policy_redis_name(resp->policy) != NULL);
    for (size_t i = 0; i < ROWS; i++)
        parameters->values[i] = mem_copy_text(rows[i].value);
    return parameters;
}

void parameters_free(struct parameters **owner)
{
    for (size_t i = 0; *owner != NULL && i < ROWS; i++)
        mem_free(&(*owner)->values[i]);
    mem_free(owner);
}

/* ---- GET --------------------------------------------------------------------------------------
 */

static bool is_asked(struct call *call, const char *name)
{
    for (size_t i = 2; i < call->count; i++) {
        uint8_t lower[128];
        struct bytes pattern = bytes_slice(call->words[i], 0, sizeof lower);

        for (size_t at = 0; at < pattern.size; at++)
            lower[at] = byte_lower(pattern.data[at]);
        if (glob_fits(bytes_of(lower, pattern.size), bytes_of_text(name)))
            return true;
    }
    return false;
}

void on_config_get(struct call *call)
{
    char text[VALUE_MAX];
    size_t count = 0;

    for (size_t i = 0; i < ROWS; i++)
        count += is_asked(call, rows[i].name);
    reply_map(call, count);
    must(pthread_mutex_lock(&call->resp->lock) == 0);
    for (size_t i = 0; i < ROWS; i++) {
        if (!is_asked(call, rows[i].name))
            continue;
        value_of(call->resp, i, text);
        reply_text(call, rows[i].name);
        reply_text(call, text);
    }
    must(pthread_mutex_unlock(&call->resp->lock) == 0);
}

/* ---- SET --------------------------------------------------------------------------------------
 */

struct change {
    size_t row;
    struct bytes value;
    uint64_t number;
};

static size_t find_row(struct bytes name)
{
    size_t i = 0;

    while (i < ROWS && !bytes_equal_nocase(name, bytes_of_text(rows[i].name)))
        i++;
    return i;
}

/* NULL: the value is fine; else what is wrong with it. */
static const char *check_kind(const struct parameter_row *row, struct change *change)
{
    int64_t number = 0;

    if (row->kind == KIND_SIZE)
        return number_size(change->value, &change->number) == ERR_OK
                   ? NULL
                   : "argument must be a memory value";
    if (row->kind == KIND_SWITCH)
        return bytes_equal_nocase(change->value, BYTES("yes")) ||
                       bytes_equal_nocase(change->value, BYTES("no"))
                   ? NULL
                   : "argument must be 'yes' or 'no'";
    if (row->kind != KIND_NUMBER)
        return change->value.size < VALUE_MAX ? NULL : "argument is too long";
    if (number_i64(change->value, &number) != ERR_OK)
        return "argument couldn't be parsed into an integer";
    change->number = number < 0 ? 0 : (uint64_t)number;
    return number < 0 && row->effect > EFFECT_FIXED ? "argument must not be negative" : NULL;
}

static const char *check_change(struct resp *resp, struct change *change)
{
    const struct parameter_row *row = &rows[change->row];
    const char *fault = check_kind(row, change);
    char present[VALUE_MAX];

    if (fault != NULL)
        return fault;
    if (row->effect == EFFECT_POLICY && policy_meant(change->value) == NULL)
        return "argument(s) must be one of the following:"
#define POLICY(symbol, name, redis, text) " " redis
#include "cache/policies.def"
#undef POLICY
            ;
    if (row->effect == EFFECT_CLIENTS && change->number == 0)
        return "argument must be between 1 and 4294967295 inclusive";
    if (row->effect == EFFECT_MEMORY && change->number < MEMORY_MIN)
        return "argument must be at least 8mb: there is always a limit here";
    if (row->effect != EFFECT_FIXED)
        return NULL;
    value_of(resp, change->row, present);
    return bytes_equal(change->value, bytes_of_text(present)) ? NULL : "can't set immutable config";
}

static void set_policy(struct resp *resp, struct bytes value)
{
    const char *name = policy_meant(value);

    if (cache_set_policy(resp->cache, name) != ERR_OK)
        return;
    mem_free(&resp->policy);
    resp->policy = mem_copy_text(name);
    atomic_store(&resp->keeps_everything, strcmp(name, "noeviction") == 0);
}

/* Under resp->lock. */
static void apply(struct resp *resp, const struct change *change)
{
    const struct parameter_row *row = &rows[change->row];
    _Atomic size_t *rule = (_Atomic size_t *)rule_of(resp, row->effect);

    mem_free(&resp->parameters->values[change->row]);
    resp->parameters->values[change->row] = mem_copy(change->value.data, change->value.size);
    if (rule != NULL) {
        atomic_store_explicit(rule, (size_t)change->number, memory_order_relaxed);
    } else if (row->effect == EFFECT_MEMORY) {
        atomic_store(&resp->memory_max, change->number);
        atomic_store(&resp->rules->buried_max, (size_t)change->number / BURIED_PART);
        cache_set_memory_max(resp->cache, (size_t)change->number);
    } else if (row->effect == EFFECT_POLICY) {
        set_policy(resp, change->value);
    } else if (row->effect == EFFECT_CLIENTS) {
        resp->limit.connections_max = change->number;
    } else if (row->effect == EFFECT_TIMEOUT) {
        atomic_store(&resp->idle_ms, (int64_t)change->number * 1000);
    } else if (row->effect == EFFECT_PASSWORD) {
        memcpy(resp->password, change->value.data, change->value.size);
        resp->password[change->value.size] = '\0';
        atomic_store(&resp->wants_password, change->value.size > 0);
    }
}

/* False: wrong, which was replied. */
static bool read_changes(struct call *call, struct change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes name = call->words[2 + 2 * i];

        changes[i] = (struct change){.row = find_row(name), .value = call->words[3 + 2 * i]};
        if (changes[i].row == ROWS) {
            reply_errorf(call, "Unknown option or number of arguments for CONFIG SET - '%.*s'",
                         BYTES_ARG(bytes_slice(name, 0, 128)));
            return false;
        }
        const char *fault = check_change(call->resp, &changes[i]);

        for (size_t other = 0; fault == NULL && other < i; other++)
            fault = changes[other].row == changes[i].row ? "duplicate parameter" : NULL;
        if (fault != NULL) {
            reply_errorf(call, "CONFIG SET failed (possibly related to argument '%s') - %s",
                         rows[changes[i].row].name, fault);
            return false;
        }
    }
    return true;
}

void on_config_set(struct call *call)
{
    struct change changes[SET_MAX];
    size_t count = (call->count - 2) / 2;

    if (call->count % 2 != 0 || count > SET_MAX) {
        reply_wrong_arity(call);
        return;
    }
    must(pthread_mutex_lock(&call->resp->lock) == 0);
    bool fine = read_changes(call, changes, count);

    for (size_t i = 0; fine && i < count; i++)
        apply(call->resp, &changes[i]);
    must(pthread_mutex_unlock(&call->resp->lock) == 0);
    if (fine)
        reply_ok(call);
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

void on_config_resetstat(struct call *call)
{
    must(pthread_mutex_lock(&call->resp->lock) == 0);
    resp_begin_stats(call->resp);
    must(pthread_mutex_unlock(&call->resp->lock) == 0);
    reply_ok(call);
}

void on_config_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    The parameters that fit, with their values.",
        "SET <parameter> <value> [<parameter> <value> ...]",
        "    Gives parameters new values.",
        "RESETSTAT",
        "    Sets the counts of INFO to zero.",
    };

    reply_help(call, lines, sizeof lines / sizeof lines[0]);
}
