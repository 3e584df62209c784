/* compress.c: choosing and making coded copies. SPDX-License-Identifier: MIT */
#include "server/http/compress.h"

#include "base/mem.h"
#include "base/must.h"
#include "proto/vary.h"
#include "server/http/block.h"
#include "server/http/fetch.h"

enum {
    PIECE_SIZE = 16 * 1024,   /* coded in one go, once a millisecond: some tenths of it */
    AT_ONCE_MAX = 256 * 1024, /* bytes that are coded while a client waits */
    LEASE_MS = 60000,         /* for a whole copy */
    HEAD_MAX = 4 << 20,       /* bytes of a copy's head */
    TAGS_SIZE = CACHE_TAGS_MAX * (CACHE_TAG_SIZE_MAX + 1),
};

struct job {
    struct list_node node; /* in gate->jobs */
    struct gate *gate;
    struct timer timer;
    enum coding coding;
    struct coder *coder; /* NULL: the body is known already */
    struct cache_lease lease;
    struct cache_view view; /* the answer, held */
    struct cache_entry *entry;
    struct stored stored; /* its */
    struct bytes block;
    struct bytes body;
    size_t position; /* in the body */
    struct buf out;
    struct buf tags;
    size_t tag_ends[CACHE_TAGS_MAX];
    size_t tag_count;
    size_t key_size;
    uint8_t key[]; /* of the copy */
};

/* ---- the copy's head --------------------------------------------------------------------- */

/* What speaks of the very bytes that were sent, and is no longer true. */
static bool is_of_the_bytes(const struct http_field *field)
{
    static const char *const names[] = {"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"};

    if (field->id == HTTP_CONTENT_LENGTH || field->id == HTTP_CONTENT_ENCODING)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && field->id == HTTP_OTHER; i++) {
        if (bytes_equal_nocase(field->name, bytes_of_text(names[i])))
            return true;
    }
    return false;
}

static void write_head(const struct job *job, struct http_head *parsed, struct buf *out)
{
    block_parse(job->block, parsed);
    buf_add(out, BYTES("HTTP/1.1 200 "));
    buf_add(out, parsed->reason);
    buf_add(out, BYTES("\r\n"));
    for (size_t i = 0; i < parsed->field_count; i++) {
        const struct http_field *field = &parsed->fields[i];

        if (is_of_the_bytes(field))
            continue;
        if (field->id == HTTP_ETAG && !bytes_begin_with(field->value, BYTES("W/"))) {
            buf_add(out, BYTES("ETag: W/"));
            buf_add(out, field->value);
            buf_add(out, BYTES("\r\n"));
            continue;
        }
        block_add_field(out, field->name, field->value);
    }
    block_add_field(out, BYTES("Content-Encoding"), coding_name(job->coding));
    buf_add(out, BYTES("\r\n"));
    block_finish(out, false, job->out.size, BYTES(""));
}

/* ---- jobs -------------------------------------------------------------------------------- */

static int64_t now_ms(const struct gate *gate)
{
    return loop_now_ms(gate->loop);
}

/* One at a time: the first that was begun. */
static void schedule(struct gate *gate)
{
    if (list_alone(&gate->jobs))
        return;
    struct job *job = list_owner(gate->jobs.next, struct job, node);

    if (!timer_is_set(&job->timer))
        timer_set(gate->loop, &job->timer, now_ms(gate) + 1);
}

static void job_free(struct job *job)
{
    struct gate *gate = job->gate;

    must(job->lease.token == 0);
    timer_clear(gate->loop, &job->timer);
    list_leave(&job->node);
    gate->job_count--;
    coder_free(&job->coder);
    buf_fini(&job->out);
    buf_fini(&job->tags);
    if (job->entry != NULL)
        cache_drop(gate->cache, &job->entry);
    account_refund(site_fills(gate->site), sizeof *job + job->key_size);
    mem_free(&job);
    schedule(gate);
}

static void give_up(struct job *job)
{
    cache_abandon(job->gate->thread, &job->lease, now_ms(job->gate));
    job->lease.token = 0;
    job_free(job);
}

static void keep_tag(void *context, struct bytes tag)
{
    struct job *job = context;

    if (job->tag_count >= CACHE_TAGS_MAX)
        return;
    buf_add(&job->tags, tag);
    job->tag_ends[job->tag_count++] = job->tags.size;
}

static size_t tags_of_job(const struct job *job, struct bytes tags[CACHE_TAGS_MAX])
{
    size_t from = 0;

    for (size_t i = 0; i < job->tag_count; i++) {
        tags[i] = bytes_slice(buf_bytes(&job->tags), from, job->tag_ends[i]);
        from = job->tag_ends[i];
    }
    return job->tag_count;
}

/* Stores what was made, or that it is not worth while. */
static void finish(struct job *job, bool is_smaller)
{
    struct gate *gate = job->gate;
    struct bytes tags[CACHE_TAGS_MAX];
    struct stored stored = job->stored;
    struct buf block;
    struct cache_put put = {
        .key = cache_key(gate->cache, CACHE_SPACE_HTTP, bytes_of(job->key, job->key_size)),
        .kind = is_smaller ? STORED_RESPONSE : STORED_PLAIN,
        .expires_ms = job->view.expires_ms,
        .stale_until_ms = job->view.stale_until_ms,
        .error_until_ms = job->view.error_until_ms,
        .tags = tags,
        .tag_count = tags_of_job(job, tags),
    };

    buf_init(&block, HEAD_MAX, NULL);
    if (is_smaller)
        write_head(job, &gate->response, &block);
    stored.block_size = (uint32_t)block.size;
    stored.flags &= (uint16_t)~STORED_COMPRESSIBLE;
    buf_clear(&gate->text);
    buf_add(&gate->text, bytes_of(&stored, sizeof stored));
    buf_add(&gate->text, buf_bytes(&block));
    put.head = buf_bytes(&gate->text);
    put.body = is_smaller ? buf_bytes(&job->out) : BYTES("");
    if (buf_failed(&block) != ERR_OK || buf_failed(&gate->text) != ERR_OK ||
        buf_failed(&job->tags) != ERR_OK) {
        buf_fini(&block);
        give_up(job);
        return;
    }
    enum err err = cache_fill(gate->thread, &job->lease, &put, now_ms(gate));

    job->lease.token = 0;
    if (err == ERR_OK && is_smaller) {
        counter_add(&gate->metrics.compressed, 1);
        counter_add(&gate->metrics.compressed_from_bytes, job->body.size);
        counter_add(&gate->metrics.compressed_to_bytes, job->out.size);
    }
    buf_fini(&block);
    job_free(job);
}

/* A piece more. False: it is over, the job is gone. */
static bool work(struct job *job)
{
    struct bytes piece = bytes_slice(bytes_skip(job->body, job->position), 0, PIECE_SIZE);
    bool is_last = job->position + piece.size == job->body.size;

    if (job->coder == NULL) {
        finish(job, true);
        return false;
    }
    if (coder_feed(job->coder, piece, is_last, &job->out) != ERR_OK) {
        give_up(job);
        return false;
    }
    job->position += piece.size;
    bool is_smaller = job->out.size < job->body.size;

    if (is_last || !is_smaller)
        finish(job, is_smaller);
    return !is_last && is_smaller;
}

static void go_on(struct timer *timer)
{
    struct job *job = list_owner(timer, struct job, timer);
    struct gate *gate = job->gate;

    if (work(job))
        schedule(gate);
}

void compress_stop(struct gate *gate)
{
    while (!list_alone(&gate->jobs))
        give_up(list_owner(gate->jobs.next, struct job, node));
}

/* ---- beginning one ----------------------------------------------------------------------- */

static bool is_same(const struct stored *one, const struct stored *other)
{
    return one->body_id == other->body_id && one->born_ms == other->born_ms;
}

/* The answer as it is now that the lease is drawn: an invalidation that this look does not see yet
 * is younger than the lease, and the copy will not be stored. */
static bool hold_answer(struct job *job, const struct look *look)
{
    struct gate *gate = job->gate;

    if (cache_peek(gate->thread, look->key, now_ms(gate), &job->view) == CACHE_MISS ||
        !stored_read(&job->view, &job->stored, &job->block, &job->body) ||
        !is_same(&job->stored, &look->stored))
        return false;
    cache_tags_of(gate->thread, &job->view, keep_tag, job);
    job->entry = cache_hold(gate->cache, &job->view);
    if (job->entry == NULL)
        return false;
    must(stored_read(&job->view, &job->stored, &job->block, &job->body));
    return true;
}

/* After a 304 the body is what it was: only the head is to be written anew. */
static bool take_known_body(struct job *job, const struct cache_view *copy)
{
    struct stored stored;
    struct bytes block;
    struct bytes body;

    if (!stored_read(copy, &stored, &block, &body) || stored.body_id != job->stored.body_id)
        return false;
    buf_add(&job->out, body);
    return buf_failed(&job->out) == ERR_OK;
}

static struct job *job_new(struct gate *gate, struct bytes key, enum coding coding)
{
    struct job *job = mem_try(sizeof *job + key.size);

    if (job == NULL)
        return NULL;
    account_force(site_fills(gate->site), sizeof *job + key.size);
    *job = (struct job){.gate = gate, .coding = coding, .key_size = key.size};
    memcpy(job->key, key.data, key.size);
    buf_init(&job->tags, TAGS_SIZE, NULL);
    buf_init(&job->out, 0, NULL);
    timer_init(&job->timer, go_on);
    list_append(&gate->jobs, &job->node);
    gate->job_count++;
    return job;
}

/* NULL: not now. */
static struct job *begin(struct look *look, struct cache_key key, const struct cache_view *copy,
                         enum coding coding)
{
    struct gate *gate = look->gate;
    uint8_t url_tag[KEY_URL_TAG_SIZE];

    if (gate->job_count >= COMPRESS_JOBS_MAX) {
        counter_add(&gate->metrics.compress_refused, 1);
        return NULL;
    }
    struct job *job = job_new(gate, key.name, coding);

    if (job == NULL)
        return NULL;
    if (!fetch_take_lease(gate, key.name, LEASE_MS, &job->lease)) {
        job->lease.token = 0;
        job_free(job);
        return NULL;
    }
    if (!hold_answer(job, look)) {
        give_up(job);
        return NULL;
    }
    keep_tag(job, key_url_tag(gate->cache, look->target.url, url_tag));
    buf_init(&job->out, job->body.size + (size_t)2 * CODER_ROOM, site_fills(gate->site));
    if (take_known_body(job, copy))
        return job;
    job->coder = coder_new(coding, job->body.size, site_fills(gate->site));
    if (job->coder == NULL) {
        give_up(job);
        return NULL;
    }
    return job;
}

/* ---- choosing ---------------------------------------------------------------------------- */

/* The key of the copy, in the gate's text. False: too long. */
static bool key_of_copy(const struct look *look, enum coding coding, struct cache_key *ret_key)
{
    struct buf *text = &look->gate->text;

    if (!key_add_mark(look->key.name, 'z', text))
        return false;
    buf_add(text, coding_name(coding));
    if (buf_failed(text) != ERR_OK || text->size > CACHE_KEY_MAX)
        return false;
    *ret_key = cache_key(look->gate->cache, CACHE_SPACE_HTTP, buf_bytes(text));
    return true;
}

/* The coding that the client likes best, of those that the route makes; CODINGS: what there is. */
static enum coding choose(const struct route *route, const int weights[VARY_CODINGS])
{
    enum coding best = CODINGS;
    int weight = weights[VARY_IDENTITY] > 0 ? weights[VARY_IDENTITY] - 1 : 0;

    for (size_t i = 0; i < route->coding_count; i++) {
        enum coding coding = route->codings[i];

        if (weights[coding] > weight) {
            best = coding;
            weight = weights[coding];
        }
    }
    return best;
}

enum found { FOUND_NONE, FOUND_COPY, FOUND_PLAIN };

static enum found find_copy(const struct look *look, struct cache_key key,
                            struct cache_view *ret_view)
{
    struct gate *gate = look->gate;
    struct stored stored;

    if (cache_look(gate->thread, key, now_ms(gate), ret_view) == CACHE_MISS ||
        ret_view->value.size < sizeof stored)
        return FOUND_NONE;
    memcpy(&stored, ret_view->value.data, sizeof stored);
    if (!is_same(&stored, &look->stored))
        return FOUND_NONE;
    return ret_view->kind == STORED_RESPONSE ? FOUND_COPY : FOUND_PLAIN;
}

static void take_copy(struct look *look, const struct cache_view *view)
{
    look->view = *view;
    (void)stored_read(view, &look->stored, &look->block, &look->body);
    counter_add(&look->gate->metrics.hits_compressed, 1);
}

/* Somebody waits for it who takes nothing else. */
static void make_at_once(struct look *look, struct job *job, enum coding coding)
{
    struct cache_view view = {.state = CACHE_MISS};
    struct cache_key key;

    while (work(job))
        ;
    if (key_of_copy(look, coding, &key) && find_copy(look, key, &view) == FOUND_COPY)
        take_copy(look, &view);
}

void compress_choose(struct look *look)
{
    const struct route *route = look->target.route;
    struct cache_view view = {.state = CACHE_MISS};
    struct cache_key key;
    int weights[VARY_CODINGS];

    if (!http_has(look->head, HTTP_ACCEPT_ENCODING) ||
        look->body.size < route->settings->compress_min)
        return;
    vary_weights_of(look->head, weights);
    enum coding coding = choose(route, weights);
    bool refuses_plain = weights[VARY_IDENTITY] == 0;

    /* Parts of coded bytes are of no use to a client that has parts of plain ones. */
    if (coding == CODINGS || (!refuses_plain && http_has(look->head, HTTP_RANGE)) ||
        !key_of_copy(look, coding, &key))
        return;
    enum found found = find_copy(look, key, &view);

    if (found == FOUND_COPY)
        take_copy(look, &view);
    if (found != FOUND_NONE)
        return;
    struct job *job = begin(look, key, &view, coding);

    if (job == NULL)
        return;
    if (refuses_plain && job->body.size <= AT_ONCE_MAX)
        make_at_once(look, job, coding);
    else
        schedule(look->gate);
}
