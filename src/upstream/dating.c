/* dating.c: comparing a Date with the one before. SPDX-License-Identifier: MIT */
#include "upstream/dating.h"

/* A clock shows a second for one second; two allow for an answer that was long on its way. */
enum { STILL_MS = 2000 };

bool dating_stands_still(struct dating *dating, const struct http_head *response, int64_t now_ms)
{
    const struct http_field *date = http_find(response, HTTP_DATE);

    if (date == NULL || date->value.size > sizeof dating->text || http_has(response, HTTP_AGE) ||
        http_has(response, HTTP_VIA))
        return false;
    if (bytes_equal(date->value, bytes_of(dating->text, dating->size)))
        return now_ms - dating->since_ms >= STILL_MS;
    memcpy(dating->text, date->value.data, date->value.size);
    dating->size = date->value.size;
    dating->since_ms = now_ms;
    return false;
}
