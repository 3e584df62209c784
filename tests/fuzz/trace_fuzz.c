/* Any file at all is a trace or a clear refusal. SPDX-License-Identifier: MIT */
#include "bench/replay.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trace trace = {0};
    struct replay replay = {.trace = &trace, .policy = "s3fifo", .fraction = 0.3};
    struct replay_result result = {0};
    struct fault fault = {0};
    FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "rb");

    if (file == NULL)
        return 0;
    if (trace_read(&trace, "fuzz", file, &fault) == ERR_OK) {
        enum err err = replay_run(&replay, &result);

        must(err == ERR_OK);
        must(result.misses >= trace.object_count);
        must(result.misses <= trace.request_count);
        replay.mode = REPLAY_BYTES;
        err = replay_run(&replay, &result);
        must(err == ERR_OK);
        must(result.miss_bytes <= result.request_bytes);
    } else {
        must(fault.text[0] != '\0');
        must(trace.ids == NULL);
    }
    trace_fini(&trace);
    (void)fclose(file);
    return 0;
}
