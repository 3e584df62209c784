/* shelf.h: where the index' tables stand: addresses reserved once, given out in lines of 64 bytes.
 * SPDX-License-Identifier: MIT
 *
 *     |table |table   |     free     |table |t|  free  |table     |  <- the next one  ...
 *     +---page---+---page---+---page---+---page---+---page---+---page---+
 *      ########## ###########          ##########  #####################   in memory and charged
 *
 * Tables come to some kilobytes each, and none fits where the smaller one before it was. In the C
 * library's heap, the holes that they leave took a fifth as much again, unseen by any account; in
 * pages of their own, what is left of the last page would. Here each table is put behind the one
 * that was put before, round and round, and every whole page of a hole goes back to the system.
 * Since all tables are replaced after about the same number of entries, the oldest are the next to
 * go: holes lie together, and 1 % to 3 % is lost at their edges (with some hundred entries a table:
 * an eighth). The lowest hole that is large enough, wherever it is, loses 5 % to 15 %.
 *
 * Memory: charged to the account in pages, as they are backed. Cannot be refused: a table that must
 *   grow is part of a change that is half done.
 * Threads: any. A take looks at the holes one by one, some thousand at most.
 */
#ifndef LARDER_CACHE_SHELF_H
#define LARDER_CACHE_SHELF_H

#include "base/account.h"

#include <stdbool.h>

enum { SHELF_LINE = 64 };

struct shelf;

/* Never NULL. */
struct shelf *shelf_new(struct account *account);

/* Everything was given back. */
void shelf_free(struct shelf **owner);

/* `bytes`, a multiple of SHELF_LINE, zeroed, at a multiple of it. Never NULL. */
void *shelf_take(struct shelf *shelf, size_t bytes);
void shelf_give(struct shelf *shelf, void *place, size_t bytes);

/* Makes one large page of what is backed as a whole (blocks.h), if there is such. True: it did. */
bool shelf_collapse(struct shelf *shelf);
bool shelf_has_whole(const struct shelf *shelf);

#endif
