/* top.h: `larder top`: what each route does right now.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_TOP_H
#define LARDER_CLI_TOP_H

#include "cli/command.h"

extern const struct command top_command;

#endif
