/* regex.h: regular expressions that operators write, matched in bounded time.
 * SPDX-License-Identifier: MIT
 *
 * PCRE2 behind one file: Perl's syntax, found anywhere in the text (anchor with ^ and $). A
 * backtracking matcher can be made to run for ages by few letters, so each match has a limit of
 * steps and of memory. What meets it counts as a fit: the only use is to throw away what can be
 * fetched again, where one too many is right and one too few is wrong.
 *
 * Memory: the compiled expression; some 20 KiB during a match. Threads: any, at the same time.
 * Limits: REGEX_SIZE_MAX bytes of expression, REGEX_STEPS_MAX steps a match.
 */
#ifndef LARDER_BASE_REGEX_H
#define LARDER_BASE_REGEX_H

#include "base/bytes.h"
#include "base/fault.h"

enum { REGEX_SIZE_MAX = 1024, REGEX_STEPS_MAX = 10000, REGEX_MEMORY_MAX = 1 << 20 };

struct regex;

/* ERR_SYNTAX, ERR_TOO_BIG: the fault says what is wrong, and where. */
enum err regex_new(struct bytes text, struct regex **ret_regex, struct fault *fault);
void regex_free(struct regex **owner);

/* Whether some part of the text fits, or it cannot be told within the limits. */
bool regex_fits(const struct regex *regex, struct bytes text);

#endif
