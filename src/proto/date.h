/* date.h: the dates of HTTP (RFC 9110 §5.6.7) and seconds since 1970, both ways.
 * SPDX-License-Identifier: MIT
 *
 * Three forms are read: "Sun, 06 Nov 1994 08:49:37 GMT", the older "Sunday, 06-Nov-94 08:49:37 GMT"
 * and asctime's "Sun Nov  6 08:49:37 1994"; one is written, the first. Strictly: spaces, the day of
 * the week and the day of the month have to be right; only letters may have either case (RFC 9111
 * §4.2).
 */
#ifndef LARDER_PROTO_DATE_H
#define LARDER_PROTO_DATE_H

#include "base/bytes.h"
#include "base/err.h"

enum { DATE_SIZE = 29 /* bytes of the form that is written */ };

/* `now_s` decides the century of a year with two digits: what would lie more than 50 years in the
 * future is in the past. ERR_SYNTAX. */
enum err date_parse(struct bytes text, int64_t now_s, int64_t *ret_s);

/* Of the years 0 to 9999; what lies outside is written as the nearest second inside. */
void date_write(int64_t s, uint8_t ret_text[DATE_SIZE]);

#endif
