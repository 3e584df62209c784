/* The engine against a plain map, in a made-up world of several threads and one clock (sim.h). A
 * run that fails prints the line that replays it:
 *
 *   simulation_test --seed 12345 --steps 842            that run, up to the step that failed
 *   simulation_test --seed 12345 --steps 842 --loud     ... and tells each step
 *   simulation_test --seed 12345 --steps 842 --shrink   ... without the steps that it fails without
 *
 * SPDX-License-Identifier: MIT */
#include "sim.h"
#include "t.h"

#include "base/bytes.h"
#include "base/must.h"
#include "base/number.h"
#include "base/sanitizer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 3000, STEPS_SHORT = 120, STEPS_MAX = 1 << 20 };

/* All of this is one thread, in which there is nothing for the thread sanitizer to find. */
#if SANITIZER_THREAD
enum { RUNS = 5, RUNS_SHORT = 30 };
#elif defined(LARDER_DEBUG)
enum { RUNS = 16, RUNS_SHORT = 150 };
#else
enum { RUNS = 60, RUNS_SHORT = 600 };
#endif

static struct sim world;

/* ---- what a failure leaves --------------------------------------------------------------- */

/* Also in the handler of a signal that this thread raises itself, by abort().
 * NOLINTBEGIN(bugprone-signal-handler) */
static void print_replay(void)
{
    unsigned steps = world.step < world.settings.steps ? world.step + 1 : world.step;

    (void)printf("         replay: tests/unit/cache/simulation_test --seed %llu --steps %u"
                 " (and --loud or --shrink)\n",
                 (unsigned long long)world.settings.seed, steps);
    (void)fflush(stdout);
}
/* NOLINTEND(bugprone-signal-handler) */

static void on_failure(const struct sim *sim, const char *what, const char *file, int line)
{
    (void)printf("         step %u, thread %d at %lld:\n", sim->step,
                 (int)(sim->actor - sim->actors), (long long)sim->actor->now_ms);
    print_replay();
    t_fail(what, file, line);
}

/* The engine's own checks stop the program, and so do the sanitizers. */
static void on_death(int number)
{
    (void)signal(number, SIG_DFL);
    print_replay();
    (void)raise(number);
}

static void on_report(void)
{
    print_replay();
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void expect_death(void)
{
    (void)signal(SIGABRT, on_death);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(on_report);
}

/* ---- fewer steps ------------------------------------------------------------------------- */

static void on_failure_of_child(const struct sim *sim, const char *what, const char *file, int line)
{
    (void)sim;
    (void)what;
    (void)file;
    (void)line;
    _exit(1);
}

static bool fails(struct sim_settings settings)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        settings.failed = on_failure_of_child;
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL)
            _exit(0);
        sim_run(&world, &settings);
        _exit(0);
    }
    CHECK(child > 0);
    CHECK(waitpid(child, &status, 0) == child);
    return status != 0;
}

/* Leaves out as many steps as it can, in ever smaller pieces. */
static void shrink(struct sim_settings *settings)
{
    static uint8_t left_out[STEPS_MAX];
    unsigned left = settings->steps;

    settings->left_out = left_out;
    for (unsigned piece = settings->steps / 2; piece > 0; piece /= 2) {
        for (unsigned at = 0; at < settings->steps; at += piece) {
            unsigned size = at + piece < settings->steps ? piece : settings->steps - at;
            uint8_t before[STEPS_MAX / 1024];

            if (size > sizeof before)
                continue;
            memcpy(before, left_out + at, size);
            memset(left_out + at, 1, size);
            if (!fails(*settings))
                memcpy(left_out + at, before, size);
        }
    }
    for (unsigned i = 0; i < settings->steps; i++)
        left -= left_out[i];
    (void)printf("         it fails with %u of %u steps:\n", left, settings->steps);
}

/* ---- runs -------------------------------------------------------------------------------- */

static uint64_t number_option(const char *option, uint64_t usual)
{
    const char *text = t_option(option);
    uint64_t number = usual;

    if (text != NULL)
        CHECK(number_u64(bytes_of_text(text), &number) == ERR_OK);
    return number;
}

static void run(uint64_t seed, unsigned steps)
{
    struct sim_settings settings = {.seed = seed, .steps = steps, .failed = on_failure};

    expect_death();
    settings.loud = t_option("--loud") != NULL;
    if (t_option("--shrink") != NULL) {
        shrink(&settings);
        settings.loud = true;
    }
    sim_run(&world, &settings);
}

/* Seeds of the one test are not those of the other. Returns how many values were evicted. */
static uint64_t run_many(uint64_t first, unsigned runs, unsigned steps)
{
    uint64_t evicted = 0;

    for (uint64_t seed = first; seed < first + number_option("--runs", runs); seed++) {
        run(seed, steps);
        evicted += world.evicted;
    }
    return evicted;
}

TEST(the_engine_says_what_a_plain_map_says_over_long_runs)
{
    /* Nothing evicted: memory was never short, and less was tried than is said here. */
    if (t_option("--seed") == NULL)
        CHECK(run_many(1, RUNS, STEPS) > 0 || t_option("--runs") != NULL);
    else
        run(number_option("--seed", 1), (unsigned)number_option("--steps", STEPS));
}

TEST(and_over_many_short_ones)
{
    if (t_option("--seed") == NULL)
        (void)run_many(1000000, RUNS_SHORT, STEPS_SHORT);
}
