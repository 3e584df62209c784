/* order.h: `larder reload` and `larder upgrade`: what a running server is told to do.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_ORDER_H
#define LARDER_CLI_ORDER_H

#include "cli/command.h"

extern const struct command reload_command, upgrade_command;

#endif
