/* meter.c: getrusage and schedstat. SPDX-License-Identifier: MIT */
#include "bench/meter.h"

#include "base/bytes.h"
#include "base/must.h"
#include "base/number.h"
#include "net/clock.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t time_ns(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000000 + (int64_t)time.tv_usec * 1000;
}

/* "1234 567 89": ns on a processor, ns waiting for one, turns. */
static int64_t read_queue_ns(void)
{
    char text[128];
    uint64_t queue_ns = 0;
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text);

    (void)close(fd);
    if (size <= 0)
        return 0;
    struct bytes rest = bytes_of(text, (size_t)size);

    (void)bytes_cut(&rest, ' ');
    return number_u64(bytes_cut(&rest, ' '), &queue_ns) == ERR_OK ? (int64_t)queue_ns : 0;
}

struct meter meter_read(void)
{
    struct rusage usage;

    must(getrusage(RUSAGE_THREAD, &usage) == 0);
    return (struct meter){
        .at_ns = clock_now_ns(),
        .cpu_ns = time_ns(usage.ru_utime) + time_ns(usage.ru_stime),
        .queue_ns = read_queue_ns(),
    };
}
