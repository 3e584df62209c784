/* errand_fuzz.c: whatever a list, a log or a sitemap holds, only URLs come out of it.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "cli/errand.h"
#include "proto/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct url_parts parts;
    struct errands errands;

    errands_init(&errands);
    errands_read_list(&errands, text, BYTES("a.example"));
    errands_read_log(&errands, text, BYTES("a.example"));
    (void)errands_read_sitemap(&errands, text);
    errands_sort(&errands);
    for (size_t i = 0; i < errands.count; i++) {
        must(url_split(bytes_of_text(errands.items[i].url), &parts) == ERR_OK);
        must(errands.items[i].count > 0);
    }
    errands_fini(&errands);
    return 0;
}
