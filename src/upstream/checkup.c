/* checkup.c: one short request to each server. SPDX-License-Identifier: MIT */
#include "upstream/checkup.h"

#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"
#include "upstream/fleet_parts.h"

enum { HEAD_MAX = 64 * 1024, INTERIM_MAX = 32 };

struct check {
    struct checkup *checkup;
    struct member *member; /* a reference */
    struct conn_settings conns;
    struct conn *conn;
    struct list_node node;
    struct timer timer;
    unsigned interim_count;
    bool is_connected;
    bool is_told;
};

struct checkup {
    struct loop *loop;
    struct fleet *fleet;
    const struct conn_settings *conns;
    struct timer timer; /* for the next round */
    struct list_node checks;
    unsigned lowest, highest; /* status */
    struct buf request;
};

static const struct http_limits limits = {
    .head_max = HEAD_MAX, .target_max = 0, .fields_max = HTTP_FIELDS_MAX};

enum err checkup_read_status(struct bytes text, unsigned *ret_lowest, unsigned *ret_highest)
{
    struct bytes high = text;
    struct bytes low = bytes_cut(&high, '-');
    uint64_t lowest = 0, highest = 0;

    if (low.size == text.size)
        high = low;
    if (number_u64(low, &lowest) != ERR_OK || number_u64(high, &highest) != ERR_OK ||
        lowest < 200 || highest > 599 || lowest > highest)
        return ERR_SYNTAX;
    *ret_lowest = (unsigned)lowest;
    *ret_highest = (unsigned)highest;
    return ERR_OK;
}

/* ---- one check ---------------------------------------------------------------------------- */

static void tell(struct check *check, enum err err, unsigned status)
{
    struct checkup *checkup = check->checkup;

    if (check->is_told)
        return;
    check->is_told = true;
    timer_clear(checkup->loop, &check->timer);
    fleet_note_check(checkup->fleet, check->member, err, status, loop_now_ms(checkup->loop));
    conn_abort(check->conn);
}

static void connected(struct conn *conn, void *owner)
{
    struct check *check = owner;

    check->is_connected = true;
    conn_send(conn, buf_bytes(&check->checkup->request));
}

static void received(struct conn *conn, void *owner)
{
    struct check *check = owner;
    const struct checkup *checkup = check->checkup;
    struct http_complaint complaint;
    struct http_head head;
    enum err err = ERR_OK;
    size_t size = 0;

    do {
        err = http_parse_response(conn_input(conn), &limits, false, &head, &size, &complaint);
        if (err == ERR_OK)
            conn_consume(conn, size);
    } while (err == ERR_OK && head.status < 200 && head.status != 101 &&
             ++check->interim_count < INTERIM_MAX);
    if (err == ERR_AGAIN)
        return;
    if (err != ERR_OK || head.status < 200)
        tell(check, ERR_PEER_BROKEN, 0);
    else if (head.status < checkup->lowest || head.status > checkup->highest)
        tell(check, ERR_PEER_BROKEN, head.status);
    else
        tell(check, ERR_OK, head.status);
}

static void closed(struct conn *conn, void *owner, enum err why)
{
    struct check *check = owner;

    if (!check->is_connected)
        tell(check, conn_why(conn) == NULL ? ERR_PEER_DOWN : why, 0);
    else
        tell(check, ERR_PEER_GONE, 0);
    list_leave(&check->node);
    member_drop(check->member);
    mem_free(&check);
}

static void late(struct timer *timer)
{
    tell(list_owner(timer, struct check, timer), ERR_PEER_SLOW, 0);
}

static const struct conn_events events = {
    .connected = connected, .received = received, .closed = closed};

static bool is_being_asked(const struct checkup *checkup, const struct member *member)
{
    for (const struct list_node *node = checkup->checks.next; node != &checkup->checks;
         node = node->next) {
        if (list_owner(node, const struct check, node)->member == member)
            return true;
    }
    return false;
}

static void start(struct checkup *checkup, struct member *member)
{
    struct check *check = mem_new(1, sizeof *check);

    check->checkup = checkup;
    check->member = member_hold(member);
    check->conns = *checkup->conns;
    check->conns.tls = checkup->fleet->lines[member->line].tls;
    timer_init(&check->timer, late);
    if (conn_connect(checkup->loop, &member->address, &check->conns, &events, check,
                     &check->conn) != ERR_OK) {
        member_drop(member); /* the machine is short of something: it says nothing of the server */
        mem_free(&check);
        return;
    }
    list_append(&checkup->checks, &check->node);
    timer_set(checkup->loop, &check->timer,
              loop_now_ms(checkup->loop) + checkup->fleet->settings->health_ms);
}

/* ---- rounds ------------------------------------------------------------------------------- */

static void next_round(struct timer *timer)
{
    struct checkup *checkup = list_owner(timer, struct checkup, timer);
    struct roster *roster = fleet_roster(checkup->fleet);

    for (size_t i = 0; i < roster->count; i++) {
        if (!is_being_asked(checkup, roster->members[i]))
            start(checkup, roster->members[i]);
    }
    roster_drop(roster);
    timer_set(checkup->loop, timer,
              loop_now_ms(checkup->loop) + checkup->fleet->settings->health_every_ms);
}

struct checkup *checkup_new(struct loop *loop, struct fleet *fleet,
                            const struct conn_settings *conns)
{
    const struct origin_settings *settings = fleet->settings;
    struct checkup *checkup = mem_new(1, sizeof *checkup);

    checkup->loop = loop;
    checkup->fleet = fleet;
    checkup->conns = conns;
    list_init(&checkup->checks);
    timer_init(&checkup->timer, next_round);
    buf_init(&checkup->request, HEAD_MAX, NULL);
    must(checkup_read_status(bytes_of_text(settings->health_status), &checkup->lowest,
                             &checkup->highest) == ERR_OK);
    buf_printf(&checkup->request,
               "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: larder\r\nConnection: close\r\n\r\n",
               settings->health_get, settings->host != NULL ? settings->host : fleet->host);
    timer_set(loop, &checkup->timer, loop_now_ms(loop));
    return checkup;
}

void checkup_stop(struct checkup *checkup)
{
    timer_clear(checkup->loop, &checkup->timer);
    for (struct list_node *node = checkup->checks.next; node != &checkup->checks;
         node = node->next) {
        struct check *check = list_owner(node, struct check, node);

        check->is_told = true;
        timer_clear(checkup->loop, &check->timer);
        conn_abort(check->conn);
    }
}

void checkup_free(struct checkup **owner)
{
    struct checkup *checkup = *owner;

    if (checkup == NULL)
        return;
    must(list_alone(&checkup->checks));
    buf_fini(&checkup->request);
    mem_free(owner);
}
