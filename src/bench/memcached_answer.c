/* memcached_answer.c: one run over an answer. SPDX-License-Identifier: MIT */
#include "bench/memcached_answer.h"

#include "base/number.h"

enum { VALUE_MAX = 512 << 20 };

/* Behind "VALUE ": key, flags, size, and with gets a number that does not matter. */
static enum err read_value(struct resp_answer *answer, struct bytes rest)
{
    struct bytes key = bytes_cut(&rest, ' '), flags = bytes_cut(&rest, ' ');
    uint64_t number = 0;

    if (key.size == 0 || number_u64(flags, &number) != ERR_OK)
        return ERR_SYNTAX;
    TRY(number_u64(bytes_cut(&rest, ' '), &answer->size));
    if (answer->size > VALUE_MAX)
        return ERR_TOO_BIG;
    answer->type = '$';
    answer->bytes = answer->size + 2;
    return ERR_OK;
}

static bool is_error(struct bytes line)
{
    return bytes_equal(line, BYTES("ERROR")) || bytes_equal(line, BYTES("NOT_STORED")) ||
           bytes_begin_with(line, BYTES("SERVER_ERROR ")) ||
           bytes_begin_with(line, BYTES("CLIENT_ERROR "));
}

static enum err read_line(struct resp_answer *answer, struct bytes line)
{
    if (answer->begun) {
        answer->left = 0;
        return bytes_equal(line, BYTES("END")) ? ERR_OK : ERR_SYNTAX;
    }
    answer->begun = true;
    if (bytes_begin_with(line, BYTES("VALUE ")))
        return read_value(answer, bytes_skip(line, sizeof "VALUE " - 1));
    answer->left = 0;
    answer->size = line.size;
    if (bytes_equal(line, BYTES("END"))) {
        answer->type = '$';
        answer->is_nil = true;
        answer->size = 0;
    } else if (bytes_equal(line, BYTES("STORED"))) {
        answer->type = '+';
    } else if (is_error(line)) {
        answer->type = '-';
    } else {
        return ERR_SYNTAX;
    }
    return ERR_OK;
}

enum err memcached_answer_next(struct resp_answer *answer, struct bytes input, size_t *ret_used)
{
    return resp_answer_run(answer, input, ret_used, read_line);
}
