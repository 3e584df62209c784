/* admin_talk.c: requests to the admin door and their answers. SPDX-License-Identifier: MIT */
#include "server/admin/admin_client.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/network.h"
#include "server/admin/admin_places.h"

static const struct http_limits limits = {
    .head_max = ADMIN_HEAD_MAX, .target_max = 4096, .fields_max = 64};

/* ---- answering ------------------------------------------------------------------------------ */

static const char *phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *text;
    } rows[] = {
        {200, "OK"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].status == status)
            return rows[i].text;
    }
    return "Unknown";
}

/* Sends what stands in the door's answer buffer. `more` is a header line of its own, or "". */
void admin_send_answer(struct admin_client *client, unsigned status, const char *type,
                       const char *more)
{
    struct admin *admin = client->admin;
    struct bytes body = buf_bytes(&admin->answer);
    struct buf head;

    if (buf_failed(&admin->answer) != ERR_OK) {
        status = 500;
        type = "application/json";
        body = BYTES("{\"error\": \"the answer is larger than the admin door can send\"}\n");
    }
    buf_init(&head, 1024, NULL);
    buf_printf(&head,
               "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n",
               status, phrase(status), type, body.size, more,
               client->keep_alive ? "" : "Connection: close\r\n");
    conn_send(client->conn, buf_bytes(&head));
    buf_fini(&head);
    if (!client->is_head)
        conn_send(client->conn, body);
    buf_clear(&admin->answer);
    counter_add(&admin->metrics.requests, 1);
    client->state = CLIENT_HEAD;
    if (!client->keep_alive) {
        client->state = CLIENT_LEAVING;
        timer_clear(admin->loop, &client->timer);
        conn_close(client->conn);
    }
}

void admin_send_json(struct admin_client *client, unsigned status, struct bytes json)
{
    buf_clear(&client->admin->answer);
    buf_add(&client->admin->answer, json);
    buf_add_text(&client->admin->answer, "\n");
    admin_send_answer(client, status, "application/json", "");
}

void admin_send_error(struct admin_client *client, unsigned status, const char *more,
                      const char *text)
{
    struct buf *out = &client->admin->answer;

    buf_clear(out);
    buf_add_text(out, "{\"error\": \"");
    buf_add_json(out, bytes_of_text(text));
    buf_add_text(out, "\"}\n");
    admin_send_answer(client, status, "application/json", more);
}

/* The same, and the connection ends: what follows on it is not to be trusted or wanted. */
static void refuse(struct admin_client *client, unsigned status, const char *more, const char *text)
{
    client->keep_alive = false;
    admin_send_error(client, status, more, text);
}

/* ---- who may ask ---------------------------------------------------------------------------- */

static bool has_token(const struct admin *admin, const struct http_head *head)
{
    const struct http_field *field = http_find(head, HTTP_AUTHORIZATION);

    if (admin->token == NULL)
        return true;
    if (field == NULL || http_find_next(head, HTTP_AUTHORIZATION, field) != NULL)
        return false;
    struct bytes value = field->value;

    if (!bytes_equal_nocase(bytes_slice(value, 0, 7), BYTES("Bearer ")))
        return false;
    return bytes_equal_secret(bytes_trim(bytes_skip(value, 7)),
                              bytes_of(admin->token, admin->token_size));
}

/* Any other name may be made to mean this machine by whoever it belongs to. */
static bool is_nearby(struct bytes host)
{
    struct bytes name = bytes_slice(host, 0, bytes_find(host, ':'));
    struct address address;

    return network_read_address(host, &address) || bytes_equal_nocase(name, BYTES("localhost"));
}

/* A browser says for which page it sends a request. Without a token that page has to come from an
 * address: one that comes from its own name, and lets that name mean this door's address, would be
 * no other site's. */
static bool is_foreign(const struct admin *admin, const struct http_head *head)
{
    const struct http_field *field = http_find(head, HTTP_ORIGIN);

    if (field == NULL)
        return false;
    struct bytes from = field->value;

    if (!bytes_begin_with(from, BYTES("http://")))
        return true;
    from = bytes_skip(from, strlen("http://"));
    return !bytes_equal_nocase(from, head->host) || (admin->token == NULL && !is_nearby(from));
}

/* "there is /metrics, /healthz, ... and /v1/purge" */
static void refuse_unknown(struct admin_client *client)
{
    struct buf text;

    buf_init(&text, 4096, NULL);
    admin_places_list(&text);
    buf_add_byte(&text, '\0');
    refuse(client, 404, "", (const char *)text.data);
    buf_fini(&text);
}

static void deny(struct admin_client *client, unsigned status, const char *more, const char *text)
{
    counter_add(&client->admin->metrics.denied, 1);
    refuse(client, status, more, text);
}

/* Looks at a whole head: refuses, or goes on to the body. */
static void take_head(struct admin_client *client, const struct http_head *head)
{
    const struct place *place = admin_place_find(head->path);
    bool is_get = head->method_id == HTTP_METHOD_GET || head->method_id == HTTP_METHOD_HEAD;

    client->place = place;
    client->is_head = head->method_id == HTTP_METHOD_HEAD;
    client->keep_alive = head->keep_alive;
    if (place == NULL)
        return refuse_unknown(client);
    if (place->is_post ? head->method_id != HTTP_METHOD_POST : !is_get)
        return refuse(client, 405, place->is_post ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n",
                      place->is_post ? "this is done with POST" : "this is read with GET");
    if (is_foreign(client->admin, head))
        return deny(client, 403, "", "requests of other sites' web pages are refused");
    if (place->needs_token && !has_token(client->admin, head))
        return deny(client, 401, "WWW-Authenticate: Bearer\r\n",
                    "the token is missing or wrong: send Authorization: Bearer TOKEN");
    if (head->has_content_length && head->content_length > ADMIN_BODY_MAX)
        return refuse(client, 413, "", "the body is larger than 128 KiB");
    if (head->expects_continue)
        conn_send(client->conn, BYTES("HTTP/1.1 100 Continue\r\n\r\n"));
    http_body_init(&client->body, head);
    buf_clear(&client->input);
    client->state = CLIENT_BODY;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void complain(struct admin_client *client, unsigned status, const char *text)
{
    counter_add(&client->admin->metrics.malformed, 1);
    client->is_head = false;
    refuse(client, status, "", text);
}

/* False: more has to arrive. */
static bool read_head(struct admin_client *client)
{
    struct http_complaint complaint = {.status = 0};
    struct http_head head;
    size_t size = 0;
    enum err err = http_parse_request(conn_input(client->conn), &limits, &head, &size, &complaint);

    if (err == ERR_AGAIN)
        return false;
    if (err != ERR_OK) {
        complain(client, complaint.status, complaint.text);
        return true;
    }
    take_head(client, &head);
    if (client->state == CLIENT_BODY)
        conn_consume(client->conn, size);
    return true;
}

static bool read_body(struct admin_client *client)
{
    bool is_done = client->body.framing == HTTP_NO_BODY;

    while (!is_done) {
        struct bytes piece = {NULL, 0};
        size_t size = 0;
        enum err err =
            http_body_next(&client->body, conn_input(client->conn), &size, &piece, &is_done);

        if (err == ERR_OK || err == ERR_AGAIN) {
            if (client->input.size + piece.size > ADMIN_BODY_MAX) {
                complain(client, 413, "the body is larger than 128 KiB");
                return true;
            }
            buf_add(&client->input, piece);
            conn_consume(client->conn, size);
        }
        if (err == ERR_AGAIN)
            return false;
        if (err != ERR_OK) {
            complain(client, 400, "the body breaks the chunked coding");
            return true;
        }
    }
    if (buf_failed(&client->input) != ERR_OK)
        complain(client, 503, "there is no memory for the body");
    else
        client->place->answer(client);
    return true;
}

/* The time of a request runs from its first byte, however slowly the others come. */
static void set_timer(struct admin_client *client)
{
    struct loop *loop = client->admin->loop;

    client->has_begun = client->state == CLIENT_BODY || conn_input(client->conn).size > 0;
    timer_set(loop, &client->timer,
              loop_now_ms(loop) + (client->has_begun ? ADMIN_REQUEST_MS : ADMIN_IDLE_MS));
}

static void read_on(struct admin_client *client)
{
    bool goes_on = true;
    bool was_answered = false;

    while (goes_on && !conn_is_congested(client->conn)) {
        if (client->state == CLIENT_BODY)
            goes_on = read_body(client);
        else if (client->state == CLIENT_HEAD)
            goes_on = read_head(client);
        else
            return;
        was_answered |= client->state == CLIENT_HEAD && goes_on;
    }
    if (was_answered || !client->has_begun || !timer_is_set(&client->timer))
        set_timer(client);
}

static void received(struct conn *conn, void *owner)
{
    (void)conn;
    read_on(owner);
}

static void late(struct timer *timer)
{
    struct admin_client *client = list_owner(timer, struct admin_client, timer);

    if (conn_is_congested(client->conn)) {
        conn_abort(client->conn);
        return;
    }
    if (client->state == CLIENT_BODY || conn_input(client->conn).size > 0) {
        counter_add(&client->admin->metrics.late, 1);
        refuse(client, 408, "", "the request took too long to arrive");
        return;
    }
    client->state = CLIENT_LEAVING;
    conn_close(client->conn);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct admin_client *client = owner;
    struct admin *admin = client->admin;

    (void)conn;
    (void)why;
    timer_clear(admin->loop, &client->timer);
    list_leave(&client->node);
    buf_fini(&client->input);
    counter_sub(&admin->metrics.connections, 1);
    listener_limit_leave(&admin->limit);
    mem_free(&client);
}

static const struct conn_events events = {
    .received = received, .drained = received, .closed = closed};

void admin_client_start(struct admin *admin, int fd)
{
    struct admin_client *client = mem_new(1, sizeof *client);

    client->admin = admin;
    client->keep_alive = true;
    buf_init(&client->input, ADMIN_BODY_MAX, admin->conns.account);
    timer_init(&client->timer, late);
    if (conn_accept(admin->loop, fd, &admin->conns, &events, client, &client->conn) != ERR_OK) {
        listener_limit_leave(&admin->limit);
        buf_fini(&client->input);
        mem_free(&client);
        return;
    }
    list_append(&admin->clients, &client->node);
    counter_add(&admin->metrics.connections, 1);
    timer_set(admin->loop, &client->timer, loop_now_ms(admin->loop) + ADMIN_IDLE_MS);
}

void admin_client_cut(struct list_node *node)
{
    conn_abort(list_owner(node, struct admin_client, node)->conn);
}

/* Who waited for something gets its answer and goes on. */
static void answer_waiting(struct admin_client *client, unsigned status, struct bytes json)
{
    conn_resume(client->conn);
    admin_send_json(client, status, json);
    if (client->state == CLIENT_HEAD)
        set_timer(client);
}

void admin_clients_probed(struct admin *admin, bool is_ready, struct bytes json)
{
    struct list_node *node = admin->clients.next;

    admin->probing = false;
    while (node != &admin->clients) {
        struct admin_client *client = list_owner(node, struct admin_client, node);

        node = node->next;
        if (client->state == CLIENT_PROBING)
            answer_waiting(client, is_ready ? 200 : 503, json);
    }
}

bool admin_clients_wait(const struct admin *admin)
{
    const struct list_node *node = admin->clients.next;
    bool is_waiting = false;

    for (; node != &admin->clients; node = node->next) {
        enum client_state state = list_owner(node, struct admin_client, node)->state;

        is_waiting |= state == CLIENT_PROBING || state == CLIENT_ORDERED;
    }
    return is_waiting;
}

void admin_clients_ordered(struct admin *admin, enum admin_order order, unsigned status,
                           struct bytes json)
{
    struct list_node *node = admin->clients.next;

    while (node != &admin->clients) {
        struct admin_client *client = list_owner(node, struct admin_client, node);

        node = node->next;
        if (client->state == CLIENT_ORDERED && client->order == order)
            answer_waiting(client, status, json);
    }
}
