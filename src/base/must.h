/* must.h: what Larder is sure of.
 * SPDX-License-Identifier: MIT
 *
 * `must` holds in every build, the released one too: it is cheap, and a cache that has lost its
 * mind must stop rather than serve another tenant's bytes. `ought` is for checks that cost more
 * than the work they guard (walking a whole list); only debug builds run it. Neither is ever asked
 * about something that came from outside: that is an error, see err.h.
 */
#ifndef LARDER_BASE_MUST_H
#define LARDER_BASE_MUST_H

_Noreturn void must_fail(const char *what, const char *file, int line, const char *function);

#define must(condition)                                                                            \
    (__builtin_expect(!!(condition), 1) ? (void)0                                                  \
                                        : must_fail(#condition, __FILE__, __LINE__, __func__))

#ifdef LARDER_DEBUG
#define ought(condition) must(condition)
#else
#define ought(condition) ((void)sizeof(condition))
#endif

#define never(why) must_fail(why, __FILE__, __LINE__, __func__)

#endif
