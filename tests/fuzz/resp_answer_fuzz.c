/* resp_answer_fuzz.c: a reply means the same however the network cuts it into pieces.
 * SPDX-License-Identifier: MIT
 *
 * The first byte of the input says how large the pieces are.
 */
#include "base/must.h"
#include "bench/resp_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err feed(struct resp_answer *answer, struct bytes text, size_t step)
{
    size_t from = 0, to = 0;
    enum err err = ERR_AGAIN;

    resp_answer_init(answer);
    while (err == ERR_AGAIN && to < text.size) {
        size_t used = 0;

        to = to + step > text.size ? text.size : to + step;
        err = resp_answer_next(answer, bytes_slice(text, from, to), &used);
        must(used <= to - from);
        from += used;
    }
    return err;
}

/* What is counted as a like of the first reply is one when it is read. */
static void check_repeats(struct bytes text)
{
    struct resp_answer first, next;
    size_t used = 0, like = 0;

    resp_answer_init(&first);
    must(resp_answer_next(&first, text, &used) == ERR_OK);
    struct bytes whole = bytes_slice(text, 0, used), rest = bytes_skip(text, used);

    for (size_t count = resp_answer_repeats(&first, whole, rest, 64); count > 0; count--) {
        resp_answer_init(&next);
        must(resp_answer_next(&next, rest, &like) == ERR_OK);
        must(like == used);
        must(next.type == first.type);
        must(next.is_nil == first.is_nil);
        must(next.size == first.size);
        rest = bytes_skip(rest, like);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct resp_answer whole, pieces;

    if (size < 2 || size > 4096)
        return 0;
    struct bytes text = {data + 1, size - 1};
    enum err one = feed(&whole, text, text.size);
    enum err many = feed(&pieces, text, (size_t)data[0] + 1);

    must(one == many);
    if (one == ERR_OK) {
        must(whole.size == pieces.size);
        must(whole.type == pieces.type);
        check_repeats(text);
    }
    return 0;
}
