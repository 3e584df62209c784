/* accesslog.h: a line for each request of one worker, gathered and handed over once a turn.
 * SPDX-License-Identifier: MIT
 *
 * What a line looks like: logline.h. Who writes it: logwriter.h.
 *
 * Memory: a buffer of 256 KiB at the most; what does not fit, or finds no room with the writer, is
 * lost and counted, since neither a slow nor a full disk may stop the gateway. Threads: one.
 */
#ifndef LARDER_SERVER_HTTP_ACCESSLOG_H
#define LARDER_SERVER_HTTP_ACCESSLOG_H

#include "base/counter.h"
#include "server/http/logline.h"
#include "server/http/logwriter.h"

struct accesslog;

/* `writer` outlives it. `lost` counts lines. */
struct accesslog *accesslog_new(struct logwriter *writer, struct counter *lost);
void accesslog_free(struct accesslog **owner);

void accesslog_add(struct accesslog *log, const struct logline_style *style,
                   const struct logline *line);
void accesslog_write(struct accesslog *log);

#endif
