/* tally.c: rows of counts by the names of routes. SPDX-License-Identifier: MIT */
#include "server/http/tally.h"

#include "base/mem.h"
#include "base/must.h"

#include <pthread.h>
#include <string.h>

struct row {
    char *name;
    struct tally *of; /* one a worker */
};

struct tallies {
    pthread_mutex_t lock; /* of what follows; the counts have none */
    unsigned workers;
    size_t count;
    struct row rows[TALLIES_MAX];
};

struct tallies *tallies_new(unsigned workers)
{
    struct tallies *tallies = mem_new(1, sizeof *tallies);

    must(workers > 0);
    tallies->workers = workers;
    must(pthread_mutex_init(&tallies->lock, NULL) == 0);
    return tallies;
}

void tallies_free(struct tallies **owner)
{
    struct tallies *tallies = *owner;

    if (tallies == NULL)
        return;
    for (size_t i = 0; i < tallies->count; i++) {
        mem_free(&tallies->rows[i].name);
        mem_free(&tallies->rows[i].of);
    }
    (void)pthread_mutex_destroy(&tallies->lock);
    mem_free(owner);
}

static struct row *find(struct tallies *tallies, const char *name)
{
    for (size_t i = 0; i < tallies->count; i++) {
        if (strcmp(tallies->rows[i].name, name) == 0)
            return &tallies->rows[i];
    }
    if (tallies->count == TALLIES_MAX)
        return &tallies->rows[TALLIES_MAX - 1];
    struct row *row = &tallies->rows[tallies->count++];

    row->name = mem_copy_text(name);
    row->of = mem_new_aligned(_Alignof(struct tally), tallies->workers * sizeof *row->of);
    return row;
}

struct tally *tallies_of(struct tallies *tallies, const char *name)
{
    must(pthread_mutex_lock(&tallies->lock) == 0);
    struct tally *of = find(tallies, name)->of;

    must(pthread_mutex_unlock(&tallies->lock) == 0);
    return of;
}

/* A tally is nothing but counters. */
static void add(struct tally *sum, const struct tally *part)
{
    struct counter *to = (struct counter *)(void *)sum;
    const struct counter *from = (const struct counter *)(const void *)part;

    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        counter_add(&to[i], counter_read(&from[i]));
}

void tallies_read(struct tallies *tallies, tallies_fn *each, void *context)
{
    struct tally *sum = mem_new_aligned(_Alignof(struct tally), sizeof *sum);

    must(pthread_mutex_lock(&tallies->lock) == 0);
    for (size_t i = 0; i < tallies->count; i++) {
        memset(sum, 0, sizeof *sum);
        for (unsigned worker = 0; worker < tallies->workers; worker++)
            add(sum, &tallies->rows[i].of[worker]);
        each(context, tallies->rows[i].name, sum);
    }
    must(pthread_mutex_unlock(&tallies->lock) == 0);
    mem_free(&sum);
}

uint64_t tally_bucket_us(size_t bucket)
{
    size_t octave = bucket >> TALLY_BITS;
    uint64_t within = bucket & ((1 << TALLY_BITS) - 1);

    if (octave == 0)
        return within;
    return (within + (1 << TALLY_BITS)) << (octave - 1);
}

uint64_t tally_below(const struct tally *tally, uint64_t us)
{
    size_t end = tally_bucket(us);
    uint64_t count = 0;

    for (size_t i = 0; i < end; i++)
        count += counter_read(&tally->took[i]);
    return count;
}
