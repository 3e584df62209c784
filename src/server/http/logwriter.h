/* logwriter.h: a thread that writes the access log, so that no worker waits for a disk.
 * SPDX-License-Identifier: MIT
 *
 * Workers hand over whole lines; one thread writes them, a large piece at a time. When the disk
 * does not keep up, a bounded amount waits and what comes beyond that is refused: a log that is
 * late must neither stop the gateway nor eat its memory.
 *
 * Memory: twice LOGWRITER_MAX at the most, charged to the account. Threads: logwriter_add from any.
 */
#ifndef LARDER_SERVER_HTTP_LOGWRITER_H
#define LARDER_SERVER_HTTP_LOGWRITER_H

#include "base/bytes.h"
#include "base/counter.h"
#include "base/err.h"

enum { LOGWRITER_MAX = 4 << 20 /* bytes that wait */ };

struct account;
struct logwriter;

/* `fd` stays the caller's, who may put another file behind it (dup3) at any time. `account` may be
 * NULL. ERR_SYSTEM: no thread. */
enum err logwriter_new(int fd, struct account *account, struct logwriter **ret_writer);

/* Writes what waits, ends the thread. Waits a second for a pipe that nobody reads from. */
void logwriter_free(struct logwriter **owner);

/* False: there is no room for these lines, and none of them is taken. */
bool logwriter_add(struct logwriter *writer, struct bytes lines);

/* Lines that were taken and could not be written; of NULL: 0. */
uint64_t logwriter_lost(const struct logwriter *writer);

#endif
