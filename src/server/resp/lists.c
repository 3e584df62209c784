/* lists.c: commands on lists. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "ds/deque.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"

static bool find_list(struct call *call, struct deque **ret_list)
{
    return call_object(call, call->key, TYPE_LIST, ret_list);
}

/* ---- pushing ----------------------------------------------------------------------------------
 */

static void push(struct call *call, bool front, bool only_there)
{
    struct edit edit;

    if (!edit_begin(call, call->key, TYPE_LIST, &edit))
        return;
    if (only_there && edit.object == NULL) {
        reply_integer(call, 0);
        return;
    }
    if (!edit_make(call, &edit))
        return;
    enum err err = ERR_OK;

    for (size_t i = 2; i < call->count && err == ERR_OK; i++)
        err = deque_push(edit.object, front, call->words[i]);
    int64_t count = (int64_t)deque_count(edit.object);

    if (!edit_end(call, &edit, true))
        return;
    if (err == ERR_OK)
        reply_integer(call, count);
    else
        reply_err(call, err);
}

void on_lists_lpush(struct call *call)
{
    push(call, true, false);
}

void on_lists_rpush(struct call *call)
{
    push(call, false, false);
}

void on_lists_lpushx(struct call *call)
{
    push(call, true, true);
}

void on_lists_rpushx(struct call *call)
{
    push(call, false, true);
}

/* ---- popping ----------------------------------------------------------------------------------
 */

/* Replies with up to `count` elements from one end, as an array, and takes them out. */
static void pop_many(struct call *call, struct edit *edit, bool front, size_t count)
{
    size_t have = deque_count(edit->object), taken = count < have ? count : have;
    struct deque_cursor cursor = deque_at(edit->object, front ? 0 : have - 1);

    reply_array(call, taken);
    for (size_t i = 0; i < taken; i++) {
        reply_bulk(call, deque_get(cursor));
        if (front)
            deque_next(&cursor);
        else
            deque_prev(&cursor);
    }
    deque_remove(edit->object, front ? 0 : have - taken, taken);
}

static void pop(struct call *call, bool front)
{
    struct edit edit;
    int64_t count = 0;

    if (call->count > 3) {
        reply_wrong_arity(call);
        return;
    }
    if (call->count == 3 &&
        !call_range(call, 2, 0, INT64_MAX, "value is out of range, must be positive", &count))
        return;
    if (!edit_begin(call, call->key, TYPE_LIST, &edit))
        return;
    if (edit.object == NULL) {
        if (call->count == 3)
            reply_null_array(call);
        else
            reply_null(call);
        return;
    }
    if (call->count == 3) {
        pop_many(call, &edit, front, (size_t)count);
    } else {
        size_t index = front ? 0 : deque_count(edit.object) - 1;

        reply_bulk(call, deque_get(deque_at(edit.object, index)));
        deque_remove(edit.object, index, 1);
    }
    (void)edit_end(call, &edit, call->count == 2 || count > 0);
}

void on_lists_lpop(struct call *call)
{
    pop(call, true);
}

void on_lists_rpop(struct call *call)
{
    pop(call, false);
}

/* words[at]: LEFT or RIGHT. */
static bool read_side(struct call *call, size_t at, bool *ret_front)
{
    *ret_front = word_is(call, at, "left");
    if (*ret_front || word_is(call, at, "right"))
        return true;
    reply_syntax(call);
    return false;
}

static void move_element(struct call *call, bool from_front, bool to_front)
{
    struct edit from, to;

    if (!edit_begin(call, call->key, TYPE_LIST, &from))
        return;
    if (from.object == NULL) {
        reply_null(call);
        return;
    }
    if (!edit_begin(call, call_key(call, 2), TYPE_LIST, &to))
        return;
    size_t index = from_front ? 0 : deque_count(from.object) - 1;
    struct bytes there = deque_get(deque_at(from.object, index));
    uint8_t *copy = mem_try(there.size);
    bool same = to.object == from.object;

    if (copy == NULL) {
        reply_err(call, ERR_FULL);
        return;
    }
    struct bytes value = bytes_of(copy, there.size);

    if (there.size > 0)
        memcpy(copy, there.data, there.size);
    if (!edit_make(call, &to))
        goto out;
    enum err err = deque_push(to.object, to_front, value);

    if (err != ERR_OK) {
        edit_cancel(&to);
        reply_err(call, err);
        goto out;
    }
    deque_remove(from.object, index + (same && to_front), 1);
    if (edit_end(call, &to, true) && (same || edit_end(call, &from, true)))
        reply_bulk(call, value);
out:
    mem_free(&copy);
}

void on_lists_lmove(struct call *call)
{
    bool from_front = false, to_front = false;

    if (read_side(call, 3, &from_front) && read_side(call, 4, &to_front))
        move_element(call, from_front, to_front);
}

void on_lists_rpoplpush(struct call *call)
{
    move_element(call, false, true);
}

void on_lists_lmpop(struct call *call)
{
    int64_t keys = 0, count = 1;
    bool front = false;
    struct edit edit;

    if (!call_range(call, 1, 1, INT32_MAX, "numkeys should be greater than 0", &keys))
        return;
    size_t at = 2 + (size_t)keys;

    if (at >= call->count) {
        reply_syntax(call);
        return;
    }
    if (!read_side(call, at, &front))
        return;
    if (call->count > at + 1) {
        if (call->count != at + 3 || !word_is(call, at + 1, "count")) {
            reply_syntax(call);
            return;
        }
        if (!call_range(call, at + 2, 1, INT64_MAX, "count should be greater than 0", &count))
            return;
    }
    for (size_t i = 2; i < at; i++) {
        if (!edit_begin(call, call_key(call, i), TYPE_LIST, &edit))
            return;
        if (edit.object == NULL)
            continue;
        reply_array(call, 2);
        reply_bulk(call, call->words[i]);
        pop_many(call, &edit, front, (size_t)count);
        (void)edit_end(call, &edit, true);
        return;
    }
    reply_null_array(call);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

void on_lists_llen(struct call *call)
{
    struct deque *list = NULL;

    if (find_list(call, &list))
        reply_integer(call, list == NULL ? 0 : (int64_t)deque_count(list));
}

/* The element's number from the front; beyond the ends: the count. */
static size_t index_in(const struct deque *list, int64_t index)
{
    size_t count = deque_count(list);

    if (index < 0)
        index = add_saturated(index, (int64_t)count);
    return index < 0 || index >= (int64_t)count ? count : (size_t)index;
}

void on_lists_lindex(struct call *call)
{
    struct deque *list = NULL;
    int64_t index = 0;

    if (!find_list(call, &list))
        return;
    if (list == NULL) {
        reply_null(call);
        return;
    }
    if (!call_integer(call, 2, &index))
        return;
    struct deque_cursor cursor = deque_at(list, index_in(list, index));

    if (cursor.block == NULL)
        reply_null(call);
    else
        reply_bulk(call, deque_get(cursor));
}

/* Makes from and to (inclusive, negative from the end) a stretch of `size`. */
static void cut_range(int64_t from, int64_t to, size_t size, size_t *ret_from, size_t *ret_count)
{
    int64_t count = (int64_t)size;

    from = from < 0 ? add_saturated(from, count) : from;
    to = to < 0 ? add_saturated(to, count) : to;
    from = from < 0 ? 0 : from;
    to = to >= count ? count - 1 : to;
    *ret_from = from > to ? 0 : (size_t)from;
    *ret_count = from > to ? 0 : (size_t)(to - from + 1);
}

void on_lists_lrange(struct call *call)
{
    struct deque *list = NULL;
    int64_t from = 0, to = 0;
    size_t first = 0, count = 0;

    if (!call_integer(call, 2, &from) || !call_integer(call, 3, &to) || !find_list(call, &list))
        return;
    if (list != NULL)
        cut_range(from, to, deque_count(list), &first, &count);
    reply_array(call, count);
    if (count == 0)
        return;
    struct deque_cursor cursor = deque_at(list, first);

    for (; count > 0; count--) {
        reply_bulk(call, deque_get(cursor));
        deque_next(&cursor);
    }
}

struct position {
    int64_t rank;
    int64_t count; /* -1: COUNT was not given */
    int64_t max;
};

static bool read_position(struct call *call, struct position *ret_position)
{
    *ret_position = (struct position){.rank = 1, .count = -1};
    for (size_t i = 3; i < call->count; i += 2) {
        if (i + 1 >= call->count) {
            reply_syntax(call);
            return false;
        }
        if (word_is(call, i, "rank")) {
            if (!call_range(call, i + 1, -INT64_MAX, INT64_MAX, NULL, &ret_position->rank))
                return false;
            if (ret_position->rank == 0) {
                reply_error(call, "RANK can't be zero: use 1 to start from the first match, 2 from "
                                  "the second ... or use negative to start from the end of the "
                                  "list");
                return false;
            }
        } else if (word_is(call, i, "count")) {
            if (!call_range(call, i + 1, 0, INT64_MAX, "COUNT can't be negative",
                            &ret_position->count))
                return false;
        } else if (word_is(call, i, "maxlen")) {
            if (!call_range(call, i + 1, 0, INT64_MAX, "MAXLEN can't be negative",
                            &ret_position->max))
                return false;
        } else {
            reply_syntax(call);
            return false;
        }
    }
    return true;
}

/* Writes the numbers of the elements that equal words[2]; returns how many. */
static size_t find_positions(struct call *call, const struct deque *list,
                             const struct position *position, struct buf *out)
{
    size_t have = deque_count(list), found = 0, wanted = SIZE_MAX;
    bool back = position->rank < 0;
    int64_t skip = back ? -position->rank : position->rank;
    size_t max = position->max == 0 ? have : (size_t)position->max;
    struct deque_cursor cursor = deque_at(list, back ? have - 1 : 0);

    if (position->count < 0)
        wanted = 1;
    else if (position->count > 0)
        wanted = (size_t)position->count;
    for (size_t i = 0; i < have && i < max && found < wanted; i++) {
        if (bytes_equal(deque_get(cursor), call->words[2]) && --skip <= 0) {
            resp_add_integer(out, (int64_t)(back ? have - 1 - i : i));
            found++;
        }
        if (back)
            deque_prev(&cursor);
        else
            deque_next(&cursor);
    }
    return found;
}

void on_lists_lpos(struct call *call)
{
    struct deque *list = NULL;
    struct position position;
    struct buf out;

    if (!read_position(call, &position) || !find_list(call, &list))
        return;
    buf_init(&out, SIZE_MAX / 2, NULL);
    size_t found = list == NULL ? 0 : find_positions(call, list, &position, &out);

    if (position.count >= 0)
        reply_array(call, found);
    else if (found == 0)
        reply_null(call);
    buf_add(call->out, buf_bytes(&out));
    buf_fini(&out);
}

/* ---- changing ---------------------------------------------------------------------------------
 */

void on_lists_lset(struct call *call)
{
    struct edit edit;
    int64_t index = 0;

    if (!edit_begin(call, call->key, TYPE_LIST, &edit))
        return;
    if (edit.object == NULL) {
        reply_err(call, ERR_MISS);
        return;
    }
    if (!call_integer(call, 2, &index))
        return;
    struct deque_cursor cursor = deque_at(edit.object, index_in(edit.object, index));

    if (cursor.block == NULL) {
        reply_error(call, "index out of range");
        return;
    }
    enum err err = deque_replace(edit.object, cursor, call->words[3]);

    if (!edit_end(call, &edit, true))
        return;
    if (err == ERR_OK)
        reply_ok(call);
    else
        reply_err(call, err);
}

void on_lists_linsert(struct call *call)
{
    struct edit edit;
    bool after = word_is(call, 2, "after");

    if (!after && !word_is(call, 2, "before")) {
        reply_syntax(call);
        return;
    }
    if (!edit_begin(call, call->key, TYPE_LIST, &edit))
        return;
    if (edit.object == NULL) {
        reply_integer(call, 0);
        return;
    }
    struct deque_cursor cursor = deque_at(edit.object, 0);

    while (cursor.block != NULL && !bytes_equal(deque_get(cursor), call->words[3]))
        deque_next(&cursor);
    if (cursor.block == NULL) {
        reply_integer(call, -1);
        return;
    }
    enum err err = deque_insert(edit.object, cursor, after, call->words[4]);
    int64_t count = (int64_t)deque_count(edit.object);

    if (!edit_end(call, &edit, true))
        return;
    if (err == ERR_OK)
        reply_integer(call, count);
    else
        reply_err(call, err);
}

void on_lists_lrem(struct call *call)
{
    struct edit edit;
    int64_t count = 0, removed = 0;

    if (!call_range(call, 2, -INT64_MAX, INT64_MAX, NULL, &count) ||
        !edit_begin(call, call->key, TYPE_LIST, &edit))
        return;
    if (edit.object == NULL) {
        reply_integer(call, 0);
        return;
    }
    bool back = count < 0;
    int64_t wanted = count == 0 ? INT64_MAX : back ? -count : count;
    struct deque_cursor cursor = deque_at(edit.object, back ? deque_count(edit.object) - 1 : 0);

    while (cursor.block != NULL && removed < wanted) {
        if (bytes_equal(deque_get(cursor), call->words[3])) {
            deque_take(edit.object, &cursor, back);
            removed++;
        } else if (back) {
            deque_prev(&cursor);
        } else {
            deque_next(&cursor);
        }
    }
    if (edit_end(call, &edit, removed > 0))
        reply_integer(call, removed);
}

void on_lists_ltrim(struct call *call)
{
    struct edit edit;
    int64_t from = 0, to = 0;
    size_t first = 0, count = 0;

    if (!call_integer(call, 2, &from) || !call_integer(call, 3, &to) ||
        !edit_begin(call, call->key, TYPE_LIST, &edit))
        return;
    if (edit.object != NULL) {
        size_t have = deque_count(edit.object);

        cut_range(from, to, have, &first, &count);
        deque_remove(edit.object, first + count, have - first - count);
        deque_remove(edit.object, 0, first);
    }
    if (edit_end(call, &edit, true))
        reply_ok(call);
}
