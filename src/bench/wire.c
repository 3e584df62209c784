/* wire.c: two protocols, one blocking socket. SPDX-License-Identifier: MIT */
#include "bench/wire.h"

#include "base/buf.h"
#include "base/mem.h"
#include "bench/memcached_answer.h"
#include "net/address.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum {
    SEND_SOON_BYTES = 1 << 20, /* what is larger does not wait for the rest of its batch */
    READ_BYTES = 256 << 10,
    BYTES_MAX = 2 * WIRE_VALUE_MAX + SEND_SOON_BYTES + READ_BYTES,
};

struct wire {
    int fd;
    bool is_memcached;
    bool failed; /* an early send did not go through; wire_send tells */
    struct buf out;
    struct buf in;
    size_t in_used; /* bytes of `in` that were answers already */
};

/* ---- connecting -------------------------------------------------------------------------- */

static enum err read_url(struct bytes url, bool *ret_is_memcached, struct address *ret_address,
                         struct fault *fault)
{
    *ret_is_memcached = bytes_begin_with(url, BYTES("memcached://"));
    if (!*ret_is_memcached && !bytes_begin_with(url, BYTES("redis://")))
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" is no server: write redis://127.0.0.1:6379 or "
                         "memcached://127.0.0.1:11211",
                         BYTES_ARG(url));
    return address_parse(bytes_skip(url, bytes_find(url, '/') + 2), ret_address, fault);
}

static bool dial(struct wire *wire, const struct address *address)
{
    struct timeval patience = {WIRE_PATIENCE_S, 0};
    int on = 1;

    wire->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || connect(wire->fd, &address->any, address->size) != 0)
        return false;
    if (address->any.sa_family != AF_UNIX)
        (void)setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
           setsockopt(wire->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

enum err wire_open(struct bytes url, bool allow_remote, struct wire **ret_wire, struct fault *fault)
{
    struct address address = {.size = 0};
    struct wire *wire = NULL;
    bool is_memcached = false;

    TRY(read_url(url, &is_memcached, &address, fault));
    if (!allow_remote && !address_is_local(&address))
        return fault_say(fault, ERR_DENIED,
                         "%.*s is not this machine; load on other people's servers is an attack. "
                         "If it is yours, say --allow-remote",
                         BYTES_ARG(url));
    wire = mem_new(1, sizeof *wire);
    wire->is_memcached = is_memcached;
    buf_init(&wire->out, BYTES_MAX, NULL);
    buf_init(&wire->in, BYTES_MAX, NULL);
    if (!dial(wire, &address)) {
        (void)fault_say(fault, ERR_PEER_DOWN, "%.*s cannot be reached: %s", BYTES_ARG(url),
                        strerror(errno));
        wire_close(&wire);
        return ERR_PEER_DOWN;
    }
    *ret_wire = wire;
    return ERR_OK;
}

void wire_close(struct wire **owner)
{
    struct wire *wire = *owner;

    if (wire == NULL)
        return;
    if (wire->fd >= 0)
        (void)close(wire->fd);
    buf_fini(&wire->out);
    buf_fini(&wire->in);
    mem_free(owner);
}

/* ---- asking ------------------------------------------------------------------------------ */

static bool send_out(struct wire *wire)
{
    struct bytes rest = buf_bytes(&wire->out);

    while (rest.size > 0 && !wire->failed) {
        ssize_t size = send(wire->fd, rest.data, rest.size, MSG_NOSIGNAL);

        if (size >= 0)
            rest = bytes_skip(rest, (size_t)size);
        else if (errno != EINTR)
            wire->failed = true;
    }
    buf_clear(&wire->out);
    return !wire->failed;
}

static void add_word(struct buf *out, struct bytes word)
{
    buf_add_byte(out, '$');
    buf_add_u64(out, word.size);
    buf_add_text(out, "\r\n");
    buf_add(out, word);
    buf_add_text(out, "\r\n");
}

void wire_get(struct wire *wire, struct bytes key)
{
    buf_add_text(&wire->out, wire->is_memcached ? "get " : "*2\r\n$3\r\nGET\r\n");
    if (wire->is_memcached) {
        buf_add(&wire->out, key);
        buf_add_text(&wire->out, "\r\n");
    } else {
        add_word(&wire->out, key);
    }
}

void wire_set(struct wire *wire, struct bytes key, struct bytes value)
{
    struct buf *out = &wire->out;

    if (wire->is_memcached) {
        buf_add_text(out, "set ");
        buf_add(out, key);
        buf_add_text(out, " 0 0 ");
        buf_add_u64(out, value.size);
        buf_add_text(out, "\r\n");
        buf_add(out, value);
        buf_add_text(out, "\r\n");
    } else {
        buf_add_text(out, "*3\r\n$3\r\nSET\r\n");
        add_word(out, key);
        add_word(out, value);
    }
    if (out->size >= SEND_SOON_BYTES)
        (void)send_out(wire);
}

enum err wire_send(struct wire *wire, struct fault *fault)
{
    if (buf_failed(&wire->out) != ERR_OK)
        return fault_say(fault, ERR_TOO_BIG, "a batch is larger than the client's buffer");
    if (!send_out(wire))
        return fault_say(fault, ERR_PEER_DOWN, "the server reads no more: %s", strerror(errno));
    return ERR_OK;
}

/* ---- answers ----------------------------------------------------------------------------- */

static enum err read_more(struct wire *wire, struct fault *fault)
{
    ssize_t size = 0;

    buf_consume(&wire->in, wire->in_used);
    wire->in_used = 0;
    uint8_t *room = buf_room(&wire->in, READ_BYTES);

    if (room == NULL)
        return fault_say(fault, ERR_PEER_BROKEN, "an answer is larger than the client's buffer");
    do
        size = recv(wire->fd, room, READ_BYTES, 0);
    while (size < 0 && errno == EINTR);
    if (size <= 0)
        return fault_say(fault, ERR_PEER_DOWN, "the server does not answer: %s",
                         size == 0 ? "it ended the connection" : strerror(errno));
    buf_grew(&wire->in, (size_t)size);
    return ERR_OK;
}

static void tell(struct wire_answer *answer, const struct resp_answer *reply, bool is_memcached,
                 struct bytes whole)
{
    bool is_value = reply->type == '$' && !reply->is_nil;
    size_t behind = is_memcached ? sizeof "\r\nEND\r\n" - 1 : sizeof "\r\n" - 1;

    *answer = (struct wire_answer){
        .is_value = is_value, .is_stored = reply->type == '+', .is_error = reply->type == '-'};
    answer->text = bytes_slice(whole, 0, whole.size - 2);
    if (is_value) {
        size_t end = whole.size - behind;

        answer->value = bytes_slice(whole, end - (size_t)reply->size, end);
    }
}

enum err wire_answer(struct wire *wire, struct wire_answer *ret_answer, struct fault *fault)
{
    for (;;) {
        struct bytes input = bytes_skip(buf_bytes(&wire->in), wire->in_used);
        struct resp_answer reply;
        size_t used = 0;
        enum err err = ERR_AGAIN;

        resp_answer_init(&reply);
        if (input.size > 0)
            err = wire->is_memcached ? memcached_answer_next(&reply, input, &used)
                                     : resp_answer_next(&reply, input, &used);
        if (err == ERR_OK) {
            wire->in_used += used;
            tell(ret_answer, &reply, wire->is_memcached, bytes_slice(input, 0, used));
            return ERR_OK;
        }
        if (err != ERR_AGAIN)
            return fault_say(fault, ERR_PEER_BROKEN, "this is no answer of %s: \"%.*s\"",
                             wire->is_memcached ? "memcached" : "a Redis server",
                             BYTES_ARG(bytes_slice(input, 0, input.size < 60 ? input.size : 60)));
        TRY(read_more(wire, fault));
    }
}
