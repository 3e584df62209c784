/* check.h: `larder check`: is this configuration right?
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_CHECK_H
#define LARDER_CLI_CHECK_H

#include "cli/command.h"
#include "cli/config.h"

/* What the doors themselves refuse when they are opened, told before: addresses that make no sense,
 * and one for Redis clients that everybody reaches without a password. */
enum err check_listeners(const struct config *config, struct fault *fault);

extern const struct command check_command;

#endif
