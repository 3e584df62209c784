/* why.h: `larder why`: what a running Larder has for a URL, and if nothing, why.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_WHY_H
#define LARDER_CLI_WHY_H

#include "cli/command.h"

extern const struct command why_command;

#endif
