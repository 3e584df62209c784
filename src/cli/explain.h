/* explain.h: `larder explain`: what would be done with a request.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_EXPLAIN_H
#define LARDER_CLI_EXPLAIN_H

#include "cli/command.h"

extern const struct command explain_command;

#endif
