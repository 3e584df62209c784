/* The PROXY protocol: what is taken lies in the input, and every beginning of it wants more.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "proto/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {data, size};
    struct proxy_header header, again;
    size_t used = 0, used_again = 0;

    if (proxy_parse(input, &header, &used) != ERR_OK)
        return 0;
    must(used > 0);
    must(used <= size);
    must(used <= PROXY_HEADER_MAX);
    for (size_t i = 0; i < used; i++)
        must(proxy_parse(bytes_of(data, i), &again, &used_again) == ERR_AGAIN);
    must(proxy_parse(bytes_of(data, used), &again, &used_again) == ERR_OK);
    must(used_again == used);
    must(again.family == header.family);
    must(again.port == header.port);
    return 0;
}
