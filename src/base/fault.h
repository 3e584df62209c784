/* fault.h: a sentence for a person about something that could not be done, and where.
 * SPDX-License-Identifier: MIT
 *
 * Cold paths (configuration, loading, the command line) carry one beside their `enum err`: what
 * happened, where (file, line, column), what to do next.
 */
#ifndef LARDER_BASE_FAULT_H
#define LARDER_BASE_FAULT_H

#include "base/err.h"

#include <stdio.h>

struct fault {
    char file[256]; /* empty: the fault is not in a file */
    int line;       /* from 1; 0: unknown */
    int column;     /* from 1; 0: unknown */
    char text[768];
};

/* Writes the sentence and returns `err`, so that a caller can say `return fault_say(...)`. The
 * place is left as it is. */
enum err fault_say(struct fault *fault, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void fault_at(struct fault *fault, const char *file, int line, int column);

/* "file:line:column: text\n", as far as the place is known. */
void fault_print(const struct fault *fault, FILE *out);

#endif
