/* Rates of routes: what is read is within its bounds. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "server/http/limiter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct limiter_rate rate;

    if (limiter_rate_parse(bytes_of(data, size), &rate) == ERR_OK) {
        must(rate.interval_ns >= 1000 && rate.interval_ns <= 86400 * (int64_t)1000000000);
        must(rate.burst == 1);
    }
    return 0;
}
