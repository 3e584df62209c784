/* restart.c: the table of what has to wait for a restart. SPDX-License-Identifier: MIT */
#include "cli/restart.h"

#include "cli/setup.h"

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

const char *restart_why(const struct compare_row *row, const struct config *was,
                        const struct config *is)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].path, row->path) == 0)
            return rows[i].why;
    }
    bool is_door = strcmp(row->path, "listen.http.address") == 0 ||
                   strcmp(row->path, "listen.https.address") == 0;

    if (is_door && setup_has_gateway(was) != setup_has_gateway(is))
        return "the gateway is made, or left out, at start";
    if (strcmp(row->path, "http.access_log") == 0 && !(is_file(row->was) && is_file(row->is)))
        return "whether there is an access log is settled at start";
    return NULL;
}
