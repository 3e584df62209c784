/* measure.h: `larder bench`: hands over to the load generator.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_MEASURE_H
#define LARDER_CLI_MEASURE_H

#include "cli/command.h"

extern const struct command bench_command;

#endif
