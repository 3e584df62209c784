/* shared.c: birth and sums of what all doors share. SPDX-License-Identifier: MIT */
#include "server/resp/shared.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"
#include "server/resp/inside.h"
#include "server/resp/parameter.h"
#include "server/resp/pubsub.h"
#include "server/resp/stats.h"

#include <stdio.h>

static enum err read_password(const struct resp_settings *settings, struct resp *resp,
                              struct fault *fault)
{
    FILE *file = NULL;
    const char *text = settings->password == NULL ? "" : settings->password;

    if (strlen(text) >= sizeof resp->password)
        return fault_say(fault, ERR_TOO_BIG, "resp.password is longer than %d bytes",
                         RESP_PASSWORD_MAX - 1);
    memcpy(resp->password, text, strlen(text) + 1);
    if (settings->password_file == NULL)
        return ERR_OK;
    file = fopen(settings->password_file, "re");
    if (file == NULL)
        return fault_say(fault, ERR_DISK,
                         "resp.password_file: cannot read %s; create it, or set resp.password",
                         settings->password_file);
    bool has_line = fgets(resp->password, sizeof resp->password, file) != NULL;

    (void)fclose(file);
    resp->password[strcspn(resp->password, "\r\n")] = '\0';
    if (!has_line || resp->password[0] == '\0')
        return fault_say(fault, ERR_DISK, "resp.password_file: the first line of %s is empty",
                         settings->password_file);
    return ERR_OK;
}

static void init_rules(struct type_rules *rules, const struct resp_settings *settings)
{
    rules->hash_entries = settings->hash_packed_entries;
    rules->hash_value = settings->hash_packed_value;
    rules->set_numbers = settings->set_numbers;
    rules->zset_entries = settings->zset_packed_entries;
    rules->zset_value = settings->zset_packed_value;
    rules->secret = random_hash_secret();
}

static void init_run_id(struct resp *resp)
{
    uint64_t words[3];

    random_secret(words, sizeof words);
    (void)snprintf(resp->run_id, sizeof resp->run_id, "%016llx%016llx%08llx",
                   (unsigned long long)words[0], (unsigned long long)words[1],
                   (unsigned long long)(words[2] & 0xffffffff));
}

static void init_limits(struct resp *resp)
{
    const struct resp_settings *settings = &resp->settings;

    resp->limit.connections_max = settings->clients_max;
    account_init(&resp->connections, cache_account(resp->cache), 0);
    resp->conn_settings = (struct conn_settings){
        .input_max = settings->query_max,
        .output_high = settings->output_max / 2,
        .output_low = settings->output_max / 4,
        .output_max = settings->output_max,
        .account = &resp->connections,
    };
}

enum err resp_new(const struct resp_birth *birth, struct resp **ret_resp, struct fault *fault)
{
    struct resp *resp = mem_new(1, sizeof *resp);
    enum err err = read_password(birth->settings, resp, fault);

    if (err != ERR_OK) {
        mem_free(&resp);
        return err;
    }
    resp->settings = *birth->settings;
    resp->cache = birth->cache;
    resp->log = birth->log;
    resp->version = mem_copy_text(birth->version);
    resp->policy = mem_copy_text(birth->policy);
    resp->keeps_everything = strcmp(birth->policy, "noeviction") == 0;
    resp->memory_max = birth->memory_max;
    resp->workers = birth->workers;
    resp->purge_url = birth->purge_url;
    resp->context = birth->context;
    resp->verbs = verbs_new();
    resp->wants_password = resp->password[0] != '\0';
    resp->idle_ms = birth->settings->idle_ms;
    must(pthread_mutex_init(&resp->lock, NULL) == 0);
    list_init(&resp->cards);
    for (unsigned i = 0; i < CACHE_DATABASES; i++)
        resp->spaces[i] = (uint8_t)i;
    init_rules(&resp->rules, birth->settings);
    init_limits(resp);
    init_run_id(resp);
    types_register(resp->cache);
    resp->stats = stats_new();
    resp->channels = channels_new();
    resp->born_ms = clock_now_ms();
    resp->born_wall_ms = clock_wall_ms();
    resp->wall_offset_ms = resp->born_wall_ms - resp->born_ms;
    resp->parameters = parameters_new(resp);
    *ret_resp = resp;
    return ERR_OK;
}

void resp_free(struct resp **owner)
{
    struct resp *resp = *owner;

    if (resp == NULL)
        return;
    must(list_alone(&resp->cards));
    channels_free(&resp->channels);
    parameters_free(&resp->parameters);
    stats_free(&resp->stats);
    verbs_free(&resp->verbs);
    must(pthread_mutex_destroy(&resp->lock) == 0);
    memset(resp->password, 0, sizeof resp->password);
    mem_free(&resp->version);
    mem_free(&resp->policy);
    mem_free(owner);
}

void resp_forget_door(const struct resp_door *door)
{
    struct resp *resp = door->resp;

    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        if (resp->doors[i] == door)
            resp->doors[i] = NULL;
    }
}

/* ---- sums -------------------------------------------------------------------------------------
 */

void resp_read_metrics(const struct resp *resp, struct resp_metrics *ret_metrics)
{
    memset(ret_metrics, 0, sizeof *ret_metrics);
    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        const struct resp_door *door = resp->doors[i];

        if (door == NULL)
            continue;
#define METRIC(name, kind, text) counter_add(&ret_metrics->name, counter_read(&door->metrics.name));
#include "server/resp/metrics.def"
#undef METRIC
    }
}

struct verb_sum resp_sum_verb(const struct resp *resp, size_t number)
{
    struct verb_sum sum = {0};

    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        const struct resp_door *door = resp->doors[i];

        if (door == NULL)
            continue;
        sum.calls += counter_read(&door->counts[number].calls);
        sum.ns += counter_read(&door->counts[number].ns);
        sum.failed += counter_read(&door->counts[number].failed);
        sum.rejected += counter_read(&door->counts[number].rejected);
    }
    return sum;
}

uint64_t resp_sum_errors(const struct resp *resp, size_t kind)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        if (resp->doors[i] != NULL)
            sum += counter_read(&resp->doors[i]->errors[kind]);
    }
    return sum;
}

void resp_read_commands(const struct resp *resp, resp_command_count_fn *each, void *context)
{
    for (size_t i = 0; i < verbs_count(resp->verbs); i++) {
        struct verb_sum sum = resp_sum_verb(resp, i);

        if (sum.calls > 0)
            each(context, verbs_at(resp->verbs, i)->name, sum.calls, sum.ns / 1000, sum.failed);
    }
}

void resp_describe_commands(resp_command_row_fn *each, void *context)
{
    struct verbs *verbs = verbs_new();

    for (size_t i = 0; i < verbs_count(verbs); i++) {
        const struct verb *verb = verbs_at(verbs, i);
        struct resp_command_row row = {.name = verb->name,
                                       .group = verb->group,
                                       .since = verb->since,
                                       .complexity = verb->complexity,
                                       .summary = verb->summary,
                                       .arity = verb->arity};

        each(context, &row);
    }
    verbs_free(&verbs);
}
