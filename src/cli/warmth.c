/* warmth.c: an origin client whose origin is the gateway. SPDX-License-Identifier: MIT */
#include "cli/warmth.h"

#include "base/mem.h"
#include "cli/config.h"
#include "proto/url.h"
#include "upstream/fleet.h"

#include <stdio.h>
#include <unistd.h>

enum { TELL_MS = 200, TICK_MS = 5, FIELDS = WARMTH_HEADERS_MAX + 2 };

struct warmth {
    const struct warmth_plan *plan;
    const struct errands *errands;
    struct loop *loop;
    struct config config; /* for the origin's defaults */
    struct log log;
    struct account account;
    struct fleet *fleet;
    struct origin *origin;
    struct warmth_counts counts;
    struct buf *out; /* of warmth_fetch; else NULL */
    size_t next;
    size_t pending;
    int64_t started_ms, told_ms;
};

/* One request under way. */
struct going {
    struct warmth *warmth;
    unsigned status;
    bool is_hit, is_stored;
    char detail[64];
};

/* ---- what came ------------------------------------------------------------------------------- */

static void count_reason(struct warmth_counts *counts, const char *text)
{
    size_t i = 0;

    while (i < counts->reason_count && strcmp(counts->reasons[i].text, text) != 0)
        i++;
    if (i == WARMTH_REASONS_MAX)
        i--;
    if (i == counts->reason_count) {
        (void)snprintf(counts->reasons[i].text, sizeof counts->reasons[i].text, "%s", text);
        counts->reason_count++;
    }
    counts->reasons[i].count++;
}

/* The last member of Cache-Status is the gateway's own. */
static void read_cache_status(struct going *going, struct bytes value)
{
    struct bytes rest = value;

    for (struct bytes member = bytes_cut(&rest, ','); member.size > 0;
         member = bytes_cut(&rest, ','))
        value = member;
    rest = value;
    for (struct bytes part = bytes_cut(&rest, ';'); rest.size > 0 || part.size > 0;
         part = bytes_cut(&rest, ';')) {
        struct bytes word = bytes_trim(part);

        going->is_hit |= bytes_equal(word, BYTES("hit"));
        going->is_stored |= bytes_equal(word, BYTES("stored"));
        if (bytes_begin_with(word, BYTES("detail=")))
            (void)snprintf(going->detail, sizeof going->detail, "%.*s",
                           BYTES_ARG(bytes_skip(word, 7)));
    }
}

static void on_head(struct exchange *exchange, void *owner, const struct http_head *head)
{
    struct going *going = owner;
    const struct http_field *field = NULL;

    (void)exchange;
    going->status = head->status;
    for (const struct http_field *at = http_find_text(head, BYTES("Cache-Status"), NULL);
         at != NULL; at = http_find_text(head, BYTES("Cache-Status"), at))
        field = at;
    if (field != NULL)
        read_cache_status(going, field->value);
}

static void on_body(struct exchange *exchange, void *owner, struct bytes piece)
{
    struct going *going = owner;

    (void)exchange;
    going->warmth->counts.bytes += piece.size;
    if (going->warmth->out != NULL)
        buf_add(going->warmth->out, piece);
}

static void conclude(const struct going *going, enum err err)
{
    struct warmth_counts *counts = &going->warmth->counts;
    char text[64];

    counts->done++;
    if (err != ERR_OK || going->status >= 400) {
        counts->failed++;
        (void)snprintf(text, sizeof text, "status %u", going->status);
        count_reason(counts, err != ERR_OK ? err_text(err) : text);
    } else if (going->is_hit) {
        counts->hits++;
    } else if (going->is_stored) {
        counts->stored++;
    } else {
        counts->passed++;
        count_reason(counts, going->detail[0] == '\0' ? "no reason was told" : going->detail);
    }
}

static void on_done(struct exchange *exchange, void *owner, enum err err)
{
    struct going *going = owner;
    struct warmth *warmth = going->warmth;

    (void)exchange;
    conclude(going, err);
    mem_free(&going);
    warmth->pending--;
}

static const struct exchange_events events = {.head = on_head, .body = on_body, .done = on_done};

/* ---- asking ---------------------------------------------------------------------------------- */

static enum err ask(struct warmth *warmth, const char *url)
{
    struct http_field fields[FIELDS];
    struct url_parts parts;
    struct exchange *exchange = NULL;
    size_t count = 0;
    enum err err = url_split(bytes_of_text(url), &parts);

    if (err != ERR_OK)
        return err;
    fields[count++] =
        (struct http_field){.name = BYTES("Host"), .value = parts.host, .id = HTTP_HOST};
    for (size_t i = 0; i < warmth->plan->header_count; i++)
        fields[count++] = warmth->plan->headers[i];
    struct going *going = mem_new(1, sizeof *going);
    const struct exchange_request request = {
        .method = BYTES("GET"),
        .target = parts.target.size == 0 ? BYTES("/") : parts.target,
        .fields = fields,
        .field_count = count,
    };

    going->warmth = warmth;
    err = exchange_start(warmth->origin, &request, &events, going, &exchange);
    if (err != ERR_OK) {
        mem_free(&going);
        return err;
    }
    warmth->pending++;
    return ERR_OK;
}

static bool is_due(const struct warmth *warmth)
{
    double elapsed_ms = (double)(loop_now_ms(warmth->loop) - warmth->started_ms);

    return warmth->plan->rate <= 0 ||
           (double)warmth->counts.started <= elapsed_ms * warmth->plan->rate / 1000;
}

static void go_on(struct warmth *warmth)
{
    while (warmth->next < warmth->errands->count && warmth->pending < warmth->plan->concurrency &&
           is_due(warmth)) {
        const struct errand *errand = &warmth->errands->items[warmth->next++];
        enum err err = ask(warmth, errand->url);

        warmth->counts.started++;
        if (err != ERR_OK)
            conclude(&(const struct going){.warmth = warmth}, err);
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The gateway is the only server of an origin; what it answers is told as it is. */
static enum err open_fleet(struct warmth *warmth, struct fault *fault)
{
    struct config_origin *origin = NULL;

    TRY(config_add_origin(&warmth->config, "gateway", "--gateway", &origin, fault));
    struct origin_settings *settings = &origin->settings;

    settings->servers = (struct text_list){.items = &warmth->plan->gateway, .count = 1};
    settings->tls_verify = !warmth->plan->is_insecure;
    settings->tls_name = warmth->plan->name;
    settings->connections_max = settings->idle_max = warmth->plan->concurrency;
    settings->retry_max = 0;
    settings->eject_failures = 0;
    settings->breaker_failures = 0;
    settings->breaker_requests = 1000000;
    return fleet_new("gateway", settings, &warmth->log, &warmth->fleet, fault);
}

static enum err warmth_init(struct warmth *warmth, const struct warmth_plan *plan,
                            struct fault *fault)
{
    *warmth = (struct warmth){.plan = plan, .log = {STDERR_FILENO, LOG_ERROR, false}};
    config_init(&warmth->config);
    account_init(&warmth->account, NULL, 0);
    TRY(open_fleet(warmth, fault));
    if (loop_new(NULL, &warmth->loop) != ERR_OK)
        return fault_say(fault, ERR_SYSTEM, "the system gives no epoll descriptor");
    origin_new(warmth->loop, warmth->fleet, &warmth->account, &warmth->origin);
    return ERR_OK;
}

static void warmth_fini(struct warmth *warmth)
{
    if (warmth->origin != NULL)
        origin_free(&warmth->origin);
    if (warmth->loop != NULL) {
        loop_turn(warmth->loop, 0);
        loop_free(&warmth->loop);
    }
    if (warmth->fleet != NULL)
        fleet_free(&warmth->fleet);
    config_fini(&warmth->config);
}

static void run(struct warmth *warmth,
                void (*tell)(void *context, const struct warmth_counts *counts), void *context)
{
    loop_turn(warmth->loop, 0); /* it knows the time */
    warmth->started_ms = loop_now_ms(warmth->loop);
    while (warmth->next < warmth->errands->count || warmth->pending > 0) {
        go_on(warmth);
        loop_turn(warmth->loop, TICK_MS);
        if (loop_now_ms(warmth->loop) - warmth->told_ms < TELL_MS)
            continue;
        warmth->told_ms = loop_now_ms(warmth->loop);
        tell(context, &warmth->counts);
    }
    tell(context, &warmth->counts);
}

enum err warmth_run(const struct warmth_plan *plan, const struct errands *errands,
                    void (*tell)(void *context, const struct warmth_counts *counts), void *context,
                    struct warmth_counts *ret_counts, struct fault *fault)
{
    struct warmth warmth;
    enum err err = warmth_init(&warmth, plan, fault);

    warmth.errands = errands;
    if (err == ERR_OK) {
        run(&warmth, tell, context);
        *ret_counts = warmth.counts;
    }
    warmth_fini(&warmth);
    return err;
}

enum err warmth_fetch(const struct warmth_plan *plan, const char *url, struct buf *out,
                      struct fault *fault)
{
    struct warmth warmth;
    enum err err = warmth_init(&warmth, plan, fault);

    warmth.out = out;
    if (err == ERR_OK) {
        err = ask(&warmth, url);
        while (warmth.pending > 0)
            loop_turn(warmth.loop, TICK_MS);
        if (err != ERR_OK)
            (void)fault_say(fault, err, "%s: %s", url, err_text(err));
        else if (warmth.counts.failed > 0 || buf_failed(out) != ERR_OK)
            err = fault_say(fault, ERR_PEER_BROKEN, "%s: %s", url,
                            buf_failed(out) != ERR_OK ? "is too large"
                                                      : warmth.counts.reasons[0].text);
    }
    warmth_fini(&warmth);
    return err;
}
