/* Replies as a client reads them: skipping whole and in steps must agree with the tokens.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "proto/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size > 65536 ? 65536 : size), rest = input;
    struct resp_skipper at_once = {0}, in_steps = {0};
    struct resp_token token;
    size_t used = 0, used_in_steps = 0;
    enum err err = resp_skip(&at_once, input, &used), step_err = ERR_AGAIN;

    for (size_t have = 1; step_err == ERR_AGAIN && have <= input.size; have++)
        step_err = resp_skip(&in_steps, bytes_slice(input, 0, have), &used_in_steps);
    if (input.size > 0)
        must(step_err == err);
    if (err == ERR_OK)
        must(used == used_in_steps && used <= input.size);
    while (resp_token(&rest, &token) == ERR_OK)
        must(token.text.size <= input.size && rest.size < input.size);
    return 0;
}
