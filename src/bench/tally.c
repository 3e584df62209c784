/* tally.c: counting and adding up. SPDX-License-Identifier: MIT */
#include "bench/tally.h"

#include "base/mem.h"
#include "base/must.h"

static const struct {
    const char *key;
    const char *text;
} failures[] = {
#define FAILURE(name, key, text) {key, text},
#include "bench/failure.def"
#undef FAILURE
};

const char *failure_key(enum failure failure)
{
    must(failure < FAILURE_COUNT);
    return failures[failure].key;
}

const char *failure_text(enum failure failure)
{
    must(failure < FAILURE_COUNT);
    return failures[failure].text;
}

struct tally *tally_new(void)
{
    struct tally *tally = mem_new(1, sizeof *tally);

    tally->latency = histogram_new();
    return tally;
}

void tally_free(struct tally **owner)
{
    if (*owner != NULL)
        histogram_free(&(*owner)->latency);
    mem_free(owner);
}

static void add_all(uint64_t *to, const uint64_t *from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        to[i] += from[i];
}

void tally_merge(struct tally *tally, const struct tally *from)
{
    histogram_merge(tally->latency, from->latency);
    tally->arrived += from->arrived;
    tally->good += from->good;
    tally->body_bytes += from->body_bytes;
    add_all(tally->failures, from->failures, FAILURE_COUNT);
    add_all(tally->status, from->status, TALLY_STATUS_MAX);
    add_all(tally->cached, from->cached, CACHED_COUNT);
    add_all(tally->sources, from->sources, SOURCE_COUNT);
}

uint64_t tally_failed(const struct tally *tally)
{
    uint64_t failed = 0;

    for (unsigned i = 0; i < FAILURE_COUNT; i++)
        failed += tally->failures[i];
    return failed;
}

double tally_hit_ratio(const struct tally *tally)
{
    uint64_t hits = tally->cached[CACHED_HIT] + tally->cached[CACHED_STALE];
    uint64_t told = hits + tally->cached[CACHED_SHARED] + tally->cached[CACHED_MISS];

    return told == 0 ? -1 : (double)hits / (double)told;
}
