/* figure.h: floating point numbers as INCRBYFLOAT and its kin read and write them.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_FIGURE_H
#define LARDER_SERVER_RESP_FIGURE_H

#include "base/bytes.h"
#include "base/err.h"

enum { FIGURE_TEXT_SIZE = 5120 /* the largest long double has 4933 digits */ };

/* ERR_SYNTAX: no number. */
enum err figure_read(struct bytes text, long double *ret_number);

/* Without exponent and without zeros at the end. */
struct bytes figure_write(long double number, char text[FIGURE_TEXT_SIZE]);

#endif
