/* why_body_fuzz.c: whatever is sent to POST /v1/why, it becomes a head or is refused with a
 * sentence.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "server/admin/why_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault fault = {.line = 0};
    bool is_secure = false;
    struct buf head;

    buf_init(&head, 1 << 18, NULL);
    enum err err = admin_why_read(bytes_of(data, size), &head, &is_secure, &fault);

    if (err != ERR_OK)
        must(fault.text[0] != '\0');
    else
        must(head.size > 4 && memcmp(head.data + head.size - 4, "\r\n\r\n", 4) == 0);
    buf_fini(&head);
    return 0;
}
