/* restart.h: which settings a running server leaves as they are, and why.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_RESTART_H
#define LARDER_CLI_RESTART_H

#include "cli/compare.h"

/* Why a reload does not make this change of a setting; NULL: it does. Some changes of a setting can
 * be made and others cannot. */
const char *restart_why(const struct compare_row *row, const struct config *was,
                        const struct config *is);

#endif
