/* stream.c: chunks in a chain, one writer, many readers. SPDX-License-Identifier: MIT */
#include "server/http/stream.h"

#include "base/mem.h"
#include "base/must.h"

enum { CHUNK_SIZE_MIN = 4096, CHUNK_SIZE_MAX = 262144 };

/* `size` is the writer's while `next` is NULL, and final from then on. The link to the next chunk
 * counts as one reference to it. */
struct chunk {
    _Atomic unsigned refs;
    struct chunk *_Atomic next;
    struct account *account;
    uint64_t start; /* position of the first byte in the stream */
    size_t size;
    size_t capacity;
    uint8_t data[];
};

/* ---- chunks ------------------------------------------------------------------------------ */

/* Only the account's own ceiling counts: what is beyond that of the whole is taken from stored
 * values, which the engine lets go of then. */
bool stream_fits(const struct account *account, uint64_t size)
{
    size_t max = atomic_load_explicit(&account->max, memory_order_relaxed);
    size_t used = account_used(account);

    return max == 0 || (used <= max && size <= max - used);
}

static struct chunk *chunk_new(struct account *account, size_t capacity, bool force)
{
    size_t cost = sizeof(struct chunk) + capacity;

    if (!force && !stream_fits(account, cost))
        return NULL;
    struct chunk *chunk = mem_try(cost);

    if (chunk == NULL)
        return NULL;
    account_force(account, cost);
    atomic_init(&chunk->refs, 1);
    atomic_init(&chunk->next, NULL);
    chunk->account = account;
    chunk->start = 0;
    chunk->size = 0;
    chunk->capacity = capacity;
    return chunk;
}

static void chunk_hold(struct chunk *chunk)
{
    atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
}

/* Without recursion: a long chain goes away link by link. */
void chunk_drop(void *context)
{
    struct chunk *chunk = context;

    while (chunk != NULL && atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1) {
        struct chunk *next = atomic_load_explicit(&chunk->next, memory_order_acquire);

        account_refund(chunk->account, sizeof *chunk + chunk->capacity);
        mem_free(&chunk);
        chunk = next;
    }
}

/* ---- the stream -------------------------------------------------------------------------- */

static void run_attend(struct loop_task *task)
{
    struct stream *stream = list_owner(task, struct stream, task);

    atomic_store_explicit(&stream->is_called, false, memory_order_release);
    stream->attend(stream);
    stream_drop(stream);
}

void stream_init(struct stream *stream, struct loop *loop, struct account *account)
{
    atomic_init(&stream->refs, 1);
    atomic_init(&stream->is_called, false);
    atomic_init(&stream->is_paused, false);
    atomic_init(&stream->published, 0);
    atomic_init(&stream->stage, STREAM_WAITING);
    stream->loop = loop;
    stream->task.run = run_attend;
    stream->account = account;
    must(pthread_mutex_init(&stream->lock, NULL) == 0);
    list_init(&stream->readers);
    stream->reader_count = 0;
    stream->first = stream->last = NULL;
    atomic_init(&stream->is_cut, false);
}

void stream_fini(struct stream *stream)
{
    must(list_alone(&stream->readers));
    chunk_drop(stream->first);
    if (stream->last != NULL)
        chunk_drop(stream->last);
    stream->first = stream->last = NULL;
    must(pthread_mutex_destroy(&stream->lock) == 0);
}

void stream_hold(struct stream *stream)
{
    atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
}

void stream_drop(struct stream *stream)
{
    if (atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel) == 1)
        stream->over(stream);
}

static void lock(struct stream *stream)
{
    must(pthread_mutex_lock(&stream->lock) == 0);
}

static void unlock(struct stream *stream)
{
    must(pthread_mutex_unlock(&stream->lock) == 0);
}

/* Under lock: asks the owner to look after the stream. */
static void call_owner(struct stream *stream)
{
    if (stream->loop == NULL || atomic_exchange(&stream->is_called, true))
        return;
    stream_hold(stream);
    loop_post(stream->loop, &stream->task);
}

void stream_orphan(struct stream *stream)
{
    lock(stream);
    stream->loop = NULL;
    unlock(stream);
}

/* Under lock. */
static void wake_readers(struct stream *stream)
{
    for (struct list_node *at = stream->readers.next; at != &stream->readers; at = at->next) {
        struct reader *reader = list_owner(at, struct reader, node);

        if (!atomic_exchange(&reader->is_posted, true))
            loop_post(reader->loop, &reader->task);
    }
}

/* The link from the chunk before holds one reference, and the writer's place another one. */
static enum err add_chunk(struct stream *stream, size_t capacity, bool force)
{
    struct chunk *chunk = chunk_new(stream->account, capacity, force);

    if (chunk == NULL)
        return ERR_FULL;
    chunk->start = atomic_load_explicit(&stream->published, memory_order_relaxed);
    chunk_hold(chunk);
    if (stream->last == NULL) {
        lock(stream);
        stream->first = chunk;
        /* Readers that came before the first byte begin here. */
        for (struct list_node *at = stream->readers.next; at != &stream->readers; at = at->next) {
            struct reader *reader = list_owner(at, struct reader, node);

            must(reader->chunk == NULL);
            chunk_hold(chunk);
            reader->chunk = chunk;
        }
        if (atomic_load(&stream->is_cut)) {
            stream->first = NULL;
            chunk_drop(chunk);
        }
        unlock(stream);
    } else {
        atomic_store_explicit(&stream->last->next, chunk, memory_order_release);
        chunk_drop(stream->last);
    }
    stream->last = chunk;
    return ERR_OK;
}

enum err stream_reserve(struct stream *stream, uint64_t size)
{
    return add_chunk(stream, size, false);
}

size_t stream_add(struct stream *stream, struct bytes piece, bool force)
{
    size_t added = 0;

    while (piece.size > 0) {
        struct chunk *last = stream->last;

        if (last == NULL || last->size == last->capacity) {
            size_t next = last == NULL ? CHUNK_SIZE_MIN : last->capacity * 2;

            if (next < piece.size)
                next = piece.size;
            next = next > CHUNK_SIZE_MAX ? CHUNK_SIZE_MAX : next;
            if (add_chunk(stream, next, force) != ERR_OK)
                break;
            last = stream->last;
        }
        struct bytes part = bytes_slice(piece, 0, last->capacity - last->size);

        memcpy(last->data + last->size, part.data, part.size);
        last->size += part.size;
        atomic_fetch_add_explicit(&stream->published, part.size, memory_order_release);
        added += part.size;
        piece = bytes_skip(piece, part.size);
    }
    lock(stream);
    wake_readers(stream);
    unlock(stream);
    return added;
}

void stream_cut(struct stream *stream)
{
    lock(stream);
    struct chunk *first = stream->first;

    stream->first = NULL;
    atomic_store(&stream->is_cut, true);
    unlock(stream);
    chunk_drop(first);
}

void stream_set_stage(struct stream *stream, enum stream_stage stage)
{
    atomic_store_explicit(&stream->stage, stage, memory_order_release);
    lock(stream);
    wake_readers(stream);
    unlock(stream);
}

uint64_t stream_quickest(struct stream *stream, size_t *ret_count)
{
    uint64_t quickest = 0;

    lock(stream);
    for (struct list_node *at = stream->readers.next; at != &stream->readers; at = at->next) {
        struct reader *reader = list_owner(at, struct reader, node);
        uint64_t position = atomic_load(&reader->position);

        if (position > quickest)
            quickest = position;
    }
    *ret_count = stream->reader_count;
    unlock(stream);
    return quickest;
}

bool stream_is_one_piece(const struct stream *stream, struct bytes *ret_piece)
{
    const struct chunk *first = stream->first;

    if (first == NULL) {
        *ret_piece = BYTES("");
        return true;
    }
    *ret_piece = bytes_of(first->data, first->size);
    return first == stream->last;
}

void stream_copy(struct stream *stream, uint8_t *out)
{
    for (const struct chunk *chunk = stream->first; chunk != NULL;
         chunk = atomic_load_explicit(&chunk->next, memory_order_acquire)) {
        memcpy(out, chunk->data, chunk->size);
        out += chunk->size;
    }
}

/* ---- readers ----------------------------------------------------------------------------- */

static void run_woken(struct loop_task *task)
{
    struct reader *reader = list_owner(task, struct reader, task);

    atomic_store_explicit(&reader->is_posted, false, memory_order_release);
    reader->woken(reader);
}

void reader_init(struct reader *reader, struct loop *loop, void (*woken)(struct reader *reader))
{
    list_init(&reader->node);
    reader->stream = NULL;
    reader->loop = loop;
    reader->task.next = NULL;
    reader->task.run = run_woken;
    reader->woken = woken;
    atomic_init(&reader->is_posted, false);
    reader->chunk = NULL;
    atomic_init(&reader->position, 0);
}

bool reader_attach(struct reader *reader, struct stream *stream)
{
    must(reader->stream == NULL);
    lock(stream);
    bool is_welcome = !atomic_load(&stream->is_cut);

    if (is_welcome) {
        reader->stream = stream;
        reader->chunk = stream->first;
        if (reader->chunk != NULL)
            chunk_hold(reader->chunk);
        atomic_store_explicit(&reader->position, 0, memory_order_relaxed);
        list_append(&stream->readers, &reader->node);
        stream->reader_count++;
    }
    unlock(stream);
    if (!is_welcome)
        stream_drop(stream);
    return is_welcome;
}

void reader_detach(struct reader *reader)
{
    struct stream *stream = reader->stream;

    if (stream == NULL)
        return;
    lock(stream);
    list_leave(&reader->node);
    stream->reader_count--;
    struct chunk *chunk = reader->chunk;

    reader->chunk = NULL;
    call_owner(stream);
    unlock(stream);
    chunk_drop(chunk);
    reader->stream = NULL;
    stream_drop(stream);
}

/* Moves to the next chunk when this one is read to its final end. */
static struct chunk *step(struct reader *reader)
{
    struct chunk *chunk = reader->chunk;
    struct chunk *next = atomic_load_explicit(&chunk->next, memory_order_acquire);

    if (next == NULL || reader_position(reader) < chunk->start + chunk->size)
        return chunk;
    chunk_hold(next);
    reader->chunk = next;
    chunk_drop(chunk);
    return next;
}

bool reader_peek(struct reader *reader, struct bytes *ret_piece)
{
    uint64_t end = stream_published(reader->stream);
    uint64_t position = reader_position(reader);

    if (position == end)
        return false;
    struct chunk *chunk = step(reader);
    struct chunk *next = atomic_load_explicit(&chunk->next, memory_order_acquire);

    if (next != NULL)
        end = chunk->start + chunk->size;
    must(position >= chunk->start);
    must(position <= end);
    *ret_piece = bytes_of(chunk->data + (position - chunk->start), end - position);
    return position < end;
}

void reader_advance(struct reader *reader, size_t count)
{
    struct stream *stream = reader->stream;
    uint64_t position = reader_position(reader) + count;

    /* In one order with the owner, who says that it pauses and then looks at positions. */
    atomic_store(&reader->position, position);
    if (!atomic_load(&stream->is_paused))
        return;
    if (stream_published(stream) - position > stream->window / 2)
        return;
    lock(stream);
    call_owner(stream);
    unlock(stream);
}

struct chunk *reader_hold_chunk(struct reader *reader)
{
    chunk_hold(reader->chunk);
    return reader->chunk;
}
