/* purge.h: `larder purge`: takes answers out of a running Larder.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_PURGE_H
#define LARDER_CLI_PURGE_H

#include "cli/command.h"

extern const struct command purge_command;

#endif
