/* resident.c: reading, comparing, charging. SPDX-License-Identifier: MIT */
#include "cli/resident.h"

#include "base/mem.h"
#include "base/sanitizer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LOOK_MS = 250,          /* while memory comes and goes */
    LOOK_IDLE_MS = 1000,    /* else */
    CHANGE_BYTES = 1 << 20, /* that is coming and going */
    FALL_SHARE = 8,         /* of the difference, at a time */
    TRIM_BYTES = 4 << 20,   /* unaccounted: worth a look at the C library's heap, */
    TRIM_PAUSE_MS = 10000,  /*   but no more often */
};

struct resident {
    struct loop *loop;
    struct cache *cache;
    struct timer timer;
    struct account unaccounted;
    uint64_t idle_bytes;
    uint64_t last_bytes;
    int64_t trimmed_ms;
    struct loop *worker;
    struct loop_task wake;
    atomic_bool is_woken;
};

void resident_read(uint64_t *ret_virtual, uint64_t *ret_resident)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t pages[2] = {0, 0}, page = (uint64_t)sysconf(_SC_PAGESIZE);
    char line[128], *rest = NULL;

    if (file != NULL) {
        if (fgets(line, sizeof line, file) != NULL) {
            pages[0] = strtoull(line, &rest, 10);
            pages[1] = strtoull(rest, NULL, 10);
        }
        (void)fclose(file);
    }
    *ret_virtual = pages[0] * page;
    *ret_resident = pages[1] * page;
}

const struct account *resident_account(const struct resident *resident)
{
    return &resident->unaccounted;
}

/* A worker turns, which is all that it is woken for. */
static void woken(struct loop_task *task)
{
    atomic_store(&list_owner(task, struct resident, wake)->is_woken, false);
}

static void set_unaccounted(struct resident *resident, size_t bytes)
{
    struct account *account = &resident->unaccounted;
    const struct account *whole = account->whole;
    size_t before = account_used(account);

    if (bytes > before)
        account_force(account, bytes - before);
    else
        account_refund(account, before - bytes);
    if (account_used(whole) > atomic_load(&whole->max) &&
        !atomic_exchange(&resident->is_woken, true))
        loop_post(resident->worker, &resident->wake);
}

static void trim(struct resident *resident)
{
    int64_t now_ms = loop_now_ms(resident->loop);

    if (account_used(&resident->unaccounted) < TRIM_BYTES ||
        now_ms - resident->trimmed_ms < TRIM_PAUSE_MS)
        return;
    resident->trimmed_ms = now_ms;
    mem_trim();
}

static void look(struct timer *timer)
{
    struct resident *resident = list_owner(timer, struct resident, timer);
    size_t before = account_used(&resident->unaccounted);
    uint64_t charged = account_used(cache_account(resident->cache)) - before, addresses = 0,
             bytes = 0;

    resident_read(&addresses, &bytes);
    uint64_t known = resident->idle_bytes + charged;
    size_t beyond = bytes > known ? (size_t)(bytes - known) : 0;
    uint64_t change =
        bytes > resident->last_bytes ? bytes - resident->last_bytes : resident->last_bytes - bytes;

    if (beyond < before)
        beyond = before - (before - beyond + FALL_SHARE - 1) / FALL_SHARE;
    resident->last_bytes = bytes;
    set_unaccounted(resident, beyond);
    trim(resident);
    timer_set(resident->loop, timer,
              loop_now_ms(resident->loop) + (change < CHANGE_BYTES ? LOOK_IDLE_MS : LOOK_MS));
}

struct resident *resident_new(struct loop *loop, struct cache *cache)
{
    struct resident *resident = mem_new(1, sizeof *resident);

    resident->loop = loop;
    resident->cache = cache;
    resident->wake.run = woken;
    account_init(&resident->unaccounted, cache_account(cache), 0);
    timer_init(&resident->timer, look);
    return resident;
}

void resident_begin(struct resident *resident, struct loop *worker)
{
    uint64_t addresses = 0;

    /* Sanitizers keep what is freed, and copies of everything. */
    if (SANITIZER_ADDRESS || SANITIZER_THREAD)
        return;
    resident->worker = worker;
    resident_read(&addresses, &resident->idle_bytes);
    timer_set(resident->loop, &resident->timer, loop_now_ms(resident->loop) + LOOK_MS);
}

void resident_free(struct resident **owner)
{
    struct resident *resident = *owner;

    if (resident == NULL)
        return;
    if (timer_is_set(&resident->timer))
        timer_clear(resident->loop, &resident->timer);
    mem_free(owner);
}
