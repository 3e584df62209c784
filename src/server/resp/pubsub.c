/* pubsub.c: subscribing, publishing, delivering. SPDX-License-Identifier: MIT */
#include "server/resp/pubsub.h"

#include "base/glob.h"
#include "base/mem.h"
#include "base/must.h"
#include "server/resp/handlers.h"
#include "server/resp/topic.h"

/* ---- subscribing ------------------------------------------------------------------------------
 */

static size_t have(const struct client *client, enum topic_kind kind)
{
    return client->subscriptions == NULL ? 0 : client->subscriptions->kinds[kind].count;
}

/* What subscribe and unsubscribe tell: shard channels are counted apart. */
static size_t count_told(const struct client *client, enum topic_kind kind)
{
    return kind == TOPIC_SHARD ? have(client, TOPIC_SHARD)
                               : have(client, TOPIC_CHANNEL) + have(client, TOPIC_PATTERN);
}

static void after_change(struct client *client)
{
    struct resp_door *door = client->door;
    size_t channels = have(client, TOPIC_CHANNEL), patterns = have(client, TOPIC_PATTERN);
    size_t shards = have(client, TOPIC_SHARD);
    bool was = (client->gate & GATE_SUBSCRIBER) != 0, is = channels + patterns + shards > 0;

    if (was != is)
        counter_set(&door->metrics.subscribers,
                    counter_read(&door->metrics.subscribers) + (is ? 1 : (uint64_t)-1));
    client_set_gate(client, GATE_SUBSCRIBER, is);
    atomic_store_explicit(&client->card.channels, (unsigned)channels, memory_order_relaxed);
    atomic_store_explicit(&client->card.patterns, (unsigned)patterns, memory_order_relaxed);
    atomic_store_explicit(&client->card.shard_channels, (unsigned)shards, memory_order_relaxed);
}

static void confirm(struct call *call, const char *what, const struct bytes *name,
                    enum topic_kind kind)
{
    resp_add_push(call->out, call->protocol, 3);
    reply_text(call, what);
    if (name == NULL)
        reply_null(call);
    else
        reply_bulk(call, *name);
    reply_integer(call, (int64_t)count_told(call->client, kind));
}

static enum err subscribe_one(struct call *call, enum topic_kind kind, struct bytes name)
{
    struct client *client = call->client;
    size_t all =
        have(client, TOPIC_CHANNEL) + have(client, TOPIC_PATTERN) + have(client, TOPIC_SHARD);
    enum err err = ERR_OK;

    if (all >= call->resp->settings.subscriptions_max)
        return ERR_TOO_BIG;
    err = subscription_add(&call->door->topics, client, kind, name);
    if (err == ERR_EXISTS)
        return ERR_OK;
    TRY(err);
    err = channels_join(call->resp->channels, kind, name, call->door->number);
    if (err != ERR_OK)
        (void)subscription_remove(&call->door->topics, client, kind, name);
    return err;
}

static void subscribe(struct call *call, enum topic_kind kind, const char *what)
{
    if (call->client->subscriptions == NULL)
        call->client->subscriptions = subscriptions_new(call->resp->rules->heap);
    if (call->client->subscriptions == NULL) {
        reply_err(call, ERR_FULL);
        return;
    }
    for (size_t i = 1; i < call->count; i++) {
        enum err err = subscribe_one(call, kind, call->words[i]);

        if (err != ERR_OK) {
            reply_error(call, err == ERR_TOO_BIG ? "too many subscriptions"
                                                 : "OOM no memory for this subscription");
            break;
        }
        confirm(call, what, &call->words[i], kind);
    }
    after_change(call->client);
}

static bool unsubscribe_one(struct client *client, enum topic_kind kind, struct bytes name)
{
    struct resp_door *door = client->door;

    if (client->subscriptions == NULL)
        return false;
    if (!subscription_remove(&door->topics, client, kind, name))
        return false;
    channels_leave(door->resp->channels, kind, name, door->number);
    return true;
}

/* One of those that the client has: any, for the first one would be farther from the table's
 * beginning each time. */
static struct bytes some_name(const struct client *client, enum topic_kind kind)
{
    const struct map_node *node =
        map_random(&client->subscriptions->kinds[kind], &client->door->random);

    return topic_name(((const struct subscription *)(const void *)node)->topic);
}

/* From all; `call` NULL: without a word. */
static void unsubscribe_all(struct client *client, enum topic_kind kind, struct call *call,
                            const char *what)
{
    while (have(client, kind) > 0) {
        struct bytes name = some_name(client, kind);
        uint8_t *copy = mem_copy(name.data, name.size);

        name.data = copy;
        must(unsubscribe_one(client, kind, name));
        if (call != NULL)
            confirm(call, what, &name, kind);
        mem_free(&copy);
    }
}

static void unsubscribe(struct call *call, enum topic_kind kind, const char *what)
{
    if (call->count == 1 && have(call->client, kind) == 0)
        confirm(call, what, NULL, kind);
    else if (call->count == 1)
        unsubscribe_all(call->client, kind, call, what);
    for (size_t i = 1; i < call->count; i++) {
        (void)unsubscribe_one(call->client, kind, call->words[i]);
        confirm(call, what, &call->words[i], kind);
    }
    after_change(call->client);
}

void pubsub_forget(struct client *client)
{
    if (client->subscriptions == NULL)
        return;
    for (unsigned kind = 0; kind < TOPIC_KINDS; kind++)
        unsubscribe_all(client, (enum topic_kind)kind, NULL, NULL);
    after_change(client);
    subscriptions_free(&client->subscriptions);
}

void on_pubsub_subscribe(struct call *call)
{
    subscribe(call, TOPIC_CHANNEL, "subscribe");
}

void on_pubsub_psubscribe(struct call *call)
{
    subscribe(call, TOPIC_PATTERN, "psubscribe");
}

void on_pubsub_ssubscribe(struct call *call)
{
    subscribe(call, TOPIC_SHARD, "ssubscribe");
}

void on_pubsub_unsubscribe(struct call *call)
{
    unsubscribe(call, TOPIC_CHANNEL, "unsubscribe");
}

void on_pubsub_punsubscribe(struct call *call)
{
    unsubscribe(call, TOPIC_PATTERN, "punsubscribe");
}

void on_pubsub_sunsubscribe(struct call *call)
{
    unsubscribe(call, TOPIC_SHARD, "sunsubscribe");
}

/* ---- delivering -------------------------------------------------------------------------------
 */

struct message {
    struct bytes channel;
    struct bytes text;
    bool shard;
};

static void write_message(struct buf *out, unsigned protocol, const struct message *message,
                          const struct topic *topic, enum topic_kind kind)
{
    resp_add_push(out, protocol, kind == TOPIC_PATTERN ? 4 : 3);
    if (kind == TOPIC_PATTERN) {
        resp_add_bulk(out, BYTES("pmessage"));
        resp_add_bulk(out, topic_name(topic));
    } else {
        resp_add_bulk(out, kind == TOPIC_SHARD ? BYTES("smessage") : BYTES("message"));
    }
    resp_add_bulk(out, message->channel);
    resp_add_bulk(out, message->text);
}

static void deliver_to(struct resp_door *door, const struct topic *topic, enum topic_kind kind,
                       const struct message *message)
{
    const struct list_node *ring = &topic->subscriptions;

    buf_clear(&door->push[0]);
    buf_clear(&door->push[1]);
    for (const struct list_node *node = ring->next; node != ring; node = node->next) {
        const struct subscription *subscription =
            list_owner(node, const struct subscription, in_topic);
        struct client *client = subscription->client;
        struct buf *push = &door->push[client->protocol >= 3];

        if (client->leaving)
            continue;
        if (push->size == 0)
            write_message(push, client->protocol, message, topic, kind);
        if (client == door->current)
            door_flush(door, client);
        conn_send(client->conn, buf_bytes(push));
        counter_add(&door->metrics.messages_delivered, 1);
        counter_add(&door->metrics.output_bytes, push->size);
        door_check_output(door, client);
    }
}

static void deliver(struct resp_door *door, const struct message *message)
{
    enum topic_kind kind = message->shard ? TOPIC_SHARD : TOPIC_CHANNEL;
    const struct topic *topic = topics_find(&door->topics, kind, message->channel);
    const struct map_node *node = NULL;
    struct map_walk walk = {0};

    if (topic != NULL)
        deliver_to(door, topic, kind, message);
    if (message->shard)
        return;
    while ((node = map_next(&door->topics.kinds[TOPIC_PATTERN], &walk)) != NULL) {
        topic = (const struct topic *)(const void *)node;
        if (glob_fits(topic_name(topic), message->channel))
            deliver_to(door, topic, TOPIC_PATTERN, message);
    }
}

/* What several doors are to deliver, and the letter of one of them. */
struct parcel {
    _Atomic unsigned doors; /* that still need it */
    struct message message;
    uint8_t bytes[]; /* channel, text */
};

struct parcel_letter {
    struct letter letter; /* first */
    struct parcel *parcel;
};

static void parcel_drop(struct parcel *parcel)
{
    if (atomic_fetch_sub(&parcel->doors, 1) == 1)
        mem_free(&parcel);
}

static void open_parcel(struct resp_door *door, struct letter *letter)
{
    struct parcel_letter *mine = list_owner(letter, struct parcel_letter, letter);

    if (door != NULL)
        deliver(door, &mine->parcel->message);
    parcel_drop(mine->parcel);
    mem_free(&mine);
}

static struct parcel *parcel_new(const struct message *message)
{
    size_t name = message->channel.size, text = message->text.size;
    struct parcel *parcel = mem_try(sizeof *parcel + name + text);

    if (parcel == NULL)
        return NULL;
    *parcel = (struct parcel){.doors = 1, .message = *message};
    if (name > 0)
        memcpy(parcel->bytes, message->channel.data, name);
    if (text > 0)
        memcpy(parcel->bytes + name, message->text.data, text);
    parcel->message.channel.data = parcel->bytes;
    parcel->message.text.data = parcel->bytes + name;
    return parcel;
}

static void send_parcel(struct resp_door *to, struct parcel *parcel)
{
    struct parcel_letter *letter = mem_try(sizeof *letter);

    if (letter == NULL)
        return;
    *letter = (struct parcel_letter){.letter = {.open = open_parcel}, .parcel = parcel};
    atomic_fetch_add(&parcel->doors, 1);
    mailbox_put(&to->mailbox, &letter->letter);
}

static size_t publish(struct resp_door *door, const struct message *message)
{
    struct resp *resp = door->resp;
    bool doors[RESP_DOORS_MAX];
    size_t reach = channels_reach(resp->channels, message->shard, message->channel, doors);
    struct parcel *parcel = NULL;

    counter_add(&door->metrics.messages_published, 1);
    for (unsigned i = 0; reach > 0 && i < atomic_load(&resp->door_count); i++) {
        if (!doors[i] || resp->doors[i] == NULL || resp->doors[i] == door)
            continue;
        if (parcel == NULL)
            parcel = parcel_new(message);
        if (parcel != NULL)
            send_parcel(resp->doors[i], parcel);
    }
    if (parcel != NULL)
        parcel_drop(parcel);
    if (doors[door->number])
        deliver(door, message);
    return reach;
}

void on_pubsub_publish(struct call *call)
{
    struct message message = {call->words[1], call->words[2], false};

    reply_integer(call, (int64_t)publish(call->door, &message));
}

void on_pubsub_spublish(struct call *call)
{
    struct message message = {call->words[1], call->words[2], true};

    reply_integer(call, (int64_t)publish(call->door, &message));
}

/* ---- asking -----------------------------------------------------------------------------------
 */

void channels_count(struct channels *channels, size_t ret_counts[3])
{
    for (unsigned i = 0; i < TOPIC_KINDS; i++)
        ret_counts[i] = channels_size(channels, (enum topic_kind)i);
}

struct listing {
    struct buf names;
    struct bytes pattern;
    size_t count;
    unsigned protocol;
};

static void list_name(void *context, struct bytes name)
{
    struct listing *listing = context;

    if (!glob_fits(listing->pattern, name))
        return;
    resp_add_bulk(&listing->names, name);
    listing->count++;
}

static void list_channels(struct call *call, enum topic_kind kind)
{
    struct listing listing = {.pattern = BYTES("*")};

    if (call->count > 3) {
        reply_wrong_arity(call);
        return;
    }
    if (call->count == 3)
        listing.pattern = call->words[2];
    buf_init(&listing.names, SIZE_MAX / 2, NULL);
    channels_each(call->resp->channels, kind, list_name, &listing);
    reply_array(call, listing.count);
    buf_add(call->out, buf_bytes(&listing.names));
    buf_fini(&listing.names);
}

static void count_subscribers(struct call *call, enum topic_kind kind)
{
    reply_array(call, (call->count - 2) * 2);
    for (size_t i = 2; i < call->count; i++) {
        reply_bulk(call, call->words[i]);
        reply_integer(call,
                      (int64_t)channels_subscribers(call->resp->channels, kind, call->words[i]));
    }
}

void on_pubsub_channels(struct call *call)
{
    list_channels(call, TOPIC_CHANNEL);
}

void on_pubsub_shardchannels(struct call *call)
{
    list_channels(call, TOPIC_SHARD);
}

void on_pubsub_numsub(struct call *call)
{
    count_subscribers(call, TOPIC_CHANNEL);
}

void on_pubsub_shardnumsub(struct call *call)
{
    count_subscribers(call, TOPIC_SHARD);
}

void on_pubsub_numpat(struct call *call)
{
    reply_integer(call, (int64_t)channels_size(call->resp->channels, TOPIC_PATTERN));
}

void on_pubsub_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    The channels that somebody listens to.",
        "NUMPAT",
        "    How many patterns are listened to.",
        "NUMSUB [<channel> ...]",
        "    How many listen to each of the channels.",
        "SHARDCHANNELS [<pattern>]",
        "    The shard channels that somebody listens to.",
        "SHARDNUMSUB [<channel> ...]",
        "    How many listen to each of the shard channels.",
    };

    reply_help(call, lines, sizeof lines / sizeof lines[0]);
}
