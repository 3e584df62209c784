/* door.c: birth and end of the door, and of what all doors share. SPDX-License-Identifier: MIT */
#include "server/resp/door.h"

#include "base/mem.h"
#include "base/must.h"
#include "cache/policy.h"
#include "net/clock.h"
#include "server/resp/inside.h"
#include "server/resp/parameter.h"
#include "server/resp/stats.h"
#include "server/resp/topic.h"

#include <stdio.h>

enum { REPLIES_MAX = 1 << 30, LANE_MEMORY = 64 << 20 /* bytes of the limit */ };

enum err resp_read_password(const struct resp_settings *settings,
                            char ret_password[RESP_PASSWORD_MAX], struct fault *fault)
{
    FILE *file = NULL;
    const char *text = settings->password == NULL ? "" : settings->password;

    if (strlen(text) >= RESP_PASSWORD_MAX)
        return fault_say(fault, ERR_TOO_BIG, "resp.password is longer than %d bytes",
                         RESP_PASSWORD_MAX - 1);
    memcpy(ret_password, text, strlen(text) + 1);
    if (settings->password_file == NULL)
        return ERR_OK;
    file = fopen(settings->password_file, "re");
    if (file == NULL)
        return fault_say(fault, ERR_DISK,
                         "resp.password_file: cannot read %s; create it, or set resp.password",
                         settings->password_file);
    bool has_line = fgets(ret_password, RESP_PASSWORD_MAX, file) != NULL;

    (void)fclose(file);
    ret_password[strcspn(ret_password, "\r\n")] = '\0';
    if (!has_line || ret_password[0] == '\0')
        return fault_say(fault, ERR_DISK, "resp.password_file: the first line of %s is empty",
                         settings->password_file);
    return ERR_OK;
}

void resp_set_rules(struct resp *resp, const struct resp_settings *settings)
{
    struct type_rules *rules = resp->rules;

    rules->hash_entries = settings->hash_packed_entries;
    rules->hash_value = settings->hash_packed_value;
    rules->set_numbers = settings->set_numbers;
    rules->set_entries = settings->set_packed_entries;
    rules->set_value = settings->set_packed_value;
    rules->zset_entries = settings->zset_packed_entries;
    rules->zset_value = settings->zset_packed_value;
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

/* One for each worker, unless there is little memory: each has pages of its own. */
static unsigned heap_lanes(const struct resp_birth *birth)
{
    size_t lanes = 1 + birth->memory_max / LANE_MEMORY;

    return lanes < birth->workers ? (unsigned)lanes : birth->workers;
}

enum err resp_new(const struct resp_birth *birth, struct resp **ret_resp, struct fault *fault)
{
    struct resp *resp = mem_new(1, sizeof *resp);
    enum err err = resp_read_password(birth->settings, resp->password, fault);

    if (err != ERR_OK) {
        mem_free(&resp);
        return err;
    }
    resp->settings = *birth->settings;
    resp->cache = birth->cache;
    resp->log = birth->log;
    resp->version = mem_copy_text(birth->version);
    resp->policy = mem_copy_text(policy_name(birth->policy));
    resp->keeps_everything = strcmp(resp->policy, "noeviction") == 0;
    resp->memory_max = birth->memory_max;
    resp->unaccounted = birth->unaccounted;
    resp->workers = birth->workers;
    resp->purge_url = birth->purge_url;
    resp->purged = birth->purged;
    resp->context = birth->context;
    resp->verbs = verbs_new();
    resp->wants_password = resp->password[0] != '\0';
    resp->idle_ms = birth->settings->idle_ms;
    must(pthread_mutex_init(&resp->lock, NULL) == 0);
    list_init(&resp->cards);
    for (unsigned i = 0; i < CACHE_DATABASES; i++)
        resp->spaces[i] = (uint8_t)i;
    resp->rules = type_rules_new(cache_account(resp->cache), heap_lanes(birth));
    resp->rules->secret = random_hash_secret();
    resp_set_rules(resp, birth->settings);
    resp->rules->buried_max = birth->memory_max / BURIED_PART;
    init_limits(resp);
    resp->conn_settings.tls = birth->tls;
    init_run_id(resp);
    types_register(resp->cache);
    resp->stats = stats_new();
    resp->channels = channels_new(resp->rules->heap, birth->workers);
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
    type_rules_close(&resp->rules);
    must(pthread_mutex_destroy(&resp->lock) == 0);
    memset(resp->password, 0, sizeof resp->password);
    mem_free(&resp->version);
    mem_free(&resp->policy);
    mem_free(owner);
}

/* The door is going. */
static void resp_forget_door(const struct resp_door *door)
{
    struct resp *resp = door->resp;

    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        if (resp->doors[i] == door)
            resp->doors[i] = NULL;
    }
}

/* ---- birth and end ----------------------------------------------------------------------------
 */

static enum err check_address(const struct resp *resp, const struct address *address,
                              struct fault *fault)
{
    char text[ADDRESS_TEXT_SIZE];

    if (address_is_local(address) || resp->settings.open || atomic_load(&resp->wants_password))
        return ERR_OK;
    address_text(address, text);
    return fault_say(
        fault, ERR_DENIED,
        "whoever reaches %s could read and purge everything: set resp.password, listen "
        "on 127.0.0.1, or say resp.open: on",
        text);
}

enum err resp_door_new(struct resp *resp, struct loop *loop, struct cache_thread *thread,
                       const struct listener_place *place, struct resp_door **ret_door,
                       struct fault *fault)
{
    struct resp_door *door = NULL;
    unsigned number = atomic_load(&resp->door_count);
    uint64_t seed = 0;

    TRY(check_address(resp, place->address, fault));
    door = mem_new(1, sizeof *door);
    must(number < RESP_DOORS_MAX);
    door->resp = resp;
    door->number = number;
    door->loop = loop;
    door->thread = thread;
    list_init(&door->clients);
    const struct listener_birth birth = {.address = number == 0 ? place->address : &resp->address,
                                         .handed = place->handed,
                                         .share = number > 0,
                                         .limit = &resp->limit,
                                         .events = &door_listener_events,
                                         .owner = door};
    enum err err = listener_new(loop, &birth, &door->listener, fault);

    if (err != ERR_OK) {
        mem_free(&door);
        return err;
    }
    if (number == 0)
        resp->address = *listener_address(door->listener);
    random_secret(&seed, sizeof seed);
    random_init(&door->random, seed);
    buf_init(&door->out, REPLIES_MAX, NULL);
    buf_init(&door->waste, REPLIES_MAX, NULL);
    buf_init(&door->push[0], REPLIES_MAX, NULL);
    buf_init(&door->push[1], REPLIES_MAX, NULL);
    topics_init(&door->topics, resp->rules->heap);
    door->keys = mem_new(CACHE_LOCK_KEYS_MAX, sizeof *door->keys);
    door->lookahead = lookahead_new();
    mailbox_init(&door->mailbox, loop, door);
    timer_init(&door->tick, door_tick);
    timer_init(&door->release, door_release);
    timer_init(&door->digging, door_dig);
    timer_set(loop, &door->tick, loop_now_ms(loop) + DOOR_TICK_MS);
    resp->doors[number] = door;
    atomic_store(&resp->door_count, number + 1);
    *ret_door = door;
    return ERR_OK;
}

const struct address *resp_door_address(const struct resp_door *door)
{
    return listener_address(door->listener);
}

int resp_door_fd(const struct resp_door *door)
{
    return listener_fd(door->listener);
}

void resp_hand_over(struct resp *resp)
{
    atomic_store(&resp->limit.is_handed_over, true);
}

void resp_door_stop(struct resp_door *door)
{
    door->stopping = true;
    listener_free(&door->listener);
    for (struct list_node *node = door->clients.next; node != &door->clients; node = node->next)
        client_leave(list_owner(node, struct client, node));
}

bool resp_door_is_idle(const struct resp_door *door)
{
    return door->client_count == 0;
}

void resp_door_free(struct resp_door **owner)
{
    struct resp_door *door = *owner;

    if (door == NULL)
        return;
    listener_free(&door->listener);
    for (struct list_node *node = door->clients.next; node != &door->clients; node = node->next)
        conn_abort(list_owner(node, struct client, node)->conn);
    while (door->client_count > 0)
        loop_turn(door->loop, 0);
    timer_clear(door->loop, &door->tick);
    timer_clear(door->loop, &door->release);
    timer_clear(door->loop, &door->digging);
    mailbox_fini(&door->mailbox);
    buf_fini(&door->out);
    buf_fini(&door->waste);
    buf_fini(&door->push[0]);
    buf_fini(&door->push[1]);
    topics_fini(&door->topics);
    mem_free(&door->keys);
    lookahead_free(&door->lookahead);
    resp_forget_door(door);
    mem_free(owner);
}
