/* clients.c: CLIENT: naming, listing, ending, pausing. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"

void on_client_id(struct call *call)
{
    reply_integer(call, (int64_t)call->client->card.id);
}

void on_client_getname(struct call *call)
{
    if (call->client->card.name == NULL)
        reply_null(call);
    else
        reply_text(call, call->client->card.name);
}

void on_client_setname(struct call *call)
{
    if (!client_name_is_valid(call->words[2])) {
        reply_error(call, "Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    client_set_text(call->client, &call->client->card.name, call->words[2]);
    reply_ok(call);
}

void on_client_setinfo(struct call *call)
{
    struct client_card *card = &call->client->card;
    bool is_name = word_is(call, 2, "lib-name");

    if (!is_name && !word_is(call, 2, "lib-ver")) {
        reply_errorf(call, "Unrecognized option '%.*s'",
                     BYTES_ARG(bytes_slice(call->words[2], 0, 128)));
        return;
    }
    if (!client_name_is_valid(call->words[3])) {
        reply_errorf(call, "%s cannot contain spaces, newlines or special characters.",
                     is_name ? "lib-name" : "lib-ver");
        return;
    }
    client_set_text(call->client, is_name ? &card->library_name : &card->library_version,
                    call->words[3]);
    reply_ok(call);
}

void on_client_reply(struct call *call)
{
    struct client *client = call->client;

    if (word_is(call, 2, "on")) {
        client->reply = CLIENT_ANSWERED;
        if (!call->door->locked)
            call->out = &call->door->out;
        reply_ok(call);
    } else if (word_is(call, 2, "off")) {
        client->reply = CLIENT_MUTE;
    } else if (word_is(call, 2, "skip")) {
        if (client->reply != CLIENT_MUTE)
            client->reply = CLIENT_SKIP_NEXT;
    } else {
        reply_syntax(call);
    }
}

void on_client_no_evict(struct call *call)
{
    bool on = word_is(call, 2, "on");

    if (!on && !word_is(call, 2, "off")) {
        reply_syntax(call);
        return;
    }
    atomic_store_explicit(&call->client->card.no_evict, on, memory_order_relaxed);
    reply_ok(call);
}

void on_client_unblock(struct call *call)
{
    int64_t id = 0;

    if (call->count > 4 ||
        (call->count == 4 && !word_is(call, 3, "timeout") && !word_is(call, 3, "error"))) {
        reply_error(call, "CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (call_integer(call, 2, &id))
        reply_integer(call, 0); /* no command waits */
}

/* ---- choosing ---------------------------------------------------------------------------------
 */

enum client_type { TYPE_ANY, TYPE_NORMAL, TYPE_PUBSUB, TYPE_NOBODY };

struct choice {
    const struct bytes *ids; /* words */
    size_t id_count;
    uint64_t id; /* 0: any */
    struct bytes address, local_address;
    enum client_type type;
    uint64_t not_id; /* 0: none is spared */
    uint64_t younger_than;
};

static enum client_type type_of(const struct client_card *card)
{
    unsigned count = atomic_load(&card->channels) + atomic_load(&card->patterns) +
                     atomic_load(&card->shard_channels);

    return count > 0 ? TYPE_PUBSUB : TYPE_NORMAL;
}

static bool is_listed(const struct choice *choice, uint64_t id)
{
    uint64_t wanted = 0;

    for (size_t i = 0; i < choice->id_count; i++) {
        if (number_u64(choice->ids[i], &wanted) == ERR_OK && wanted == id)
            return true;
    }
    return choice->id_count == 0;
}

static bool is_chosen(const struct choice *choice, const struct client_card *card)
{
    if (choice->id != 0 && card->id != choice->id)
        return false;
    if (choice->not_id != 0 && card->id == choice->not_id)
        return false;
    if (choice->address.size > 0 && !bytes_equal(choice->address, bytes_of_text(card->address)))
        return false;
    if (choice->local_address.size > 0 &&
        !bytes_equal(choice->local_address, bytes_of_text(card->local_address)))
        return false;
    if (choice->type != TYPE_ANY && type_of(card) != choice->type)
        return false;
    return is_listed(choice, card->id);
}

static bool read_type(struct call *call, size_t at, enum client_type *ret_type)
{
    if (word_is(call, at, "normal")) {
        *ret_type = TYPE_NORMAL;
    } else if (word_is(call, at, "pubsub")) {
        *ret_type = TYPE_PUBSUB;
    } else if (word_is(call, at, "master") || word_is(call, at, "replica") ||
               word_is(call, at, "slave")) {
        *ret_type = TYPE_NOBODY;
    } else {
        reply_errorf(call, "Unknown client type '%.*s'",
                     BYTES_ARG(bytes_slice(call->words[at], 0, 128)));
        return false;
    }
    return true;
}

/* ---- listing ----------------------------------------------------------------------------------
 */

void on_client_info(struct call *call)
{
    struct buf line;

    buf_init(&line, 1 << 16, NULL);
    must(pthread_mutex_lock(&call->resp->lock) == 0);
    atomic_store(&call->client->card.verb, call->verb->number + 1);
    client_describe(&call->client->card, call->resp->verbs, call->now_ms, &line);
    must(pthread_mutex_unlock(&call->resp->lock) == 0);
    buf_add_byte(&line, '\n');
    resp_add_verbatim(call->out, call->protocol, buf_bytes(&line));
    buf_fini(&line);
}

void on_client_list(struct call *call)
{
    struct choice choice = {0};
    struct buf lines;
    uint64_t id = 0;

    if (call->count > 2 && word_is(call, 2, "type") && call->count == 4) {
        if (!read_type(call, 3, &choice.type))
            return;
    } else if (call->count > 3 && word_is(call, 2, "id")) {
        choice.ids = call->words + 3;
        choice.id_count = call->count - 3;
        for (size_t i = 0; i < choice.id_count; i++) {
            if (number_u64(choice.ids[i], &id) != ERR_OK || id == 0) {
                reply_error(call, "Invalid client ID");
                return;
            }
        }
    } else if (call->count > 2) {
        reply_syntax(call);
        return;
    }
    struct list_node *cards = &call->resp->cards;

    buf_init(&lines, 1 << 30, NULL);
    must(pthread_mutex_lock(&call->resp->lock) == 0);
    atomic_store(&call->client->card.verb, call->verb->number + 1);
    for (struct list_node *node = cards->next; node != cards; node = node->next) {
        const struct client_card *card = list_owner(node, struct client_card, node);

        if (!is_chosen(&choice, card))
            continue;
        client_describe(card, call->resp->verbs, call->now_ms, &lines);
        buf_add_byte(&lines, '\n');
    }
    must(pthread_mutex_unlock(&call->resp->lock) == 0);
    resp_add_verbatim(call->out, call->protocol, buf_bytes(&lines));
    buf_fini(&lines);
}

/* ---- ending -----------------------------------------------------------------------------------
 */

struct kill_letter {
    struct letter letter; /* first */
    uint64_t id;
};

static void open_kill(struct resp_door *door, struct letter *letter)
{
    struct kill_letter *kill = list_owner(letter, struct kill_letter, letter);

    for (struct list_node *node = door == NULL ? NULL : door->clients.next;
         node != NULL && node != &door->clients; node = node->next) {
        struct client *client = list_owner(node, struct client, node);

        if (client->card.id == kill->id && !client->leaving) {
            client->leaving = true;
            conn_abort(client->conn);
        }
    }
    mem_free(&kill);
}

/* Ends all that are chosen; returns how many. */
static int64_t kill_chosen(struct call *call, const struct choice *choice)
{
    struct list_node *cards = &call->resp->cards;
    bool myself = false;
    int64_t count = 0;

    must(pthread_mutex_lock(&call->resp->lock) == 0);
    for (struct list_node *node = cards->next; node != cards; node = node->next) {
        const struct client_card *card = list_owner(node, struct client_card, node);

        if (!is_chosen(choice, card))
            continue;
        count++;
        if (card->id == call->client->card.id) {
            myself = true;
            continue;
        }
        struct kill_letter *kill = mem_new(1, sizeof *kill);

        *kill = (struct kill_letter){.letter = {.open = open_kill}, .id = card->id};
        mailbox_put(&card->door->mailbox, &kill->letter);
    }
    must(pthread_mutex_unlock(&call->resp->lock) == 0);
    call->client->leaving_after = myself;
    return count;
}

static bool read_kill_option(struct call *call, size_t at, struct choice *choice)
{
    int64_t id = 0;

    if (word_is(call, at, "id")) {
        if (!call_range(call, at + 1, 1, INT64_MAX, "client-id should be greater than 0", &id))
            return false;
        choice->id = (uint64_t)id;
    } else if (word_is(call, at, "type")) {
        return read_type(call, at + 1, &choice->type);
    } else if (word_is(call, at, "addr")) {
        choice->address = call->words[at + 1];
    } else if (word_is(call, at, "laddr")) {
        choice->local_address = call->words[at + 1];
    } else if (word_is(call, at, "user")) {
        if (!word_is(call, at + 1, "default")) {
            reply_errorf(call, "No such user '%.*s'",
                         BYTES_ARG(bytes_slice(call->words[at + 1], 0, 128)));
            return false;
        }
    } else if (word_is(call, at, "skipme") && word_is(call, at + 1, "yes")) {
        choice->not_id = call->client->card.id;
    } else if (word_is(call, at, "skipme") && word_is(call, at + 1, "no")) {
        choice->not_id = 0;
    } else {
        reply_syntax(call);
        return false;
    }
    return true;
}

void on_client_kill(struct call *call)
{
    struct choice choice = {0};

    if (call->count == 3) {
        choice.address = call->words[2];
        if (kill_chosen(call, &choice) == 0)
            reply_error(call, "No such client");
        else
            reply_ok(call);
        return;
    }
    if (call->count % 2 != 0) {
        reply_syntax(call);
        return;
    }
    choice.not_id = call->client->card.id;
    for (size_t i = 2; i < call->count; i += 2) {
        if (!read_kill_option(call, i, &choice))
            return;
    }
    reply_integer(call, kill_chosen(call, &choice));
}

/* ---- pausing ----------------------------------------------------------------------------------
 */

void on_client_pause(struct call *call)
{
    struct resp_pause *pause = &call->resp->pause;
    int64_t wait_ms = 0;
    bool writes_only = call->count == 4 && word_is(call, 3, "write");

    if (call->count > 4 || (call->count == 4 && !writes_only && !word_is(call, 3, "all"))) {
        reply_error(call, "CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }
    if (number_i64(call->words[2], &wait_ms) != ERR_OK) {
        reply_error(call, "timeout is not an integer or out of range");
        return;
    }
    if (wait_ms < 0) {
        reply_error(call, "timeout is negative");
        return;
    }
    int64_t until_ms = add_saturated(call->now_ms, wait_ms);
    int64_t before_ms = atomic_load(&pause->until_ms);

    /* As in Redis a running pause is never made shorter or weaker. */
    if (before_ms > call->now_ms) {
        writes_only = writes_only && atomic_load(&pause->writes_only);
        until_ms = until_ms > before_ms ? until_ms : before_ms;
    }
    atomic_store(&pause->writes_only, writes_only);
    atomic_store(&pause->until_ms, until_ms);
    reply_ok(call);
}

static void open_release(struct resp_door *door, struct letter *letter)
{
    if (door != NULL)
        door_release_all(door);
    mem_free(&letter);
}

void on_client_unpause(struct call *call)
{
    struct resp *resp = call->resp;

    atomic_store(&resp->pause.until_ms, 0);
    for (unsigned i = 0; i < atomic_load(&resp->door_count); i++) {
        struct letter *letter = mem_new(1, sizeof *letter);

        letter->open = open_release;
        mailbox_put(&resp->doors[i]->mailbox, letter);
    }
    reply_ok(call);
}

void on_client_help(struct call *call)
{
    static const char *const lines[] = {
        "GETNAME",
        "    The name of this connection.",
        "ID",
        "    The number of this connection.",
        "INFO",
        "    What is known about this connection.",
        "KILL <ip:port>",
        "    Ends the connection from this address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Ends connections by ID, TYPE, ADDR, LADDR, USER; SKIPME (yes|no).",
        "LIST [TYPE (NORMAL|PUBSUB) | ID <id> ...]",
        "    What is known about connections.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Lets commands wait for so many milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether commands are answered.",
        "SETINFO (LIB-NAME|LIB-VER) <value>",
        "    Says which library this client uses.",
        "SETNAME <name>",
        "    Names this connection.",
        "UNPAUSE",
        "    Ends a pause.",
    };

    reply_help(call, lines, sizeof lines / sizeof lines[0]);
}
