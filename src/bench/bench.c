/* bench.c: from the command line to the report. SPDX-License-Identifier: MIT */
#include "bench/bench.h"

#include "base/mem.h"
#include "base/must.h"
#include "bench/option.h"
#include "bench/result.h"
#include "net/clock.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_MEASURED = 0, EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_INVALID = 3 };
enum { TEXT_MAX = 1 << 20, SPARE_FILES = 64 };

struct run {
    struct plan *plan;
    struct stage stage;
    struct driver *drivers[PLAN_THREADS_MAX];
    pthread_t threads[PLAN_THREADS_MAX];
    sigset_t signals;
    pthread_t watcher; /* takes the signals */
    bool progress;     /* somebody watches */
};

static unsigned cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return (unsigned)CPU_COUNT(&set);
}

static enum err allow_files(const struct plan *plan, struct fault *fault)
{
    struct rlimit limit;
    uint64_t wanted = plan->connections + plan->threads + SPARE_FILES;

    must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur >= wanted)
        return ERR_OK;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return fault_say(fault, ERR_SYSTEM,
                         "%llu connections need %llu open files, but only %llu are allowed; raise "
                         "the limit with ulimit -n",
                         (unsigned long long)plan->connections, (unsigned long long)wanted,
                         (unsigned long long)limit.rlim_max);
    return ERR_OK;
}

/* ---- while it runs ----------------------------------------------------------------------- */

static void show_progress(const struct run *run, uint64_t *last)
{
    uint64_t answered = 0, failed = 0;
    int64_t start_ns = atomic_load(&run->stage.start_ns);

    for (unsigned i = 0; i < run->plan->threads; i++) {
        answered += driver_answered(run->drivers[i]);
        failed += driver_failed(run->drivers[i]);
    }
    if (start_ns == 0)
        (void)fprintf(stderr, "\r%s...\033[K", run->plan->fill ? "filling" : "connecting");
    else
        (void)fprintf(stderr, "\r%5.1f s  %10llu requests  %9llu/s  %llu errors\033[K",
                      (double)(clock_now_ns() - start_ns) / 1e9, (unsigned long long)answered,
                      (unsigned long long)(answered - *last), (unsigned long long)failed);
    *last = answered;
}

/* Waits for the drivers in a thread of its own, and wakes the one that waits for signals. */
static void *join_all(void *context)
{
    struct run *run = context;

    for (unsigned i = 0; i < run->plan->threads; i++)
        must(pthread_join(run->threads[i], NULL) == 0);
    must(pthread_kill(run->watcher, SIGUSR1) == 0);
    return NULL;
}

static void watch_over(struct run *run)
{
    struct timespec second = {1, 0};
    uint64_t last = 0;
    pthread_t joiner;

    run->watcher = pthread_self();
    must(pthread_create(&joiner, NULL, join_all, run) == 0);
    for (;;) {
        int number = sigtimedwait(&run->signals, NULL, &second);

        if (number == SIGUSR1)
            break;
        if (number == SIGINT || number == SIGTERM)
            atomic_store(&run->stage.stop, true);
        else if (number < 0 && errno == EAGAIN && run->progress)
            show_progress(run, &last);
    }
    must(pthread_join(joiner, NULL) == 0);
    if (run->progress)
        (void)fputs("\r\033[K", stderr);
}

static void run_drivers(struct run *run)
{
    sigset_t before;

    must(sigemptyset(&run->signals) == 0);
    must(sigaddset(&run->signals, SIGINT) == 0);
    must(sigaddset(&run->signals, SIGTERM) == 0);
    must(sigaddset(&run->signals, SIGUSR1) == 0);
    must(pthread_sigmask(SIG_BLOCK, &run->signals, &before) == 0);
    must(pthread_barrier_init(&run->stage.ready, NULL, (unsigned)run->plan->threads) == 0);
    for (unsigned i = 0; i < run->plan->threads; i++)
        run->drivers[i] = driver_new(&run->stage, i);
    for (unsigned i = 0; i < run->plan->threads; i++)
        must(pthread_create(&run->threads[i], NULL, driver_run, run->drivers[i]) == 0);
    watch_over(run);
    must(pthread_barrier_destroy(&run->stage.ready) == 0);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

/* ---- afterwards -------------------------------------------------------------------------- */

static void print(struct buf *text)
{
    (void)fwrite(text->data, 1, text->size, stdout);
    (void)fflush(stdout);
}

static int report(struct run *run)
{
    const struct plan *plan = run->plan;
    struct result *result = result_new(plan);
    struct buf text;
    int status = EXIT_MEASURED;

    for (unsigned i = 0; i < plan->threads; i++)
        result_add(result, driver_result(run->drivers[i]));
    result_finish(result, cores());
    buf_init(&text, TEXT_MAX, NULL);
    if (plan->json)
        result_json(result, &text);
    else
        result_text(result, &text);
    print(&text);
    buf_fini(&text);
    if (!result->valid)
        status = EXIT_INVALID;
    else if (result->all->good == 0 || (result->failed > 0 && !plan->allow_errors))
        status = EXIT_WRONG;
    result_free(&result);
    return status;
}

static int say_fault(const struct fault *fault, int status)
{
    (void)fprintf(stderr, "larder bench: ");
    fault_print(fault, stderr);
    return status;
}

/* The first driver that has something to say; those that stopped because of it have not. */
static int outcome(struct run *run)
{
    struct fault fault = {.text = ""};
    bool stopped = false;

    for (unsigned i = 0; i < run->plan->threads; i++) {
        enum err err = driver_outcome(run->drivers[i], &fault);

        stopped = stopped || err == ERR_STOPPING;
        if (err != ERR_OK && err != ERR_STOPPING)
            return say_fault(&fault, EXIT_WRONG);
    }
    if (stopped) {
        (void)fputs("larder bench: stopped before anything was measured\n", stderr);
        return EXIT_WRONG;
    }
    return report(run);
}

static int measure(struct plan *plan)
{
    struct fault fault = {.text = ""};
    struct run *run = NULL;

    if (allow_files(plan, &fault) != ERR_OK)
        return say_fault(&fault, EXIT_WRONG);
    run = mem_new(1, sizeof *run);
    run->plan = plan;
    run->stage.plan = plan;
    run->progress = isatty(STDERR_FILENO) == 1;
    run_drivers(run);
    int status = outcome(run);

    for (unsigned i = 0; i < plan->threads; i++)
        driver_free(&run->drivers[i]);
    mem_free(&run);
    return status;
}

static int help(enum plan_protocol protocol)
{
    struct buf text;

    buf_init(&text, TEXT_MAX, NULL);
    option_help(protocol, &text);
    print(&text);
    buf_fini(&text);
    return EXIT_MEASURED;
}

static int bench_main(enum plan_protocol protocol, int argc, char **argv)
{
    struct plan *plan = mem_new(1, sizeof *plan);
    struct fault fault = {.text = ""};
    int status = EXIT_USAGE;

    plan_init(plan, protocol);
    enum err err = option_read(plan, argc, argv, &fault);

    if (plan->help) {
        status = help(protocol);
    } else {
        if (err == ERR_OK)
            err = plan_finish(plan, &fault);
        status = err == ERR_OK ? measure(plan) : say_fault(&fault, EXIT_USAGE);
    }
    plan_fini(plan);
    mem_free(&plan);
    return status;
}

int bench_http_main(int argc, char **argv)
{
    return bench_main(PLAN_HTTP, argc, argv);
}

int bench_resp_main(int argc, char **argv)
{
    return bench_main(PLAN_RESP, argc, argv);
}

int bench_memcached_main(int argc, char **argv)
{
    return bench_main(PLAN_MEMCACHED, argc, argv);
}
