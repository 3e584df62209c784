/* must.c: the last words of a Larder that has lost its mind. SPDX-License-Identifier: MIT */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void must_fail(const char *what, const char *file, int line, const char *function)
{
    (void)fprintf(stderr, "larder: %s:%d: %s: must hold: %s\n", file, line, function, what);
    abort();
}
