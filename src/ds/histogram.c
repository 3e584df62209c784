/* histogram.c: buckets in octaves. SPDX-License-Identifier: MIT */
#include "ds/histogram.h"

#include "base/mem.h"
#include "base/must.h"

#include <math.h>
#include <string.h>

enum { OCTAVE = 1 << HISTOGRAM_BITS };

struct histogram {
    uint64_t count;
    uint64_t least;
    uint64_t greatest;
    double sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Values below OCTAVE are their own bucket. Above, the highest HISTOGRAM_BITS + 1 bits of a value
 * choose: the position of the first one bit is the octave, the bits behind it the place in it. */
static unsigned bucket_of(uint64_t value)
{
    if (value < OCTAVE)
        return (unsigned)value;
    unsigned shift = 63 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(value);

    return (shift << HISTOGRAM_BITS) + (unsigned)(value >> shift);
}

/* The middle of a bucket: at most half its width away from anything in it. */
static uint64_t value_of(unsigned bucket)
{
    if (bucket < 2 * OCTAVE)
        return bucket;
    unsigned shift = (bucket >> HISTOGRAM_BITS) - 1;
    uint64_t lowest = (uint64_t)((bucket & (OCTAVE - 1)) + OCTAVE) << shift;

    return lowest + ((UINT64_C(1) << shift) >> 1);
}

struct histogram *histogram_new(void)
{
    struct histogram *histogram = mem_new(1, sizeof *histogram);

    histogram_clear(histogram);
    return histogram;
}

void histogram_free(struct histogram **owner)
{
    mem_free(owner);
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
    histogram->least = UINT64_MAX;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram_record_many(histogram, value, 1);
}

void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t count)
{
    if (count == 0)
        return;
    histogram->count += count;
    histogram->sum += (double)value * (double)count;
    if (value < histogram->least)
        histogram->least = value;
    if (value > histogram->greatest)
        histogram->greatest = value;
    histogram->buckets[bucket_of(value)] += count;
}

void histogram_merge(struct histogram *histogram, const struct histogram *from)
{
    must(histogram != from);
    histogram->count += from->count;
    histogram->sum += from->sum;
    if (from->least < histogram->least)
        histogram->least = from->least;
    if (from->greatest > histogram->greatest)
        histogram->greatest = from->greatest;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        histogram->buckets[i] += from->buckets[i];
}

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram->count;
}

uint64_t histogram_min(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->least;
}

uint64_t histogram_max(const struct histogram *histogram)
{
    return histogram->greatest;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count == 0 ? 0 : histogram->sum / (double)histogram->count;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
    must(share >= 0 && share <= 1);
    if (histogram->count == 0)
        return 0;
    double wanted = ceil(share * (double)histogram->count);
    uint64_t rank = wanted < 1 ? 1 : (uint64_t)wanted;
    uint64_t seen = 0;
    unsigned bucket = 0;

    if (rank >= histogram->count)
        return histogram->greatest;
    for (; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= rank)
            break;
    }
    uint64_t value = value_of(bucket);

    if (value < histogram->least)
        return histogram->least;
    return value > histogram->greatest ? histogram->greatest : value;
}
