/* clock.h: the only clock of the house. Everybody else is told what time it is.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_NET_CLOCK_H
#define LARDER_NET_CLOCK_H

#include <stdint.h>

/* Monotonic, counting suspend (CLOCK_BOOTTIME): for expiry and timers. */
int64_t clock_now_ms(void);
int64_t clock_now_ns(void);

/* What people's clocks say, since 1970 UTC (CLOCK_REALTIME): for Date headers and logs; nothing is
 * ordered by it. */
int64_t clock_wall_ms(void);

#endif
