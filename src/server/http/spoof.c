/* spoof.c: fields that no stranger may send to an origin. SPDX-License-Identifier: MIT */
#include "server/http/spoof.h"

enum { NAME_MAX_SIZE = 32 /* longer ones are nobody's */ };

/* In small letters. Every name that begins with x-forwarded is one, besides. */
static const struct bytes names[] = {
    BYTES_INIT("x-original-host"), BYTES_INIT("x-original-uri"),
    BYTES_INIT("x-http-method"),   BYTES_INIT("x-method-override"),
    BYTES_INIT("x-host"),          BYTES_INIT("x-real-ip"),
    BYTES_INIT("x-client-ip"),     BYTES_INIT("x-cluster-client-ip"),
    BYTES_INIT("true-client-ip"),  BYTES_INIT("front-end-https"),
};

bool spoof_is(struct bytes name)
{
    uint8_t plain[NAME_MAX_SIZE];
    bool has_underscore = false;

    if (name.size > sizeof plain)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        has_underscore |= name.data[i] == '_';
        plain[i] = name.data[i] == '_' ? '-' : byte_lower(name.data[i]);
    }
    struct bytes text = bytes_of(plain, name.size);

    if (has_underscore && http_name_of(text) != HTTP_OTHER)
        return true;
    if (bytes_begin_with(text, BYTES("x-forwarded")))
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (bytes_equal(text, names[i]))
            return true;
    }
    return false;
}
