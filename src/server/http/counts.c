/* counts.c: reasons as text, latencies into buckets. SPDX-License-Identifier: MIT */
#include "server/http/counts.h"

#include "base/must.h"

static const char *const reason_texts[REASONS_COUNT] = {
#define REASON(name, text, meaning) [REASON_##name] = (text),
#include "server/http/reasons.def"
#undef REASON
};

static const char *const reason_meanings[REASONS_COUNT] = {
#define REASON(name, text, meaning) [REASON_##name] = (meaning),
#include "server/http/reasons.def"
#undef REASON
};

const uint64_t gateway_bucket_us[GATEWAY_BUCKETS] = {
    50,    100,   250,    500,    1000,   2500,    5000,    10000,
    25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 10000000,
};

const char *gateway_reason_text(enum gateway_reason reason)
{
    must((unsigned)reason < REASONS_COUNT);
    return reason_texts[reason];
}

const char *gateway_reason_meaning(enum gateway_reason reason)
{
    must((unsigned)reason < REASONS_COUNT);
    return reason_meanings[reason];
}

void gateway_latency_add(struct gateway_latency *latency, int64_t took_us)
{
    uint64_t us = took_us < 0 ? 0 : (uint64_t)took_us;
    size_t at = 0;

    while (at < GATEWAY_BUCKETS && us > gateway_bucket_us[at])
        at++;
    counter_add(&latency->buckets[at], 1);
    counter_add(&latency->sum_us, us);
    counter_add(&latency->count, 1);
}
