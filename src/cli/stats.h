/* stats.h: `larder stats`: the numbers of a running Larder.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_STATS_H
#define LARDER_CLI_STATS_H

#include "cli/command.h"

extern const struct command stats_command;

#endif
