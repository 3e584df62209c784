/* purge_body_fuzz.c: whatever is sent to POST /v1/purge, it is understood or refused with a
 * sentence.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "server/admin/purge_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault fault = {.line = 0};
    struct admin_purge purge;
    struct arena arena;

    arena_init(&arena, 1 << 16);
    enum err err = admin_purge_read(bytes_of(data, size), &arena, &purge, &fault);

    if (err != ERR_OK)
        must(fault.text[0] != '\0');
    else
        must(purge.by == ADMIN_PURGE_ALL || purge.text.size > 0);
    arena_fini(&arena);
    return 0;
}
