/* expiry.h: times to live as commands give them, as times of the engine.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_EXPIRY_H
#define LARDER_SERVER_RESP_EXPIRY_H

#include "server/resp/call.h"

enum { EXPIRY_SECONDS = 1, EXPIRY_ABSOLUTE = 2 /* people's clock, not from now */ };

/* The time in words[at]. False: not a time, which was replied. Times that are over are fine, unless
 * `positive`. */
bool expiry_read(struct call *call, size_t at, unsigned unit, bool positive,
                 int64_t *ret_expires_ms);

/* Options EX, PX, EXAT and PXAT at words[at], which has a word behind it. False: none of them. */
bool expiry_option(struct call *call, size_t at, unsigned *ret_unit);

/* As a time of people's clock, in milliseconds. */
int64_t expiry_wall_ms(const struct call *call, int64_t expires_ms);

#endif
