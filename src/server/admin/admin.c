/* admin.c: the door's birth and end. SPDX-License-Identifier: MIT */
#include "server/admin/admin.h"

#include "base/mem.h"
#include "base/must.h"
#include "server/admin/admin_client.h"

static void accepted(void *owner, int fd, const struct address *peer)
{
    (void)peer;
    admin_client_start(owner, fd);
}

static struct bytes refused(void *owner)
{
    (void)owner;
    return BYTES("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
                 "Connection: close\r\n\r\n");
}

static const struct listener_events events = {.accepted = accepted, .refused = refused};

enum err admin_new(const struct admin_birth *birth, struct admin **ret_admin, struct fault *fault)
{
    struct admin *admin = mem_new(1, sizeof *admin);

    admin->loop = birth->loop;
    admin->log = birth->log;
    admin->ops = birth->ops;
    admin->limit.connections_max = ADMIN_CONNECTIONS_MAX;
    admin->conns = (struct conn_settings){
        .input_max = ADMIN_HEAD_MAX + ADMIN_BODY_MAX,
        .output_high = 256 << 10,
        .output_low = 64 << 10,
        .output_max = (size_t)2 * ADMIN_ANSWER_MAX,
        .account = birth->account,
    };
    list_init(&admin->clients);
    buf_init(&admin->answer, ADMIN_ANSWER_MAX, birth->account);
    admin_set_token(admin, birth->token);
    struct listener_birth door = {.address = birth->address,
                                  .handed = birth->handed,
                                  .limit = &admin->limit,
                                  .events = &events,
                                  .owner = admin};
    enum err err = listener_new(birth->loop, &door, &admin->listener, fault);

    if (err != ERR_OK) {
        admin_free(&admin);
        return err;
    }
    *ret_admin = admin;
    return ERR_OK;
}

void admin_set_token(struct admin *admin, struct bytes token)
{
    mem_free(&admin->token);
    admin->token_size = token.size;
    if (token.size > 0)
        admin->token = mem_copy(token.data, token.size);
}

int admin_fd(const struct admin *admin)
{
    return admin->listener == NULL ? -1 : listener_fd(admin->listener);
}

void admin_hand_over(struct admin *admin)
{
    atomic_store(&admin->limit.is_handed_over, true);
}

void admin_close(struct admin *admin)
{
    if (admin->listener != NULL)
        listener_free(&admin->listener);
}

bool admin_is_busy(const struct admin *admin)
{
    return admin_clients_wait(admin);
}

void admin_stop(struct admin *admin)
{
    admin_close(admin);
    for (struct list_node *node = admin->clients.next; node != &admin->clients; node = node->next)
        admin_client_cut(node);
}

void admin_free(struct admin **owner)
{
    struct admin *admin = *owner;

    if (admin == NULL)
        return;
    must(admin->listener == NULL);
    must(list_alone(&admin->clients));
    buf_fini(&admin->answer);
    mem_free(&admin->token);
    mem_free(owner);
}

const struct address *admin_address(const struct admin *admin)
{
    return listener_address(admin->listener);
}

const struct admin_metrics *admin_metrics(const struct admin *admin)
{
    return &admin->metrics;
}

uint64_t admin_refused(const struct admin *admin)
{
    return counter_read(&admin->limit.refused);
}

void admin_ordered(struct admin *admin, enum admin_order order, unsigned status, struct bytes json)
{
    admin_clients_ordered(admin, order, status, json);
}

void admin_probed(struct admin *admin, bool is_ready, struct bytes json)
{
    admin_clients_probed(admin, is_ready, json);
}
