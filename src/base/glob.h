/* glob.h: patterns as Redis and people write them: * ? [a-z] [^a] \x.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_BASE_GLOB_H
#define LARDER_BASE_GLOB_H

#include "base/bytes.h"

/* Whether the whole text fits the pattern. In time O(text · pattern) at the worst: the matcher
 * goes back to the last star only. */
bool glob_fits(struct bytes pattern, struct bytes text);

#endif
