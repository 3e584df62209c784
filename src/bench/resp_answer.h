/* resp_answer.h: what a load generator must know about a RESP reply, and nothing else.
 * SPDX-License-Identifier: MIT
 *
 * RESP2 and RESP3. Kept are the type and the size of the reply itself; what is inside an array is
 * only counted through, so nesting costs nothing and needs no stack.
 *
 * Limits: bulks up to 512 MiB, 2^32 elements still to come, lines of RESP_ANSWER_LINE_MAX bytes.
 */
#ifndef LARDER_BENCH_RESP_ANSWER_H
#define LARDER_BENCH_RESP_ANSWER_H

#include "base/bytes.h"
#include "base/err.h"

enum { RESP_ANSWER_LINE_MAX = 65536 };

struct resp_answer {
    uint8_t type;  /* its first byte: + - : $ * _ # , ( ! = ~ % > */
    bool is_nil;   /* $-1, *-1 or _ */
    uint64_t size; /* bytes of a bulk or a line; elements of an array */
    /* where in the reply */
    bool begun;
    uint64_t left;  /* elements still to come */
    uint64_t bytes; /* of a bulk, its line end included */
};

void resp_answer_init(struct resp_answer *answer);

/* Runs over what came. `*ret_used` bytes are done with, on success and on ERR_AGAIN.
 * ERR_OK      the reply is whole
 * ERR_AGAIN   more has to arrive; what was not used must come again with it
 * ERR_SYNTAX  this is no RESP
 * ERR_TOO_BIG a line, a bulk or an array is larger than the limits above */
enum err resp_answer_next(struct resp_answer *answer, struct bytes input, size_t *ret_used);

/* How many replies at the front of `input`, up to `count_max`, are like `answer`, whose bytes are
 * `whole`: the same type, size and length, only the bytes of a bulk may differ. Arrays have no
 * likes. */
size_t resp_answer_repeats(const struct resp_answer *answer, struct bytes whole, struct bytes input,
                           size_t count_max);

/* ---- for the like of it (memcached_answer) ------------------------------------------------ */

/* A line without its end; errors as above. */
enum err resp_answer_cut_line(struct bytes input, struct bytes *ret_line);

/* Takes what came of the answer's bulk off `*input`; ERR_AGAIN until its line end was there. */
enum err resp_answer_skip_bulk(struct resp_answer *answer, struct bytes *input);

/* As resp_answer_next, for any protocol of lines and bulks: `read_line` is told each line. Here, so
 * that the reader is not called by pointer. */
static inline enum err
resp_answer_run(struct resp_answer *answer, struct bytes input, size_t *ret_used,
                enum err (*read_line)(struct resp_answer *answer, struct bytes line))
{
    size_t size = input.size;
    struct bytes line;
    enum err err = ERR_OK;

    while (err == ERR_OK && (answer->left > 0 || answer->bytes > 0)) {
        if (answer->bytes > 0) {
            err = resp_answer_skip_bulk(answer, &input);
            continue;
        }
        err = input.size == 0 ? ERR_AGAIN : resp_answer_cut_line(input, &line);
        if (err != ERR_OK)
            break;
        err = read_line(answer, line);
        input = bytes_skip(input, line.size + 2);
    }
    *ret_used = size - input.size;
    return err;
}

#endif
