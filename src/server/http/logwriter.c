/* logwriter.c: one buffer is filled, one written. SPDX-License-Identifier: MIT */
#include "server/http/logwriter.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"
#include "net/worker.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 50, LAST_WAITS = 20 };

struct logwriter {
    int fd;
    struct worker *thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool is_ending;
    struct buf waiting;
    struct counter lost;
};

static size_t count_lines(struct bytes text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

static bool is_ending(struct logwriter *writer)
{
    must(pthread_mutex_lock(&writer->lock) == 0);
    bool is_so = writer->is_ending;

    must(pthread_mutex_unlock(&writer->lock) == 0);
    return is_so;
}

/* A pipe may have a reader that does not read: there is room for PIPE_BUF bytes, or at the end of
 * the process nobody waits for ever. False: it is given up. */
static bool wait_for_room(struct logwriter *writer)
{
    struct pollfd watched = {.fd = writer->fd, .events = POLLOUT};

    for (int tries = 0; tries < LAST_WAITS; tries += is_ending(writer)) {
        int ready = poll(&watched, 1, WAIT_MS);

        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true;
    }
    return false;
}

static void write_all(struct logwriter *writer, struct bytes rest)
{
    struct stat info;
    bool is_file = fstat(writer->fd, &info) == 0 && S_ISREG(info.st_mode);

    while (rest.size > 0) {
        size_t size = is_file || rest.size < PIPE_BUF ? rest.size : PIPE_BUF;

        if (!is_file && !wait_for_room(writer))
            break;
        ssize_t written = write(writer->fd, rest.data, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) /* a full disk: these lines are lost, the next may be not */
            break;
        rest = bytes_skip(rest, (size_t)written);
    }
    counter_add(&writer->lost, count_lines(rest));
}

static void run(void *context)
{
    struct logwriter *writer = context;
    struct buf batch;
    bool goes_on = true;

    buf_init(&batch, LOGWRITER_MAX, writer->waiting.account);
    while (goes_on) {
        must(pthread_mutex_lock(&writer->lock) == 0);
        while (writer->waiting.size == 0 && !writer->is_ending)
            must(pthread_cond_wait(&writer->more, &writer->lock) == 0);
        goes_on = writer->waiting.size > 0;
        struct buf full = writer->waiting;

        writer->waiting = batch;
        must(pthread_mutex_unlock(&writer->lock) == 0);
        write_all(writer, buf_bytes(&full));
        buf_clear(&full);
        batch = full;
    }
    buf_fini(&batch);
}

enum err logwriter_new(int fd, struct account *account, struct logwriter **ret_writer)
{
    struct logwriter *writer = mem_new(1, sizeof *writer);
    sigset_t all, before;

    writer->fd = fd;
    must(pthread_mutex_init(&writer->lock, NULL) == 0);
    must(pthread_cond_init(&writer->more, NULL) == 0);
    buf_init(&writer->waiting, LOGWRITER_MAX, account);
    /* Signals are for the main thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    enum err err = worker_start("larder-log", -1, run, writer, &writer->thread);

    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err == ERR_OK)
        *ret_writer = writer;
    else
        logwriter_free(&writer);
    return err;
}

void logwriter_free(struct logwriter **owner)
{
    struct logwriter *writer = *owner;

    if (writer == NULL)
        return;
    must(pthread_mutex_lock(&writer->lock) == 0);
    writer->is_ending = true;
    must(pthread_cond_signal(&writer->more) == 0);
    must(pthread_mutex_unlock(&writer->lock) == 0);
    if (writer->thread != NULL)
        worker_join(&writer->thread);
    buf_fini(&writer->waiting);
    (void)pthread_cond_destroy(&writer->more);
    (void)pthread_mutex_destroy(&writer->lock);
    mem_free(owner);
}

bool logwriter_add(struct logwriter *writer, struct bytes lines)
{
    must(pthread_mutex_lock(&writer->lock) == 0);
    bool has_room = lines.size <= LOGWRITER_MAX - writer->waiting.size;
    bool is_first = writer->waiting.size == 0;

    if (has_room)
        buf_add(&writer->waiting, lines);
    if (buf_failed(&writer->waiting) != ERR_OK) {
        writer->waiting.failed = false; /* the account is full; what it has is whole */
        has_room = false;
    }
    if (has_room && is_first)
        must(pthread_cond_signal(&writer->more) == 0);
    must(pthread_mutex_unlock(&writer->lock) == 0);
    return has_room;
}

uint64_t logwriter_lost(const struct logwriter *writer)
{
    return writer == NULL ? 0 : counter_read(&writer->lost);
}
