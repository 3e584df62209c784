/* visit.c: requests to the admin door and their answers. SPDX-License-Identifier: MIT */
#include "server/admin/visit.h"

#include "base/mem.h"
#include "base/must.h"
#include "proto/body.h"

enum visit_state { VISIT_HEAD, VISIT_BODY, VISIT_PROBING, VISIT_LEAVING };

struct visit;

/* A resource: where it is, how it may be asked for, what answers. */
struct place {
    struct bytes path;
    bool is_post;
    bool needs_token;
    void (*answer)(struct visit *visit);
};

struct visit {
    struct list_node node;
    struct admin *admin;
    struct conn *conn;
    struct timer timer;
    enum visit_state state;
    const struct place *place; /* of the request that is being read */
    bool is_head;
    bool keep_alive;
    bool has_begun; /* a request has begun to arrive */
    struct http_body body;
    struct buf input; /* the body so far */
};

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
static void send_answer(struct visit *visit, unsigned status, const char *type, const char *more)
{
    struct admin *admin = visit->admin;
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
               visit->keep_alive ? "" : "Connection: close\r\n");
    conn_send(visit->conn, buf_bytes(&head));
    buf_fini(&head);
    if (!visit->is_head)
        conn_send(visit->conn, body);
    buf_clear(&admin->answer);
    counter_add(&admin->metrics.requests, 1);
    visit->state = VISIT_HEAD;
    if (!visit->keep_alive) {
        visit->state = VISIT_LEAVING;
        timer_clear(admin->loop, &visit->timer);
        conn_close(visit->conn);
    }
}

static void send_json(struct visit *visit, unsigned status, struct bytes json)
{
    buf_clear(&visit->admin->answer);
    buf_add(&visit->admin->answer, json);
    buf_add_text(&visit->admin->answer, "\n");
    send_answer(visit, status, "application/json", "");
}

static void send_error(struct visit *visit, unsigned status, const char *more, const char *text)
{
    struct buf *out = &visit->admin->answer;

    buf_clear(out);
    buf_add_text(out, "{\"error\": \"");
    buf_add_json(out, bytes_of_text(text));
    buf_add_text(out, "\"}\n");
    send_answer(visit, status, "application/json", more);
}

/* The same, and the connection ends: what follows on it is not to be trusted or wanted. */
static void refuse(struct visit *visit, unsigned status, const char *more, const char *text)
{
    visit->keep_alive = false;
    send_error(visit, status, more, text);
}

/* ---- places --------------------------------------------------------------------------------- */

static void answer_metrics(struct visit *visit)
{
    struct admin *admin = visit->admin;

    buf_clear(&admin->answer);
    admin->ops.expose(admin->ops.context, &admin->answer);
    send_answer(visit, 200, "text/plain; version=0.0.4; charset=utf-8", "");
}

static void answer_health(struct visit *visit)
{
    send_json(visit, 200, BYTES("{\"alive\": true}"));
}

static void answer_ready(struct visit *visit)
{
    struct admin *admin = visit->admin;

    visit->state = VISIT_PROBING;
    timer_clear(admin->loop, &visit->timer);
    conn_pause(visit->conn);
    if (admin->probing)
        return;
    admin->probing = true;
    admin->ops.probe(admin->ops.context);
}

static void answer_stats(struct visit *visit)
{
    struct admin *admin = visit->admin;

    buf_clear(&admin->answer);
    admin->ops.stats(admin->ops.context, &admin->answer);
    buf_add_text(&admin->answer, "\n");
    send_answer(visit, 200, "application/json", "");
}

static void write_purged(struct buf *out, const struct admin_purge *purge, size_t count)
{
    buf_printf(out, "{\"by\": \"%s\"", admin_purge_name(purge->by));
    if (purge->by != ADMIN_PURGE_ALL) {
        buf_printf(out, ", \"%s\": \"", admin_purge_name(purge->by));
        buf_add_json(out, purge->text);
        buf_add_text(out, "\"");
    }
    if (purge->by == ADMIN_PURGE_KEY)
        buf_printf(out, ", \"db\": %u", purge->database);
    buf_printf(out, ", \"soft\": %s, \"dry_run\": %s", purge->soft ? "true" : "false",
               purge->dry_run ? "true" : "false");
    if (purge->dry_run || purge->by == ADMIN_PURGE_KEY)
        buf_printf(out, ", \"count\": %zu", count);
    buf_add_text(out, "}\n");
}

static unsigned status_of(enum err err)
{
    switch (err_class(err)) {
    case ERR_CLASS_CALLER:
    case ERR_CLASS_STATE:
        return 400;
    case ERR_CLASS_LIMIT:
    case ERR_CLASS_PEER:
        return 503;
    case ERR_CLASS_NONE:
    case ERR_CLASS_DISK:
        break;
    }
    return 500;
}

static void answer_purge(struct visit *visit)
{
    struct admin *admin = visit->admin;
    struct fault fault = {.line = 0};
    struct admin_purge purge;
    struct arena arena;
    size_t count = 0;

    arena_init(&arena, (size_t)2 * ADMIN_BODY_MAX);
    enum err err = admin_purge_read(buf_bytes(&visit->input), &arena, &purge, &fault);

    if (err == ERR_OK) {
        err = admin->ops.purge(admin->ops.context, &purge, &count, &fault);
        if (err != ERR_OK && fault.text[0] == '\0')
            (void)fault_say(&fault, err, "%s", err_text(err));
    }
    if (err == ERR_OK) {
        buf_clear(&admin->answer);
        write_purged(&admin->answer, &purge, count);
        send_answer(visit, 200, "application/json", "");
    } else {
        send_error(visit, status_of(err), "", fault.text);
    }
    arena_fini(&arena);
}

static const struct place places[] = {
    {BYTES_INIT("/metrics"), false, false, answer_metrics},
    {BYTES_INIT("/healthz"), false, false, answer_health},
    {BYTES_INIT("/readyz"), false, false, answer_ready},
    {BYTES_INIT("/v1/stats"), false, true, answer_stats},
    {BYTES_INIT("/v1/purge"), true, true, answer_purge},
};

enum { PLACES = sizeof places / sizeof places[0] };

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

/* A browser says for which page it sends a request. */
static bool is_foreign(const struct http_head *head)
{
    const struct http_field *field = http_find(head, HTTP_ORIGIN);

    if (field == NULL)
        return false;
    struct bytes from = field->value;

    if (!bytes_begin_with(from, BYTES("http://")))
        return true;
    return !bytes_equal_nocase(bytes_skip(from, strlen("http://")), head->host);
}

static const struct place *find_place(struct bytes target)
{
    struct bytes path = bytes_cut(&target, '?');

    for (size_t i = 0; i < PLACES; i++) {
        if (bytes_equal(places[i].path, path))
            return &places[i];
    }
    return NULL;
}

static void deny(struct visit *visit, unsigned status, const char *more, const char *text)
{
    counter_add(&visit->admin->metrics.denied, 1);
    refuse(visit, status, more, text);
}

/* Looks at a whole head: refuses, or goes on to the body. */
static void take_head(struct visit *visit, const struct http_head *head)
{
    const struct place *place = find_place(head->path);
    bool is_get = head->method_id == HTTP_METHOD_GET || head->method_id == HTTP_METHOD_HEAD;

    visit->place = place;
    visit->is_head = head->method_id == HTTP_METHOD_HEAD;
    visit->keep_alive = head->keep_alive;
    if (place == NULL)
        return refuse(visit, 404, "",
                      "there is /metrics, /healthz, /readyz, /v1/stats and /v1/purge");
    if (place->is_post ? head->method_id != HTTP_METHOD_POST : !is_get)
        return refuse(visit, 405, place->is_post ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n",
                      place->is_post ? "this is done with POST" : "this is read with GET");
    if (is_foreign(head))
        return deny(visit, 403, "", "requests of other sites' web pages are refused");
    if (place->needs_token && !has_token(visit->admin, head))
        return deny(visit, 401, "WWW-Authenticate: Bearer\r\n",
                    "the token is missing or wrong: send Authorization: Bearer TOKEN");
    if (head->has_content_length && head->content_length > ADMIN_BODY_MAX)
        return refuse(visit, 413, "", "the body is larger than 128 KiB");
    if (head->expects_continue)
        conn_send(visit->conn, BYTES("HTTP/1.1 100 Continue\r\n\r\n"));
    http_body_init(&visit->body, head);
    buf_clear(&visit->input);
    visit->state = VISIT_BODY;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void complain(struct visit *visit, unsigned status, const char *text)
{
    counter_add(&visit->admin->metrics.malformed, 1);
    visit->is_head = false;
    refuse(visit, status, "", text);
}

/* False: more has to arrive. */
static bool read_head(struct visit *visit)
{
    struct http_complaint complaint = {.status = 0};
    struct http_head head;
    size_t size = 0;
    enum err err = http_parse_request(conn_input(visit->conn), &limits, &head, &size, &complaint);

    if (err == ERR_AGAIN)
        return false;
    if (err != ERR_OK) {
        complain(visit, complaint.status, complaint.text);
        return true;
    }
    take_head(visit, &head);
    if (visit->state == VISIT_BODY)
        conn_consume(visit->conn, size);
    return true;
}

static bool read_body(struct visit *visit)
{
    bool is_done = visit->body.framing == HTTP_NO_BODY;

    while (!is_done) {
        struct bytes piece = {NULL, 0};
        size_t size = 0;
        enum err err =
            http_body_next(&visit->body, conn_input(visit->conn), &size, &piece, &is_done);

        if (err == ERR_OK || err == ERR_AGAIN) {
            if (visit->input.size + piece.size > ADMIN_BODY_MAX) {
                complain(visit, 413, "the body is larger than 128 KiB");
                return true;
            }
            buf_add(&visit->input, piece);
            conn_consume(visit->conn, size);
        }
        if (err == ERR_AGAIN)
            return false;
        if (err != ERR_OK) {
            complain(visit, 400, "the body breaks the chunked coding");
            return true;
        }
    }
    if (buf_failed(&visit->input) != ERR_OK)
        complain(visit, 503, "there is no memory for the body");
    else
        visit->place->answer(visit);
    return true;
}

/* The time of a request runs from its first byte, however slowly the others come. */
static void set_timer(struct visit *visit)
{
    struct loop *loop = visit->admin->loop;

    visit->has_begun = visit->state == VISIT_BODY || conn_input(visit->conn).size > 0;
    timer_set(loop, &visit->timer,
              loop_now_ms(loop) + (visit->has_begun ? ADMIN_REQUEST_MS : ADMIN_IDLE_MS));
}

static void read_on(struct visit *visit)
{
    bool goes_on = true;
    bool was_answered = false;

    while (goes_on && !conn_is_congested(visit->conn)) {
        if (visit->state == VISIT_BODY)
            goes_on = read_body(visit);
        else if (visit->state == VISIT_HEAD)
            goes_on = read_head(visit);
        else
            return;
        was_answered |= visit->state == VISIT_HEAD && goes_on;
    }
    if (was_answered || !visit->has_begun || !timer_is_set(&visit->timer))
        set_timer(visit);
}

static void received(struct conn *conn, void *owner)
{
    (void)conn;
    read_on(owner);
}

static void late(struct timer *timer)
{
    struct visit *visit = list_owner(timer, struct visit, timer);

    if (conn_is_congested(visit->conn)) {
        conn_abort(visit->conn);
        return;
    }
    if (visit->state == VISIT_BODY || conn_input(visit->conn).size > 0) {
        counter_add(&visit->admin->metrics.late, 1);
        refuse(visit, 408, "", "the request took too long to arrive");
        return;
    }
    visit->state = VISIT_LEAVING;
    conn_close(visit->conn);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct visit *visit = owner;
    struct admin *admin = visit->admin;

    (void)conn;
    (void)why;
    timer_clear(admin->loop, &visit->timer);
    list_leave(&visit->node);
    buf_fini(&visit->input);
    counter_sub(&admin->metrics.connections, 1);
    listener_limit_leave(&admin->limit);
    mem_free(&visit);
}

static const struct conn_events events = {
    .received = received, .drained = received, .closed = closed};

void visit_start(struct admin *admin, int fd)
{
    struct visit *visit = mem_new(1, sizeof *visit);

    visit->admin = admin;
    visit->keep_alive = true;
    buf_init(&visit->input, ADMIN_BODY_MAX, admin->conns.account);
    timer_init(&visit->timer, late);
    if (conn_accept(admin->loop, fd, &admin->conns, &events, visit, &visit->conn) != ERR_OK) {
        listener_limit_leave(&admin->limit);
        buf_fini(&visit->input);
        mem_free(&visit);
        return;
    }
    list_append(&admin->visits, &visit->node);
    counter_add(&admin->metrics.connections, 1);
    timer_set(admin->loop, &visit->timer, loop_now_ms(admin->loop) + ADMIN_IDLE_MS);
}

void visit_cut(struct list_node *node)
{
    conn_abort(list_owner(node, struct visit, node)->conn);
}

void visits_probed(struct admin *admin, bool is_ready, struct bytes json)
{
    struct list_node *node = admin->visits.next;

    admin->probing = false;
    while (node != &admin->visits) {
        struct visit *visit = list_owner(node, struct visit, node);

        node = node->next;
        if (visit->state != VISIT_PROBING)
            continue;
        conn_resume(visit->conn);
        send_json(visit, is_ready ? 200 : 503, json);
        if (visit->state == VISIT_HEAD)
            set_timer(visit);
    }
}
