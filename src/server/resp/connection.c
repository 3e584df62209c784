/* connection.c: who the client is, and how it speaks. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"
#include "server/resp/pubsub.h"
#include "server/resp/transaction.h"

enum { PROTOCOL_MIN = 2, PROTOCOL_MAX = 3 };

void on_connection_ping(struct call *call)
{
    if (call->count > 2) {
        reply_wrong_arity(call);
    } else if ((call->client->gate & GATE_SUBSCRIBER) != 0 && call->protocol < 3) {
        reply_array(call, 2);
        reply_text(call, "pong");
        reply_bulk(call, call->count == 2 ? call->words[1] : BYTES(""));
    } else if (call->count == 2) {
        reply_bulk(call, call->words[1]);
    } else {
        buf_add(call->out, BYTES("+PONG\r\n"));
    }
}

void on_connection_echo(struct call *call)
{
    reply_bulk(call, call->words[1]);
}

void on_connection_quit(struct call *call)
{
    reply_ok(call);
    call->client->leaving_after = true;
}

void on_connection_select(struct call *call)
{
    int64_t number = 0;

    if (!call_integer(call, 1, &number))
        return;
    if (number < 0 || number >= CACHE_DATABASES) {
        reply_error(call, "DB index is out of range");
        return;
    }
    call->client->database = (unsigned)number;
    atomic_store_explicit(&call->client->card.database, (unsigned)number, memory_order_relaxed);
    reply_ok(call);
}

static void set_protocol(struct client *client, unsigned protocol)
{
    client->protocol = protocol;
    atomic_store_explicit(&client->card.protocol, protocol, memory_order_relaxed);
}

void on_connection_reset(struct call *call)
{
    struct client *client = call->client;
    bool wants_password = atomic_load(&call->resp->wants_password);

    transaction_reset(client);
    pubsub_forget(client);
    set_protocol(client, 2);
    client->database = 0;
    client->reply = CLIENT_ANSWERED;
    client->authenticated = !wants_password;
    client_set_gate(client, GATE_STRANGER, wants_password);
    client_set_text(client, &client->card.name, BYTES(""));
    atomic_store_explicit(&client->card.database, 0, memory_order_relaxed);
    reply_simple(call, "RESET");
}

/* ---- who --------------------------------------------------------------------------------------
 */

static bool is_right(struct resp *resp, struct bytes user, struct bytes password)
{
    must(pthread_mutex_lock(&resp->lock) == 0);
    struct bytes wanted = bytes_of_text(resp->password);
    bool right = wanted.size == 0 || bytes_equal_secret(wanted, password);

    must(pthread_mutex_unlock(&resp->lock) == 0);
    return right && bytes_equal(user, BYTES("default"));
}

static bool let_in(struct call *call, struct bytes user, struct bytes password)
{
    if (!is_right(call->resp, user, password)) {
        reply_error(call, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    call->client->authenticated = true;
    client_set_gate(call->client, GATE_STRANGER, false);
    return true;
}

void on_connection_auth(struct call *call)
{
    if (call->count > 3) {
        reply_syntax(call);
        return;
    }
    if (call->count == 2 && !atomic_load(&call->resp->wants_password)) {
        reply_error(call, "AUTH <password> called without any password configured for the default "
                          "user. Are you sure your configuration is correct?");
        return;
    }
    if (let_in(call, call->count == 3 ? call->words[1] : BYTES("default"),
               call->words[call->count - 1]))
        reply_ok(call);
}

bool client_name_is_valid(struct bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < '!' || name.data[i] > '~')
            return false;
    }
    return name.size <= CLIENT_NAME_MAX;
}

static void greet(struct call *call)
{
    struct client *client = call->client;

    call->protocol = client->protocol;
    reply_map(call, 7);
    reply_text(call, "server");
    reply_text(call, "redis");
    reply_text(call, "version");
    reply_text(call, RESP_REDIS_VERSION);
    reply_text(call, "proto");
    reply_integer(call, client->protocol);
    reply_text(call, "id");
    reply_integer(call, (int64_t)client->card.id);
    reply_text(call, "mode");
    reply_text(call, "standalone");
    reply_text(call, "role");
    reply_text(call, "master");
    reply_text(call, "modules");
    reply_array(call, 0);
}

struct hello {
    bool has_auth;
    bool has_name;
    struct bytes user, password, name;
};

/* The options behind the version. False: wrong, which was replied. */
static bool read_hello(struct call *call, struct hello *ret_hello)
{
    *ret_hello = (struct hello){0};
    for (size_t i = 2; i < call->count; i++) {
        size_t left = call->count - i - 1;

        if (word_is(call, i, "auth") && left >= 2) {
            ret_hello->has_auth = true;
            ret_hello->user = call->words[i + 1];
            ret_hello->password = call->words[i + 2];
            i += 2;
        } else if (word_is(call, i, "setname") && left >= 1) {
            ret_hello->has_name = true;
            ret_hello->name = call->words[++i];
        } else {
            reply_errorf(call, "Syntax error in HELLO option '%.*s'",
                         BYTES_ARG(bytes_slice(call->words[i], 0, 128)));
            return false;
        }
    }
    if (ret_hello->has_name && !client_name_is_valid(ret_hello->name)) {
        reply_error(call, "Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    return true;
}

void on_connection_hello(struct call *call)
{
    struct hello hello = {0};
    int64_t protocol = call->client->protocol;

    if (call->count > 1) {
        if (!call_range(call, 1, INT64_MIN, INT64_MAX,
                        "Protocol version is not an integer or out of range", &protocol))
            return;
        if (protocol < PROTOCOL_MIN || protocol > PROTOCOL_MAX) {
            reply_error(call, "NOPROTO unsupported protocol version");
            return;
        }
        if (!read_hello(call, &hello))
            return;
    }
    if (hello.has_auth && !let_in(call, hello.user, hello.password))
        return;
    if ((call->client->gate & GATE_STRANGER) != 0) {
        reply_error(call,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                    "the HELLO AUTH <user> <pass> option can be used to authenticate the "
                    "client and select the RESP protocol version at the same time");
        return;
    }
    if (hello.has_name)
        client_set_text(call->client, &call->client->card.name, hello.name);
    set_protocol(call->client, (unsigned)protocol);
    greet(call);
}
