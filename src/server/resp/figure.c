/* figure.c: long doubles and text. SPDX-License-Identifier: MIT */
#include "server/resp/figure.h"

#include "base/must.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 5 << 10 }; /* what figure_write makes of the largest number has 4933 digits */

enum err figure_read(struct bytes text, long double *ret_number)
{
    char copy[INPUT_MAX];
    char *end = NULL;

    if (text.size == 0 || text.size >= sizeof copy || isspace(text.data[0]))
        return ERR_SYNTAX;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    long double number = strtold(copy, &end);

    if (end != copy + text.size || isnan(number))
        return ERR_SYNTAX;
    if (errno == ERANGE && (isinf(number) || number == 0))
        return ERR_SYNTAX;
    *ret_number = number;
    return ERR_OK;
}

struct bytes figure_write(long double number, char text[FIGURE_TEXT_SIZE])
{
    int size = snprintf(text, FIGURE_TEXT_SIZE, "%.17Lf", number);

    must(size > 0);
    must(size < FIGURE_TEXT_SIZE);
    if (strchr(text, '.') != NULL) {
        while (text[size - 1] == '0')
            size--;
        if (text[size - 1] == '.')
            size--;
    }
    struct bytes written = bytes_of(text, (size_t)size);

    return bytes_equal(written, BYTES("-0")) ? BYTES("0") : written;
}
