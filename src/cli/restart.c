/* restart.c: the table of what has to wait for a restart. SPDX-License-Identifier: MIT */
#include "cli/restart.h"

static const struct {
    const char *path, *why;
} rows[] = {
#define RESTART(path, why) {path, why},
#include "cli/restart.def"
#undef RESTART
};

static bool is_off(const char *value)
{
    return value[0] == '\0' || strcmp(value, "off") == 0;
}

static bool is_file(const char *value)
{
    return !is_off(value) && strcmp(value, "-") != 0;
}

const char *restart_why(const char *path, const char *was, const char *is)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].path, path) == 0)
            return rows[i].why;
    }
    bool is_door =
        strcmp(path, "listen.http.address") == 0 || strcmp(path, "listen.https.address") == 0;

    if (is_door && is_off(was) != is_off(is))
        return "a door is made, or left out, at start";
    if (strcmp(path, "http.access_log") == 0 && !(is_file(was) && is_file(is)))
        return "whether there is an access log is settled at start";
    return NULL;
}
