/* serve.h: `larder serve`: runs the doors until it is told to stop.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_SERVE_H
#define LARDER_CLI_SERVE_H

#include "cli/command.h"

extern const struct command serve_command;

#endif
