/* resp_answer.c: one run over a reply. SPDX-License-Identifier: MIT */
#include "bench/resp_answer.h"

#include "base/number.h"

enum { BULK_MAX = 512 << 20 };

#define ELEMENTS_MAX (UINT64_C(1) << 32)

void resp_answer_init(struct resp_answer *answer)
{
    *answer = (struct resp_answer){.left = 1};
}

enum err resp_answer_cut_line(struct bytes input, struct bytes *ret_line)
{
    const uint8_t *end = memchr(input.data, '\n', input.size);

    if (end == NULL)
        return input.size > RESP_ANSWER_LINE_MAX ? ERR_TOO_BIG : ERR_AGAIN;
    size_t size = (size_t)(end - input.data);

    if (size < 2 || end[-1] != '\r')
        return ERR_SYNTAX;
    *ret_line = bytes_slice(input, 0, size - 1);
    return size > RESP_ANSWER_LINE_MAX ? ERR_TOO_BIG : ERR_OK;
}

static enum err count_elements(struct resp_answer *answer, uint64_t count, unsigned each)
{
    if (count > ELEMENTS_MAX || answer->left + count * each > ELEMENTS_MAX)
        return ERR_TOO_BIG;
    answer->left += count * each;
    return ERR_OK;
}

/* What follows the line: elements, or the bytes of a bulk. `*ret_size` is the line's number. */
static enum err read_length(struct resp_answer *answer, struct bytes line, bool *ret_nil,
                            uint64_t *ret_size)
{
    struct bytes number = bytes_skip(line, 1);
    uint8_t type = line.data[0];

    if ((type == '$' || type == '*') && bytes_equal(number, BYTES("-1"))) {
        *ret_nil = true;
        *ret_size = 0;
        return ERR_OK;
    }
    TRY(number_u64(number, ret_size));
    if (type == '*' || type == '~' || type == '>')
        return count_elements(answer, *ret_size, 1);
    if (type == '%')
        return count_elements(answer, *ret_size, 2);
    if (*ret_size > BULK_MAX)
        return ERR_TOO_BIG;
    answer->bytes = *ret_size + 2;
    return ERR_OK;
}

static enum err read_line(struct resp_answer *answer, struct bytes line)
{
    bool nil = line.data[0] == '_';
    uint64_t size = line.size - 1;

    switch (line.data[0]) {
    case '+':
    case '-':
    case ':':
    case '_':
    case '#':
    case ',':
    case '(':
        break;
    case '$':
    case '!':
    case '=':
    case '*':
    case '~':
    case '%':
    case '>':
        TRY(read_length(answer, line, &nil, &size));
        break;
    default:
        return ERR_SYNTAX;
    }
    if (!answer->begun) {
        answer->begun = true;
        answer->type = line.data[0];
        answer->is_nil = nil;
        answer->size = size;
    }
    answer->left--;
    return ERR_OK;
}

/* The rest of a bulk; its last two bytes must be the line end. */
enum err resp_answer_skip_bulk(struct resp_answer *answer, struct bytes *input)
{
    if (answer->bytes > 2) {
        uint64_t size = answer->bytes - 2 < input->size ? answer->bytes - 2 : input->size;

        answer->bytes -= size;
        *input = bytes_skip(*input, (size_t)size);
    }
    if (answer->bytes > 2 || input->size < 2)
        return ERR_AGAIN;
    if (!bytes_begin_with(*input, BYTES("\r\n")))
        return ERR_SYNTAX;
    answer->bytes = 0;
    *input = bytes_skip(*input, 2);
    return ERR_OK;
}

enum err resp_answer_next(struct resp_answer *answer, struct bytes input, size_t *ret_used)
{
    return resp_answer_run(answer, input, ret_used, read_line);
}

size_t resp_answer_repeats(const struct resp_answer *answer, struct bytes whole, struct bytes input,
                           size_t count_max)
{
    bool bulk = answer->type == '$' && !answer->is_nil;
    size_t head = bulk ? whole.size - (size_t)answer->size - 2 : whole.size;
    const uint8_t *at = input.data;
    size_t count = 0;

    if (!bulk && answer->type != '+' && answer->type != ':' && !answer->is_nil)
        return 0;
    for (; count < count_max && input.size >= whole.size; count++) {
        const uint8_t *end = at + whole.size;

        if (memcmp(at, whole.data, head) != 0 || end[-2] != '\r' || end[-1] != '\n')
            break;
        at = end;
        input.size -= whole.size;
    }
    return count;
}
