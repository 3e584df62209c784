/* call.h: one command being executed: its words, its keys, its reply.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_CALL_H
#define LARDER_SERVER_RESP_CALL_H

#include "base/number.h"
#include "server/resp/inside.h"

struct call {
    struct client *client;
    struct resp_door *door;
    struct resp *resp;
    struct cache_thread *thread;
    const struct verb *verb;
    const struct bytes *words; /* words[0] is the command's name */
    size_t count;
    struct cache_key key; /* of the word at verb->first_key, if there is one */
    size_t key_count;     /* of all its keys, that are in the door's `keys`; 0: they are not */
    unsigned space;
    unsigned protocol;
    int64_t now_ms;
    struct buf *out;
    bool failed;        /* an error was replied */
    bool is_final;      /* call_wants_room has no answer but no */
    size_t room_wanted; /* bytes; > 0: it did nothing and is run again */
};

/* ---- replies ----------------------------------------------------------------------------------
 */

void reply_error(struct call *call, const char *text);
void reply_errorf(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_err(struct call *call, enum err err); /* in the words of Redis where it has some */
void reply_syntax(struct call *call);
void reply_not_integer(struct call *call);
void reply_wrong_type(struct call *call);
void reply_wrong_arity(struct call *call);
void reply_help(struct call *call, const char *const *lines, size_t count);

/* A value of the engine: copied, or lent when it is large. */
void reply_value(struct call *call, const struct cache_view *view, struct bytes part);

/* Sends what was gathered when it is much. */
void reply_flush(struct call *call);

static inline void reply_ok(struct call *call)
{
    buf_add(call->out, BYTES("+OK\r\n"));
}

static inline void reply_simple(struct call *call, const char *text)
{
    resp_add_simple(call->out, bytes_of_text(text));
}

static inline void reply_integer(struct call *call, int64_t number)
{
    resp_add_integer(call->out, number);
}

static inline void reply_bulk(struct call *call, struct bytes bytes)
{
    if (call->out->size > REPLY_FLUSH)
        reply_flush(call);
    resp_add_bulk(call->out, bytes);
}

static inline void reply_text(struct call *call, const char *text)
{
    reply_bulk(call, bytes_of_text(text));
}

static inline void reply_null(struct call *call)
{
    resp_add_null(call->out, call->protocol);
}

static inline void reply_null_array(struct call *call)
{
    resp_add_null_array(call->out, call->protocol);
}

static inline void reply_array(struct call *call, size_t count)
{
    resp_add_array(call->out, count);
}

static inline void reply_map(struct call *call, size_t count)
{
    resp_add_map(call->out, call->protocol, count);
}

static inline void reply_set(struct call *call, size_t count)
{
    resp_add_set(call->out, call->protocol, count);
}

static inline void reply_double(struct call *call, double number)
{
    resp_add_double(call->out, call->protocol, number);
}

/* ---- words ------------------------------------------------------------------------------------
 */

static inline bool word_is(struct call *call, size_t at, const char *text)
{
    return bytes_equal_nocase(call->words[at], bytes_of_text(text));
}

/* A whole number; false: the error was replied. */
bool call_integer(struct call *call, size_t at, int64_t *ret_number);
bool call_double(struct call *call, size_t at, const char *complaint, double *ret_number);

/* A whole number within bounds; `complaint` is the error for both reasons (NULL: "value is not an
 * integer or out of range"). */
bool call_range(struct call *call, size_t at, int64_t low, int64_t high, const char *complaint,
                int64_t *ret_number);

/* ---- keys -------------------------------------------------------------------------------------
 */

struct cache_key call_key(const struct call *call, size_t word);

/* Locks the keys that the command's specification names, unless they are locked already. True:
 * call_unlock is to be called. */
bool call_lock(struct call *call);
void call_unlock(struct call *call);

/* The same for these keys (at most CACHE_LOCK_KEYS_MAX). */
bool call_lock_keys(struct call *call, const struct cache_key *keys, size_t count);

/* What is stored, fresh; counted as a hit or a miss of the keyspace. `ret_view->state` is
 * CACHE_MISS when there is nothing. call_see does not count for eviction, call_peek for nothing. */
bool call_look(struct call *call, struct cache_key key, struct cache_view *ret_view);
bool call_see(struct call *call, struct cache_key key, struct cache_view *ret_view);
bool call_peek(struct call *call, struct cache_key key, struct cache_view *ret_view);

static inline bool view_is_string(const struct cache_view *view)
{
    return view->kind <= TYPE_STRING_FLOAT;
}

/* The string at a key. False: another type, which was replied. A missing one has state CACHE_MISS.
 */
bool call_string(struct call *call, struct cache_key key, struct cache_view *ret_view);

/* The object at a key, or NULL. False: another type, which was replied. The key is locked. */
bool call_object(struct call *call, struct cache_key key, unsigned kind, void *ret_object);

/* Stores a string. False: refused, which was replied. */
bool call_put(struct call *call, struct cache_key key, unsigned kind, struct bytes value,
              int64_t expires_ms);

/* ---- memory -----------------------------------------------------------------------------------
 */

/* The command needs about so much memory at once, got less, and did and replied nothing yet. True:
 * it returns and is run again after room was made. False: that was tried, or it is one of EXEC's,
 * whose keys are locked: it is refused. */
bool call_wants_room(struct call *call, size_t bytes);

/* ---- changing an object -----------------------------------------------------------------------
 */

struct edit {
    struct cache_key key;
    unsigned kind;
    void *object; /* NULL: there is none yet */
    bool is_new;
};

/* False: another type is there, which was replied. The key is locked. */
bool edit_begin(struct call *call, struct cache_key key, unsigned kind, struct edit *ret_edit);

/* Makes the object if there is none. False: no memory, which was replied. */
bool edit_make(struct call *call, struct edit *edit);

/* Stores a new object, takes out an empty one, or tells the engine of a change. False: refused,
 * which was replied. To be called before the reply is written. */
bool edit_end(struct call *call, struct edit *edit, bool changed);

/* As if nothing had been begun: frees a new object. */
void edit_cancel(struct edit *edit);

/* Stores an object that was built apart in the place of whatever was there; an empty one removes
 * it. Takes the object. False: refused, which was replied. */
bool call_put_object(struct call *call, struct cache_key key, unsigned kind, void *object,
                     int64_t expires_ms);

void typed_free(unsigned kind, void *object);

/* NULL: no memory. */
void *typed_copy(const struct call *call, unsigned kind, const void *object);

/* ---- scanning ---------------------------------------------------------------------------------
 */

struct scan_options {
    struct bytes pattern;
    struct bytes type; /* data NULL: any */
    int64_t count;
};

/* MATCH, COUNT and, for the keyspace (from == 2), TYPE. False: wrong, which was replied. */
bool call_scan_options(struct call *call, size_t from, struct scan_options *ret_options);
bool call_cursor(struct call *call, size_t at, uint64_t *ret_cursor);
void reply_cursor(struct call *call, uint64_t cursor);

/* ---- dispatch ---------------------------------------------------------------------------------
 */

/* Runs one command of the call's client: all checks, its keys' locks, counts. `call->verb` may be
 * NULL: not looked up yet. */
void call_run(struct call *call);

/* Runs one command that was checked when it was queued, within EXEC's locks. */
void call_run_queued(struct call *call);

#endif
