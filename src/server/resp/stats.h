/* stats.h: where CONFIG RESETSTAT set the counts of INFO to zero.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_STATS_H
#define LARDER_SERVER_RESP_STATS_H

#include "server/resp/shared.h"

struct stats;

struct stats *stats_new(void);
void stats_free(struct stats **owner);

/* From now on INFO counts from zero. Under resp->lock. */
void resp_begin_stats(struct resp *resp);

#endif
