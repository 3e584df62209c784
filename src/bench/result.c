/* result.c: adding up, and the verdict. SPDX-License-Identifier: MIT */
#include "bench/result.h"

#include "base/mem.h"
#include "base/must.h"

#include <stdio.h>

struct result *result_new(const struct plan *plan)
{
    struct result *result = mem_new(1, sizeof *result);

    result->plan = plan;
    for (unsigned i = 0; i < plan->route_count; i++)
        result->routes[i] = tally_new();
    result->all = tally_new();
    result->lag = histogram_new();
    result->wait = histogram_new();
    return result;
}

void result_free(struct result **owner)
{
    struct result *result = *owner;

    if (result == NULL)
        return;
    for (unsigned i = 0; i < result->plan->route_count; i++)
        tally_free(&result->routes[i]);
    tally_free(&result->all);
    histogram_free(&result->lag);
    histogram_free(&result->wait);
    mem_free(owner);
}

void result_add(struct result *result, const struct driver_result *driver)
{
    double window_ns = (double)driver->cost.window_ns;

    for (unsigned i = 0; i < result->plan->route_count; i++) {
        tally_merge(result->routes[i], driver->tallies[i]);
        tally_merge(result->all, driver->tallies[i]);
    }
    histogram_merge(result->lag, driver->lag);
    histogram_merge(result->wait, driver->wait);
    for (unsigned i = 0; i < FAILURE_COUNT; i++)
        result->all->failures[i] += driver->failures[i];
    result->bytes_in += driver->cost.bytes_in;
    result->bytes_out += driver->cost.bytes_out;
    if (driver->cost.window_ns <= 0)
        return;
    double cpu = (double)driver->cost.cpu_ns / window_ns,
           queued = (double)driver->cost.queue_ns / window_ns;

    if (window_ns / 1e9 > result->seconds)
        result->seconds = window_ns / 1e9;
    if (cpu > result->cpu_busiest)
        result->cpu_busiest = cpu;
    if (queued > result->queued)
        result->queued = queued;
    result->cpu += cpu;
}

/* Where one more note is written, RESULT_NOTE_SIZE bytes. */
static char *note(struct result *result)
{
    must(result->note_count < RESULT_NOTES_MAX);
    return result->notes[result->note_count++];
}

static bool is_late(const struct result *result)
{
    double lag = (double)histogram_at(result->lag, 0.99);
    double latency = (double)histogram_at(result->all->latency, 0.99);

    return lag > (double)RESULT_LAG_MAX_NS && lag > RESULT_LAG_SHARE * latency;
}

static void judge_cpu(struct result *result)
{
    if (result->seconds < RESULT_CPU_MIN_S)
        return;
    if (result->cpu_busiest >= RESULT_CPU_MAX)
        (void)snprintf(
            note(result), RESULT_NOTE_SIZE,
            "the client was the bottleneck: a thread of it used %.0f %% of a core, so the server "
            "could have answered more. Give the client more threads (--threads %llu) and cores "
            "that the server does not use, or measure in open loop below this rate (--rate).",
            100 * result->cpu_busiest, (unsigned long long)result->plan->threads * 2);
    else if (result->cpu >= RESULT_CPU_MAX * result->cores)
        (void)snprintf(
            note(result), RESULT_NOTE_SIZE,
            "the client was the bottleneck: its threads used %.2f of the %u cores that it may run "
            "on. Let it run on more cores, or measure in open loop below this rate (--rate).",
            result->cpu, result->cores);
}

static void judge_lag(struct result *result)
{
    if (result->plan->rate == 0 || !is_late(result))
        return;
    (void)snprintf(
        note(result), RESULT_NOTE_SIZE,
        "the client could not start its requests on time: one in a hundred started %.1f ms late. "
        "Lower --rate, give the client more threads (--threads %llu), or keep other programs "
        "off its cores (taskset).",
        (double)histogram_at(result->lag, 0.99) / 1e6,
        (unsigned long long)result->plan->threads * 2);
}

static void remark(struct result *result)
{
    double wait = (double)histogram_at(result->wait, 0.99);

    if (result->plan->rate > 0 && wait > 2 * (double)RESULT_LAG_MAX_NS && !is_late(result))
        (void)snprintf(
            note(result), RESULT_NOTE_SIZE,
            "one request in a hundred waited %.1f ms for a free connection (this is in the "
            "latencies): at this rate the server is too slow for --connections %llu, or stood "
            "still for a while.",
            wait / 1e6, (unsigned long long)result->plan->connections);
    if (result->seconds < RESULT_CPU_MIN_S && result->cpu_busiest >= RESULT_CPU_MAX)
        (void)snprintf(note(result), RESULT_NOTE_SIZE,
                       "the window was too short to tell whether the client was the bottleneck; "
                       "measure for a second or more.");
    if (result->queued > 0.2 && result->valid)
        (void)snprintf(
            note(result), RESULT_NOTE_SIZE,
            "the client waited for a core during %.0f %% of the time: other programs run on its "
            "cores, and part of every latency is theirs.",
            100 * result->queued);
}

void result_finish(struct result *result, unsigned cores)
{
    result->cores = cores;
    result->failed = tally_failed(result->all);
    if (result->seconds > 0)
        result->rate = (double)result->all->arrived / result->seconds;
    judge_cpu(result);
    judge_lag(result);
    result->invalid_count = result->note_count;
    result->valid = result->invalid_count == 0;
    remark(result);
}
