/* trace.c: reading records out of zstd, strictly. SPDX-License-Identifier: MIT */
#include "bench/trace.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/must.h"

#include <errno.h>
#include <zstd.h>

enum { WINDOW_LOG_MAX = 27, ROOM_MIN = 1 << 16 };

/* ---- making ------------------------------------------------------------------------------ */

void trace_fini(struct trace *trace)
{
    mem_free(&trace->ids);
    mem_free(&trace->sizes);
    trace->request_count = 0;
    trace->object_count = 0;
    trace->footprint = 0;
}

void trace_begin(struct trace_maker *maker, struct trace *trace, const char *name)
{
    *trace = (struct trace){0};
    (void)snprintf(trace->name, sizeof trace->name, "%s", name);
    *maker = (struct trace_maker){.trace = trace};
}

/* An array of at least `want` numbers, grown by doubling, new ones zero. */
static enum err grow(uint32_t **array, size_t *max, size_t want, struct fault *fault)
{
    size_t more = *max < ROOM_MIN ? ROOM_MIN : *max;
    uint32_t *larger = NULL;

    if (want <= *max)
        return ERR_OK;
    while (more < want)
        more *= 2;
    larger = mem_resize(*array, more * sizeof **array);
    if (larger == NULL)
        return fault_say(fault, ERR_FULL, "no memory for a trace of %zu requests", want);
    memset(larger + *max, 0, (more - *max) * sizeof *larger);
    *array = larger;
    *max = more;
    return ERR_OK;
}

enum err trace_add(struct trace_maker *maker, uint64_t id, uint32_t size, struct fault *fault)
{
    struct trace *trace = maker->trace;
    enum err err = ERR_OK;

    if (trace->request_count >= TRACE_REQUESTS_MAX)
        err = fault_say(fault, ERR_TOO_BIG, "more than %d requests", TRACE_REQUESTS_MAX);
    else if (id == 0 || id > TRACE_REQUESTS_MAX)
        err = fault_say(fault, ERR_CORRUPT,
                        "record %zu: the object id %llu is out of range: ids are dense, from 1",
                        trace->request_count, (unsigned long long)id);
    if (err == ERR_OK)
        err = grow(&trace->ids, &maker->requests_max, trace->request_count + 1, fault);
    if (err == ERR_OK)
        err = grow(&trace->sizes, &maker->objects_max, (size_t)id + 1, fault);
    if (err != ERR_OK) {
        trace_fini(trace);
        return err;
    }
    trace->ids[trace->request_count++] = (uint32_t)id;
    if (trace->sizes[id] == 0) {
        trace->sizes[id] = size == 0 ? 1 : size;
        trace->footprint += trace->sizes[id];
    }
    if (id > trace->object_count)
        trace->object_count = (uint32_t)id;
    return ERR_OK;
}

enum err trace_finish(struct trace_maker *maker, struct fault *fault)
{
    struct trace *trace = maker->trace;
    enum err err = ERR_OK;

    if (trace->request_count == 0)
        err = fault_say(fault, ERR_CORRUPT, "there are no requests in it");
    for (uint32_t id = 1; err == ERR_OK && id <= trace->object_count; id++) {
        if (trace->sizes[id] == 0)
            err = fault_say(fault, ERR_CORRUPT,
                            "no request has the object id %u, but one has %u: ids must be dense",
                            id, trace->object_count);
    }
    if (err != ERR_OK)
        trace_fini(trace);
    return err;
}

/* ---- reading ----------------------------------------------------------------------------- */

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Adds the whole records of `data`; returns the bytes that are left in *ret_rest. */
static enum err add_records(struct trace_maker *maker, struct bytes data, size_t *ret_rest,
                            struct fault *fault)
{
    for (; data.size >= TRACE_RECORD_SIZE; data = bytes_skip(data, TRACE_RECORD_SIZE)) {
        uint64_t id = read_u32(data.data) | (uint64_t)read_u32(data.data + 4) << 32;

        TRY(trace_add(maker, id, read_u32(data.data + 8), fault));
    }
    *ret_rest = data.size;
    return ERR_OK;
}

struct reader {
    FILE *file;
    ZSTD_DStream *stream;
    uint8_t *in;
    uint8_t *out;
    size_t in_max;
    size_t out_max;
    size_t rest; /* bytes of an unfinished record, at the front of `out` */
    bool frame_open;
};

/* One piece of the file. */
static enum err read_piece(struct reader *reader, size_t size, struct trace_maker *maker,
                           struct fault *fault)
{
    ZSTD_inBuffer in = {reader->in, size, 0};
    bool more = true;

    while (in.pos < in.size || more) {
        ZSTD_outBuffer out = {reader->out, reader->out_max, reader->rest};
        size_t code = ZSTD_decompressStream(reader->stream, &out, &in);

        if (ZSTD_isError(code))
            return fault_say(fault, ERR_CORRUPT, "it is no zstd file, or damaged: %s",
                             ZSTD_getErrorName(code));
        reader->frame_open = code != 0;
        more = out.pos == out.size && code != 0;
        size = out.pos;
        TRY(add_records(maker, bytes_of(reader->out, size), &reader->rest, fault));
        memmove(reader->out, reader->out + size - reader->rest, reader->rest);
    }
    return ERR_OK;
}

static enum err read_all(struct reader *reader, struct trace_maker *maker, struct fault *fault)
{
    for (;;) {
        size_t size = fread(reader->in, 1, reader->in_max, reader->file);

        if (size == 0 && ferror(reader->file))
            return fault_say(fault, ERR_DISK, "it cannot be read: %s", strerror(errno));
        if (size == 0)
            break;
        TRY(read_piece(reader, size, maker, fault));
    }
    if (reader->frame_open)
        return fault_say(fault, ERR_CORRUPT, "it is cut off: the zstd stream has no end");
    if (reader->rest > 0)
        return fault_say(fault, ERR_CORRUPT,
                         "it is cut off: %zu bytes behind the last record of %d bytes",
                         reader->rest, TRACE_RECORD_SIZE);
    return ERR_OK;
}

void trace_name(const char *path, char ret_name[TRACE_NAME_SIZE])
{
    const char *slash = strrchr(path, '/');
    struct bytes name = bytes_of_text(slash == NULL ? path : slash + 1);
    struct bytes ending = BYTES(".ltr.zst");

    if (name.size > ending.size && bytes_equal(bytes_skip(name, name.size - ending.size), ending))
        name.size -= ending.size;
    (void)snprintf(ret_name, TRACE_NAME_SIZE, "%.*s", BYTES_ARG(name));
}

enum err trace_read(struct trace *trace, const char *name, FILE *file, struct fault *fault)
{
    struct trace_maker maker = {0};
    struct reader reader = {.file = file,
                            .stream = ZSTD_createDStream(),
                            .in_max = ZSTD_DStreamInSize(),
                            .out_max = ZSTD_DStreamOutSize() + TRACE_RECORD_SIZE};
    enum err err = ERR_OK;
    size_t code = 0;

    must(reader.stream != NULL);
    code = ZSTD_DCtx_setParameter(reader.stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    must(!ZSTD_isError(code));
    trace_begin(&maker, trace, name);
    reader.in = mem_new(1, reader.in_max);
    reader.out = mem_new(1, reader.out_max);
    err = read_all(&reader, &maker, fault);
    if (err == ERR_OK)
        err = trace_finish(&maker, fault);
    else
        trace_fini(trace);
    mem_free(&reader.in);
    mem_free(&reader.out);
    (void)ZSTD_freeDStream(reader.stream);
    return err;
}

enum err trace_load(struct trace *trace, const char *path, struct fault *fault)
{
    char name[TRACE_NAME_SIZE] = "";
    FILE *file = fopen(path, "rb");
    enum err err = ERR_OK;

    fault_at(fault, path, 0, 0);
    if (file == NULL)
        return fault_say(fault, ERR_DISK, "it cannot be opened: %s", strerror(errno));
    trace_name(path, name);
    err = trace_read(trace, name, file, fault);
    (void)fclose(file);
    return err;
}
