/* diff.h: `larder diff`: what changes between two configurations, and what that means.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_DIFF_H
#define LARDER_CLI_DIFF_H

#include "cli/command.h"

extern const struct command diff_command;

#endif
