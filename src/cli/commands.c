/* commands.c: the list of subcommands. SPDX-License-Identifier: MIT */
#include "cli/check.h"
#include "cli/command.h"

const struct command *const commands[] = {
    &check_command,
};

const size_t commands_count = sizeof commands / sizeof commands[0];
