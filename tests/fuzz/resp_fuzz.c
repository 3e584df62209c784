/* Requests, arrays and lines: whole and cut anywhere they must read the same, within bounds.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "proto/resp.h"

enum { ITEMS = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads one request, giving `step` bytes more at a time. */
static enum err read_in_steps(struct bytes input, size_t step, struct resp_arguments *arguments,
                              size_t *ret_size)
{
    static const struct resp_limits limits = {ITEMS, 1 << 20, false};
    struct resp_reader reader = {0};
    size_t have = 0;
    enum err err = ERR_AGAIN;

    arguments->count = arguments->text_used = 0;
    while (err == ERR_AGAIN && have < input.size) {
        have = input.size - have > step ? have + step : input.size;
        /* A copy of just what is there, so that a read beyond it is found. */
        uint8_t *copy = mem_copy(input.data, have);

        err = resp_read(&reader, bytes_of(copy, have), &limits, arguments, ret_size);
        for (size_t i = 0; err == ERR_OK && i < arguments->count; i++) {
            const uint8_t *at = arguments->items[i].data;

            must(arguments->items[i].size <= have);
            if (at >= copy && at < copy + have)
                arguments->items[i].data = input.data + (at - copy);
        }
        mem_free(&copy);
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bytes items[2][ITEMS];
    static uint8_t text[2][RESP_INLINE_MAX];
    struct bytes rest = bytes_of(data, size > 4096 ? 4096 : size);

    while (rest.size > 0) {
        struct resp_arguments whole = {items[0], 0, ITEMS, text[0], 0, RESP_INLINE_MAX};
        struct resp_arguments parts = {items[1], 0, ITEMS, text[1], 0, RESP_INLINE_MAX};
        size_t used = 0, used_by_parts = 0;
        enum err err = read_in_steps(rest, rest.size, &whole, &used);

        must(read_in_steps(rest, 1 + rest.size / 7, &parts, &used_by_parts) == err);
        if (err != ERR_OK)
            break;
        must(used == used_by_parts && used > 0 && used <= rest.size);
        must(whole.count == parts.count);
        for (size_t i = 0; i < whole.count; i++)
            must(bytes_equal(whole.items[i], parts.items[i]));
        rest = bytes_skip(rest, used);
    }
    return 0;
}
