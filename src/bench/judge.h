/* judge.h: is this the answer that was expected?
 * SPDX-License-Identifier: MIT
 *
 * A server that answers 500 to everything is fast. So every answer is looked at while it is
 * measured: its status or type, and its size where one is expected.
 */
#ifndef LARDER_BENCH_JUDGE_H
#define LARDER_BENCH_JUDGE_H

#include "bench/plan.h"
#include "bench/resp_answer.h"
#include "bench/tally.h"

/* What is wrong with the answer, or FAILURE_COUNT when nothing is. What it says (status, cache,
 * size) goes into the tally unless that is NULL; of RESP `count` times, for so many alike. */
enum failure judge_http(const struct plan *plan, const struct http_answer *answer,
                        struct tally *tally);
enum failure judge_resp(const struct plan *plan, const struct route *route,
                        const struct resp_answer *answer, uint64_t count, struct tally *tally);

#endif
