/* restart.h: which settings a running server leaves as they are, and why.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_RESTART_H
#define LARDER_CLI_RESTART_H

#include "cli/config.h"

/* Why a reload does not change the setting of this path ("cache.max-loads"); NULL: it does. `was`
 * and `is` are its values as written: some changes of a setting can be made and others cannot. */
const char *restart_why(const char *path, const char *was, const char *is);

#endif
