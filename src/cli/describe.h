/* describe.h: the tables of the house, told to people.
 * SPDX-License-Identifier: MIT
 *
 * `larder --describe=TABLE` prints a page of Markdown made from the very rows that the program runs
 * on. docs/reference/ is that output, and a test holds the two together.
 */
#ifndef LARDER_CLI_DESCRIBE_H
#define LARDER_CLI_DESCRIBE_H

#include "base/buf.h"
#include "base/fault.h"

/* `table`: config, metrics, ...; "tables" lists their names, one a line. ERR_SYNTAX: there is no
 * such table; the fault says which there are. */
enum err describe(const char *table, struct buf *out, struct fault *fault);

#endif
