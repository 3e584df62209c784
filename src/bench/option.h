/* option.h: the command line of the load generator, from its table (option.def).
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_BENCH_OPTION_H
#define LARDER_BENCH_OPTION_H

#include "bench/plan.h"

/* Reads `argv[1]` and what follows into a plan after plan_init. Then plan_finish. ERR_SYNTAX or
 * ERR_RANGE, with a sentence, when a word is unknown or its value does not fit. */
enum err option_read(struct plan *plan, int argc, char **argv, struct fault *fault);

/* What can be written, for people. */
void option_help(enum plan_protocol protocol, struct buf *out);

#endif
