/* check.h: `larder check`: is this configuration right?
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_CHECK_H
#define LARDER_CLI_CHECK_H

#include "cli/command.h"

extern const struct command check_command;

#endif
