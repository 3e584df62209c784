/* commands.c: the list of subcommands. SPDX-License-Identifier: MIT */
#include "cli/check.h"
#include "cli/command.h"
#include "cli/explain.h"
#include "cli/measure.h"
#include "cli/purge.h"
#include "cli/serve.h"
#include "cli/stats.h"

const struct command *const commands[] = {
#if __has_include("cache/birth.c")
    &serve_command,
#endif
    &check_command,
#if __has_include("server/http/gateway.c")
    &explain_command,
#endif
    &purge_command,   &stats_command, &bench_command,
};

const size_t commands_count = sizeof commands / sizeof commands[0];
