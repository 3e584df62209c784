/* Dates: what is read can be written and read again. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/date.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const int64_t now_s = 1795168753;
    int64_t s = 0, again_s = 0;
    uint8_t text[DATE_SIZE];

    if (date_parse(bytes_of(data, size), now_s, &s) == ERR_OK) {
        must(s >= -62167219200);
        must(s <= 253402300800); /* a leap second at the very end */
        date_write(s, text);
        must(date_parse(bytes_of(text, DATE_SIZE), now_s, &again_s) == ERR_OK);
        must(again_s == s || s == 253402300800);
    }
    if (size >= sizeof s) {
        memcpy(&s, data, sizeof s);
        date_write(s, text);
        must(date_parse(bytes_of(text, DATE_SIZE), now_s, &again_s) == ERR_OK);
    }
    return 0;
}
