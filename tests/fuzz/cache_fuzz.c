/* Whatever is asked of the engine, in whatever order, the answers are those of a plain map
 * (tests/unit/cache/sim.h): the bytes are the choices. SPDX-License-Identifier: MIT */
#include "cache/sim.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 2000 };

static _Noreturn void on_failure(const struct sim *sim, const char *what, const char *file,
                                 int line)
{
    (void)fprintf(stderr, "step %u, byte %zu: %s:%d: %s\n", sim->step, sim->data_at, file, line,
                  what);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sim sim;
    struct sim_settings settings = {
        .seed = 1, .steps = STEPS_MAX, .data = data, .size = size, .failed = on_failure};

    if (size > 0)
        sim_run(&sim, &settings);
    return 0;
}
