/* fault.c: writing sentences about mistakes. SPDX-License-Identifier: MIT */
#include "base/fault.h"

#include <stdarg.h>

enum err fault_say(struct fault *fault, enum err err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return err;
}

void fault_at(struct fault *fault, const char *file, int line, int column)
{
    (void)snprintf(fault->file, sizeof fault->file, "%s", file);
    fault->line = line;
    fault->column = column;
}

void fault_print(const struct fault *fault, FILE *out)
{
    if (fault->file[0] != '\0') {
        (void)fprintf(out, "%s:", fault->file);
        if (fault->line > 0)
            (void)fprintf(out, "%d:", fault->line);
        if (fault->line > 0 && fault->column > 0)
            (void)fprintf(out, "%d:", fault->column);
        (void)fputc(' ', out);
    }
    (void)fprintf(out, "%s\n", fault->text);
}
