/* expiry.c: seconds, milliseconds, from now or since 1970. SPDX-License-Identifier: MIT */
#include "server/resp/expiry.h"

bool expiry_read(struct call *call, size_t at, unsigned unit, bool positive,
                 int64_t *ret_expires_ms)
{
    int64_t time = 0, from = call->now_ms;
    int64_t scale = (unit & EXPIRY_SECONDS) != 0 ? 1000 : 1;

    if (!call_integer(call, at, &time))
        return false;
    if ((unit & EXPIRY_ABSOLUTE) != 0)
        from = -(resp_wall_ms(call->resp, 0));
    bool fits = !__builtin_mul_overflow(time, scale, &time);

    /* What Redis refuses is what would not fit once people's time is added. */
    if (fits && (unit & EXPIRY_ABSOLUTE) == 0 && time > INT64_MAX - resp_wall_ms(call->resp, from))
        fits = false;
    if (!fits || (positive && time <= 0)) {
        reply_errorf(call, "invalid expire time in '%s' command", call->verb->name);
        return false;
    }
    *ret_expires_ms = add_saturated(time, from);
    if (*ret_expires_ms == CACHE_NEVER)
        *ret_expires_ms = CACHE_NEVER - 1;
    return true;
}

bool expiry_option(struct call *call, size_t at, unsigned *ret_unit)
{
    if (at + 1 >= call->count)
        return false;
    if (word_is(call, at, "ex"))
        *ret_unit = EXPIRY_SECONDS;
    else if (word_is(call, at, "px"))
        *ret_unit = 0;
    else if (word_is(call, at, "exat"))
        *ret_unit = EXPIRY_SECONDS | EXPIRY_ABSOLUTE;
    else if (word_is(call, at, "pxat"))
        *ret_unit = EXPIRY_ABSOLUTE;
    else
        return false;
    return true;
}

int64_t expiry_wall_ms(const struct call *call, int64_t expires_ms)
{
    return add_saturated(expires_ms, resp_wall_ms(call->resp, 0));
}
