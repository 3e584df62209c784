/* warm.h: `larder warm`: asks for many URLs, so that they are stored before somebody needs them.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_WARM_H
#define LARDER_CLI_WARM_H

#include "cli/command.h"

extern const struct command warm_command;

#endif
