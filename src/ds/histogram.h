/* histogram.h: how long things took, all of them, in little memory.
 * SPDX-License-Identifier: MIT
 *
 * An average hides the slow ones and a list of all values does not fit. Here each value is counted
 * in a bucket whose width grows with the value, so that every percentile is known to 0.4 %
 * whether it is a microsecond or an hour, and histograms of several threads add up without loss.
 *
 *   value   0 1 2 ... 127 | 128 ... 255 | 256, 258 ... 510 | 512, 516 ...
 *   bucket  one a value   | one a value | 128 of width 2   | 128 of width 4, and so on
 *
 * Memory: HISTOGRAM_BUCKETS counts, 58 KiB. Threads: one writes; merge when it has stopped.
 * Limits: every 64-bit value has a bucket; a count may reach 2^64 - 1.
 */
#ifndef LARDER_DS_HISTOGRAM_H
#define LARDER_DS_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_BITS = 7, /* 2^7 buckets an octave: width / value <= 1/128, error <= half of that */
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

struct histogram;

struct histogram *histogram_new(void);
void histogram_free(struct histogram **owner);

void histogram_record(struct histogram *histogram, uint64_t value);

/* The same value `count` times. */
void histogram_record_many(struct histogram *histogram, uint64_t value, uint64_t count);

/* Adds all that `from` has counted. */
void histogram_merge(struct histogram *histogram, const struct histogram *from);

void histogram_clear(struct histogram *histogram);

uint64_t histogram_count(const struct histogram *histogram);

/* Exact; 0 when nothing was recorded. */
uint64_t histogram_min(const struct histogram *histogram);
uint64_t histogram_max(const struct histogram *histogram);
double histogram_mean(const struct histogram *histogram);

/* The smallest value that at least `share` (0 to 1) of all values do not pass, to 0.4 %; never
 * below the least or above the greatest value. 0 when nothing was recorded. */
uint64_t histogram_at(const struct histogram *histogram, double share);

#endif
