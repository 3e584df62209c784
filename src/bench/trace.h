/* trace.h: a recorded sequence of requests, to try eviction policies on.
 * SPDX-License-Identifier: MIT
 *
 * The file (NAME.ltr.zst) is zstd (window log up to 27), and inside it 16-byte little-endian
 * records, one for each request in order: u64 object id, u32 size in bytes, u32 seconds since the
 * first request. Ids are dense: 1 ... the number of objects.
 *
 * Memory: 4 bytes for each request and 4 for each object. Limits: TRACE_REQUESTS_MAX requests.
 */
#ifndef LARDER_BENCH_TRACE_H
#define LARDER_BENCH_TRACE_H

#include "base/fault.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_RECORD_SIZE = 16,
    TRACE_REQUESTS_MAX = 1 << 28,
    TRACE_NAME_SIZE = 128,
};

struct trace {
    char name[TRACE_NAME_SIZE]; /* of the file, without folder and .ltr.zst */
    uint32_t *ids;              /* of each request, from 1 */
    size_t request_count;
    uint32_t *sizes; /* sizes[id], as first requested; at least 1 */
    uint32_t object_count;
    uint64_t footprint; /* sum of the sizes of all objects */
};

/* ERR_DISK: no such file, or it cannot be read. ERR_CORRUPT: not zstd, cut off, not made of
 * records, or ids that are not dense. ERR_TOO_BIG: more requests than the limit. */
enum err trace_load(struct trace *trace, const char *path, struct fault *fault);

/* The same from an open file, which is read to its end. */
enum err trace_read(struct trace *trace, const char *name, FILE *file, struct fault *fault);

void trace_fini(struct trace *trace);

/* The file's name without folders and ending: what trace_load calls it. */
void trace_name(const char *path, char ret_name[TRACE_NAME_SIZE]);

/* ---- for makers of traces ---------------------------------------------------------------- */

struct trace_maker {
    struct trace *trace;
    size_t requests_max; /* room for them */
    size_t objects_max;
};

void trace_begin(struct trace_maker *maker, struct trace *trace, const char *name);

/* One more request. An object's size is what its first request says. */
enum err trace_add(struct trace_maker *maker, uint64_t id, uint32_t size, struct fault *fault);

/* Checks the whole. On an error of trace_add or of this the trace is empty. */
enum err trace_finish(struct trace_maker *maker, struct fault *fault);

#endif
