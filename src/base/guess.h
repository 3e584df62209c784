/* guess.h: "did you mean ...?"
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_BASE_GUESS_H
#define LARDER_BASE_GUESS_H

#include "base/bytes.h"

/* The candidate nearest to `word` (Damerau-Levenshtein with adjacent swaps), or NULL when none is
 * near enough to be what was meant: a third of the word's letters may differ, at least one. */
const char *guess(struct bytes word, const char *const *candidates, size_t count);

#endif
