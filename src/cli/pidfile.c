/* pidfile.c: written aside and renamed. SPDX-License-Identifier: MIT */
#include "cli/pidfile.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum err pidfile_write(const char *file, struct fault *fault)
{
    char aside[PATH_MAX];
    int size = snprintf(aside, sizeof aside, "%s.%d", file, (int)getpid());

    if (size < 0 || (size_t)size >= sizeof aside)
        return fault_say(fault, ERR_TOO_BIG, "pid_file: %s is too long", file);
    FILE *out = fopen(aside, "we");

    if (out == NULL)
        return fault_say(fault, ERR_DISK, "pid_file: %s cannot be written: %s", aside,
                         strerror(errno));
    bool is_written = fprintf(out, "%d\n", (int)getpid()) > 0;

    is_written = fclose(out) == 0 && is_written;
    if (is_written && rename(aside, file) == 0)
        return ERR_OK;
    int why = errno;

    (void)unlink(aside);
    return fault_say(fault, ERR_DISK, "pid_file: %s cannot be written: %s", file, strerror(why));
}

void pidfile_remove(const char *file)
{
    char line[32] = "";
    FILE *in = fopen(file, "re");

    if (in == NULL)
        return;
    bool is_read = fgets(line, sizeof line, in) != NULL;

    (void)fclose(in);
    if (is_read && strtol(line, NULL, 10) == (long)getpid())
        (void)unlink(file);
}
