/* resolver.c: c-ares on our loop. SPDX-License-Identifier: MIT */
#include "net/resolver.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"

#include <ares.h>

enum { SERVERS_TEXT_MAX = 64 * 1024 };

struct resolver {
    struct loop *loop;
    ares_channel channel;
    struct timer timer;
    struct list_node sockets;
};

/* One of c-ares' sockets. */
struct resolver_socket {
    struct watch watch;
    struct resolver *resolver;
    struct list_node node;
};

/* ---- the loop ----------------------------------------------------------------------------- */

/* c-ares tells when it wants to be called at the latest. */
static void arm(struct resolver *resolver)
{
    struct timeval most = {.tv_sec = RESOLVER_MS / 1000}, wait;

    if (ares_timeout(resolver->channel, NULL, &wait) == NULL) {
        timer_clear(resolver->loop, &resolver->timer);
        return;
    }
    (void)ares_timeout(resolver->channel, &most, &wait);
    timer_set(resolver->loop, &resolver->timer,
              loop_now_ms(resolver->loop) + wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1);
}

static void is_time(struct timer *timer)
{
    struct resolver *resolver = list_owner(timer, struct resolver, timer);

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(resolver);
}

static void socket_ready(struct watch *watch, unsigned what)
{
    struct resolver *resolver = list_owner(watch, struct resolver_socket, watch)->resolver;
    int fd = watch->fd;
    bool reads = (what & (LOOP_READ | LOOP_GONE)) != 0, writes = (what & LOOP_WRITE) != 0;

    ares_process_fd(resolver->channel, reads ? fd : ARES_SOCKET_BAD, writes ? fd : ARES_SOCKET_BAD);
    arm(resolver);
}

static struct resolver_socket *find_socket(struct resolver *resolver, int fd)
{
    for (struct list_node *node = resolver->sockets.next; node != &resolver->sockets;
         node = node->next) {
        struct resolver_socket *socket = list_owner(node, struct resolver_socket, node);

        if (socket->watch.fd == fd)
            return socket;
    }
    return NULL;
}

/* c-ares says what it waits for at a socket; for nothing: it is about to close it. */
static void socket_changes(void *context, ares_socket_t fd, int reads, int writes)
{
    struct resolver *resolver = context;
    struct resolver_socket *socket = find_socket(resolver, fd);
    unsigned wanted = (reads ? LOOP_READ : 0U) | (writes ? LOOP_WRITE : 0U);

    if (socket != NULL && wanted != 0) {
        (void)watch_want(resolver->loop, &socket->watch, wanted);
        return;
    }
    if (socket != NULL) {
        watch_stop(resolver->loop, &socket->watch);
        list_leave(&socket->node);
        mem_free(&socket);
        return;
    }
    if (wanted == 0)
        return;
    socket = mem_new(1, sizeof *socket);
    socket->watch = (struct watch){.fd = fd, .wanted = wanted, .ready = socket_ready};
    socket->resolver = resolver;
    list_init(&socket->node);
    if (watch_start(resolver->loop, &socket->watch) != ERR_OK) {
        mem_free(&socket); /* the look-up ends with its time */
        return;
    }
    list_append(&resolver->sockets, &socket->node);
}

/* ---- look-ups ----------------------------------------------------------------------------- */

struct lookup {
    void (*done)(void *context, const struct resolver_answer *answer);
    void *context;
    size_t count;
    struct address addresses[RESOLVER_ADDRESSES_MAX];
};

static int64_t shorter(int64_t ttl_ms, int ttl_s)
{
    int64_t other_ms = (int64_t)ttl_s * 1000;

    return ttl_ms < 0 || other_ms < ttl_ms ? other_ms : ttl_ms;
}

static int64_t take_addresses(struct lookup *lookup, const struct ares_addrinfo *found)
{
    int64_t ttl_ms = -1;

    for (const struct ares_addrinfo_cname *name = found->cnames; name != NULL; name = name->next)
        ttl_ms = shorter(ttl_ms, name->ttl);
    for (const struct ares_addrinfo_node *node = found->nodes;
         node != NULL && lookup->count < RESOLVER_ADDRESSES_MAX; node = node->ai_next) {
        struct address *address = &lookup->addresses[lookup->count];

        if (node->ai_family != AF_INET && node->ai_family != AF_INET6)
            continue;
        memset(address, 0, sizeof *address);
        memcpy(&address->any, node->ai_addr, node->ai_addrlen);
        address->size = node->ai_addrlen;
        ttl_ms = shorter(ttl_ms, node->ai_ttl);
        lookup->count++;
    }
    return ttl_ms < 0 ? 0 : ttl_ms;
}

static void looked_up(void *context, int status, int timeouts, struct ares_addrinfo *found)
{
    struct lookup *lookup = context;
    struct resolver_answer answer = {.err = ERR_PEER_DOWN, .why = ares_strerror(status)};

    (void)timeouts;
    if (status == ARES_SUCCESS)
        answer.ttl_ms = take_addresses(lookup, found);
    if (found != NULL)
        ares_freeaddrinfo(found);
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED)
        answer.err = ERR_STOPPING;
    else if (lookup->count > 0)
        answer.err = ERR_OK;
    else if (status == ARES_SUCCESS)
        answer.why = "the name has no addresses";
    answer.addresses = lookup->addresses;
    answer.count = lookup->count;
    lookup->done(lookup->context, &answer);
    mem_free(&lookup);
}

void resolver_look_up(struct resolver *resolver, const char *host,
                      void (*done)(void *context, const struct resolver_answer *answer),
                      void *context)
{
    const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = mem_new(1, sizeof *lookup);

    lookup->done = done;
    lookup->context = context;
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, looked_up, lookup);
    arm(resolver);
}

/* ---- life --------------------------------------------------------------------------------- */

static enum err set_servers(struct resolver *resolver, const struct text_list *servers,
                            struct fault *fault)
{
    struct buf text;
    enum err err = ERR_OK;

    if (servers->count == 0)
        return ERR_OK;
    buf_init(&text, SERVERS_TEXT_MAX, NULL);
    for (size_t i = 0; i < servers->count; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : ",", servers->items[i]);
    buf_add_byte(&text, '\0');
    if (buf_failed(&text) != ERR_OK ||
        ares_set_servers_ports_csv(resolver->channel, (const char *)text.data) != ARES_SUCCESS)
        err = fault_say(fault, ERR_SYNTAX,
                        "these are no addresses of name servers; write [\"10.0.0.2\"], or "
                        "[\"127.0.0.1:5353\"]");
    buf_fini(&text);
    return err;
}

enum err resolver_new(struct loop *loop, const struct text_list *servers,
                      struct resolver **ret_resolver, struct fault *fault)
{
    struct resolver *resolver = mem_new(1, sizeof *resolver);
    struct ares_options options = {
        .timeout = RESOLVER_MS,
        .tries = RESOLVER_TRIES,
        .sock_state_cb = socket_changes,
        .sock_state_cb_data = resolver,
    };

    resolver->loop = loop;
    list_init(&resolver->sockets);
    timer_init(&resolver->timer, is_time);
    int status = ares_init_options(&resolver->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

    if (status != ARES_SUCCESS) {
        mem_free(&resolver);
        return fault_say(fault, ERR_SYSTEM, "names cannot be looked up: %s", ares_strerror(status));
    }
    enum err err = set_servers(resolver, servers, fault);

    if (err != ERR_OK) {
        resolver_free(&resolver);
        return err;
    }
    *ret_resolver = resolver;
    return ERR_OK;
}

void resolver_free(struct resolver **owner)
{
    struct resolver *resolver = *owner;

    if (resolver == NULL)
        return;
    ares_destroy(resolver->channel);
    must(list_alone(&resolver->sockets));
    timer_clear(resolver->loop, &resolver->timer);
    mem_free(owner);
}
