/* worker.c: starting and joining threads. SPDX-License-Identifier: MIT */
#include "net/worker.h"

#include "base/mem.h"
#include "base/must.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

enum { NAME_SIZE = 16 /* with its end: what Linux allows */ };

struct worker {
    pthread_t thread;
    char name[NAME_SIZE];
    int core;
    void (*run)(void *context);
    void *context;
};

static void take_core(int core)
{
    cpu_set_t set;

    if (core < 0 || core >= CPU_SETSIZE)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

static void *work(void *context)
{
    struct worker *worker = context;

    (void)pthread_setname_np(pthread_self(), worker->name);
    take_core(worker->core);
    worker->run(worker->context);
    return NULL;
}

enum err worker_start(const char *name, int core, void (*run)(void *context), void *context,
                      struct worker **ret_worker)
{
    struct worker *worker = mem_new(1, sizeof *worker);
    sigset_t all, before;

    (void)snprintf(worker->name, sizeof worker->name, "%s", name);
    worker->core = core;
    worker->run = run;
    worker->context = context;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
    int why = pthread_create(&worker->thread, NULL, work, worker);

    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (why != 0) {
        mem_free(&worker);
        return ERR_SYSTEM;
    }
    *ret_worker = worker;
    return ERR_OK;
}

void worker_join(struct worker **owner)
{
    struct worker *worker = *owner;

    if (worker == NULL)
        return;
    int why = pthread_join(worker->thread, NULL);

    must(why == 0);
    mem_free(owner);
}

unsigned worker_cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);

    return count > 0 ? (unsigned)count : 1;
}
