/* stream.h: a body that is written once, piece by piece, and read by many at their own pace.
 * SPDX-License-Identifier: MIT
 *
 *   first                                  last
 *     v                                      v
 *   [chunk] -> [chunk] -> [chunk] -> [chunk]      published: bytes that may be read
 *      ^                     ^
 *   a late reader         a quick one
 *
 * The writer never waits for a reader: it adds bytes, says how many there are, and posts a task to
 * each reader's loop. Each chunk is a counted reference, so what the slowest reader has passed goes
 * away by itself once the stream no longer keeps its beginning.
 *
 *   stage:  WAITING -> OPEN -> WHOLE
 *              \         \---> BROKEN
 *               \------------> BROKEN, CONFIRMED (no body: what the reader knows already holds)
 *
 * Memory: chunks are charged to the account, whose ceiling they obey. Threads: one writer; readers
 * on any loop. Everything that the stream's owner wrote before stream_set_stage can be read by
 * readers that saw the stage.
 */
#ifndef LARDER_SERVER_HTTP_STREAM_H
#define LARDER_SERVER_HTTP_STREAM_H

#include "base/account.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "net/loop.h"

#include <pthread.h>
#include <stdatomic.h>

enum stream_stage { STREAM_WAITING, STREAM_OPEN, STREAM_CONFIRMED, STREAM_WHOLE, STREAM_BROKEN };

struct chunk;

struct stream {
    _Atomic unsigned refs;
    void (*over)(struct stream *stream);   /* nobody has a reference; on any thread */
    void (*attend)(struct stream *stream); /* on the owner's loop, after stream_call */
    struct loop *loop;                     /* the owner's; NULL: it is gone (under lock) */
    struct loop_task task;
    _Atomic bool is_called;
    _Atomic bool is_paused; /* the owner waits for readers */
    struct account *account;
    uint64_t window; /* bytes: when paused, a reader that is nearer than half of it calls */
    pthread_mutex_t lock;
    struct list_node readers; /* under lock */
    size_t reader_count;      /* under lock */
    struct chunk *first;      /* under lock; NULL: nothing yet, or the beginning is gone */
    struct chunk *last;       /* the writer's */
    _Atomic bool is_cut;      /* set under lock: the beginning is gone, nobody may come any more */
    _Atomic uint64_t published;
    _Atomic unsigned stage;
};

/* With one reference, the caller's. */
void stream_init(struct stream *stream, struct loop *loop, struct account *account);

/* Once the last reference is gone, from `over`. */
void stream_fini(struct stream *stream);

void stream_hold(struct stream *stream);
void stream_drop(struct stream *stream);

/* Whether so many bytes more may be on their way. */
bool stream_fits(const struct account *account, uint64_t size);

/* ---- the writer -------------------------------------------------------------------------- */

/* Makes the next chunk `size` bytes large. ERR_FULL: the account refuses. */
enum err stream_reserve(struct stream *stream, uint64_t size);

/* Adds bytes and wakes the readers. Returns how many were added: fewer than all when the account
 * refuses (it is not asked with `force`), or the machine. */
size_t stream_add(struct stream *stream, struct bytes piece, bool force);

/* Lets go of the beginning: only those who read already go on. */
void stream_cut(struct stream *stream);

void stream_set_stage(struct stream *stream, enum stream_stage stage);

/* How far the quickest reader is, and how many there are. */
uint64_t stream_quickest(struct stream *stream, size_t *ret_count);

/* Everything in one piece, if it is in one chunk. */
bool stream_is_one_piece(const struct stream *stream, struct bytes *ret_piece);

/* Copies everything to `out`, which has room for `published` bytes. */
void stream_copy(struct stream *stream, uint8_t *out);

/* The owner's loop ends: nobody is to call it any more. */
void stream_orphan(struct stream *stream);

/* ---- readers ----------------------------------------------------------------------------- */

struct reader {
    struct list_node node;
    struct stream *stream; /* NULL: it reads nothing */
    struct loop *loop;
    struct loop_task task;
    void (*woken)(struct reader *reader); /* on its loop; there may be nothing new */
    _Atomic bool is_posted;               /* the task is on its way: the memory must stay */
    struct chunk *chunk;
    _Atomic uint64_t position;
};

void reader_init(struct reader *reader, struct loop *loop, void (*woken)(struct reader *reader));

/* Takes over the caller's reference. False: the beginning is gone; the reference is dropped. */
bool reader_attach(struct reader *reader, struct stream *stream);

/* Harmless for one that reads nothing. */
void reader_detach(struct reader *reader);

/* The next bytes that are there; false: none now. */
bool reader_peek(struct reader *reader, struct bytes *ret_piece);
void reader_advance(struct reader *reader, size_t count);

/* Keeps the chunk that the last peek was in; chunk_drop fits conn_send_loan. */
struct chunk *reader_hold_chunk(struct reader *reader);
void chunk_drop(void *context);

static inline enum stream_stage stream_stage(const struct stream *stream)
{
    return (enum stream_stage)atomic_load_explicit(&stream->stage, memory_order_acquire);
}

static inline uint64_t stream_published(const struct stream *stream)
{
    return atomic_load_explicit(&stream->published, memory_order_acquire);
}

static inline uint64_t reader_position(const struct reader *reader)
{
    return atomic_load_explicit(&reader->position, memory_order_relaxed);
}

#endif
