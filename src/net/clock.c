/* clock.c: the one place that asks what time it is. SPDX-License-Identifier: MIT */
#include "net/clock.h"

#include "base/must.h"

#include <time.h>

static int64_t read_ns(clockid_t which)
{
    struct timespec time;

    must(clock_gettime(which, &time) == 0);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t clock_now_ns(void)
{
    return read_ns(CLOCK_BOOTTIME);
}

int64_t clock_now_ms(void)
{
    return read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}
