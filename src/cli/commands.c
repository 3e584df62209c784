/* commands.c: the list of subcommands. SPDX-License-Identifier: MIT */
#include "cli/check.h"
#include "cli/command.h"
#include "cli/diff.h"
#include "cli/explain.h"
#include "cli/measure.h"
#include "cli/order.h"
#include "cli/purge.h"
#include "cli/serve.h"
#include "cli/stats.h"
#include "cli/top.h"
#include "cli/warm.h"
#include "cli/why.h"

const struct command *const commands[] = {
    &serve_command, &check_command,  &explain_command, &diff_command,
    &why_command,   &reload_command, &upgrade_command, &purge_command,
    &warm_command,  &stats_command,  &top_command,     &bench_command,
};

const size_t commands_count = sizeof commands / sizeof commands[0];
