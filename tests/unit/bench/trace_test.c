/* The promises of bench/trace.h and bench/mixture.h. SPDX-License-Identifier: MIT */
#include "bench/trace.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "bench/mixture.h"
#include "t.h"

#include <zstd.h>

/* Reads `size` bytes as if they were a file. */
static enum err read_bytes(struct trace *trace, void *data, size_t size, struct fault *fault)
{
    FILE *file = fmemopen(data, size, "rb");
    enum err err = ERR_OK;

    CHECK(file != NULL);
    err = trace_read(trace, "test", file, fault);
    (void)fclose(file);
    return err;
}

/* Packs records of these ids (sizes 10 · id) and `rest` bytes more. */
static size_t pack(const uint64_t *ids, size_t count, size_t rest, uint8_t *ret_packed, size_t max)
{
    uint8_t plain[1024] = {0};
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        for (unsigned byte = 0; byte < 8; byte++)
            plain[i * TRACE_RECORD_SIZE + byte] = (uint8_t)(ids[i] >> (8 * byte));
        plain[i * TRACE_RECORD_SIZE + 8] = (uint8_t)(10 * ids[i]);
    }
    size = ZSTD_compress(ret_packed, max, plain, count * TRACE_RECORD_SIZE + rest, 3);
    CHECK(!ZSTD_isError(size));
    return size;
}

static enum err read_ids(struct trace *trace, const uint64_t *ids, size_t count, size_t rest)
{
    uint8_t packed[2048];
    struct fault fault = {0};
    size_t size = pack(ids, count, rest, packed, sizeof packed);
    enum err err = read_bytes(trace, packed, size, &fault);

    CHECK((err == ERR_OK) == (fault.text[0] == '\0'));
    return err;
}

TEST(a_trace_knows_its_requests_objects_and_footprint)
{
    const uint64_t ids[] = {1, 3, 2, 1, 1};
    struct trace trace;

    CHECK(read_ids(&trace, ids, 5, 0) == ERR_OK);
    CHECK(trace.request_count == 5);
    CHECK(trace.object_count == 3);
    CHECK(trace.footprint == 60);
    CHECK(trace.ids[1] == 3);
    CHECK(trace.sizes[3] == 30);
    trace_fini(&trace);
    CHECK(trace.ids == NULL);
}

TEST(a_trace_with_gaps_or_impossible_ids_is_refused)
{
    const uint64_t gap[] = {1, 3};
    const uint64_t zero[] = {1, 0};
    const uint64_t huge[] = {1, UINT64_C(1) << 33};
    struct trace trace;

    CHECK(read_ids(&trace, gap, 2, 0) == ERR_CORRUPT);
    CHECK(read_ids(&trace, zero, 2, 0) == ERR_CORRUPT);
    CHECK(read_ids(&trace, huge, 2, 0) == ERR_CORRUPT);
    CHECK(read_ids(&trace, gap, 0, 0) == ERR_CORRUPT);
    CHECK(trace.ids == NULL);
}

TEST(a_trace_that_is_cut_off_is_refused)
{
    const uint64_t ids[] = {1, 2, 3};
    uint8_t packed[256];
    struct trace trace;
    struct fault fault = {0};
    size_t size = pack(ids, 3, 0, packed, sizeof packed);

    CHECK(read_ids(&trace, ids, 3, 5) == ERR_CORRUPT);
    for (size_t cut = 1; cut < size; cut++)
        CHECK(read_bytes(&trace, packed, cut, &fault) == ERR_CORRUPT);
    CHECK(read_bytes(&trace, packed, size, &fault) == ERR_OK);
    trace_fini(&trace);
}

TEST(what_is_no_zstd_is_refused)
{
    char text[] = "id,size\n1,2\n";
    struct trace trace;
    struct fault fault = {0};

    CHECK(read_bytes(&trace, text, sizeof text - 1, &fault) == ERR_CORRUPT);
    CHECK(trace_load(&trace, "/nowhere/at/all.ltr.zst", &fault) == ERR_DISK);
    CHECK(bytes_equal(bytes_of_text(fault.file), BYTES("/nowhere/at/all.ltr.zst")));
}

TEST(the_name_of_a_trace_is_that_of_its_file)
{
    char name[TRACE_NAME_SIZE];

    trace_name("/a/b.c/web12.ltr.zst", name);
    CHECK(bytes_equal(bytes_of_text(name), BYTES("web12")));
    trace_name("other.zst", name);
    CHECK(bytes_equal(bytes_of_text(name), BYTES("other.zst")));
    trace_name(".ltr.zst", name);
    CHECK(bytes_equal(bytes_of_text(name), BYTES(".ltr.zst")));
}

TEST(a_mixture_is_the_same_trace_for_the_same_seed)
{
    for (size_t i = 0; i < mixture_count(); i++) {
        struct trace one;
        struct trace two;
        struct trace other;
        struct fault fault = {0};

        CHECK(mixture_make(i, 20000, 1, &one, &fault) == ERR_OK);
        CHECK(mixture_make(i, 20000, 1, &two, &fault) == ERR_OK);
        CHECK(mixture_make(i, 20000, 2, &other, &fault) == ERR_OK);
        CHECK(one.request_count == 20000);
        CHECK(one.object_count > 1000);
        CHECK(one.footprint / one.object_count > 600);
        CHECK(one.footprint / one.object_count < 5000);
        CHECK(memcmp(one.ids, two.ids, 20000 * sizeof *one.ids) == 0);
        CHECK(one.footprint == two.footprint);
        CHECK(one.footprint != other.footprint);
        trace_fini(&one);
        trace_fini(&two);
        trace_fini(&other);
    }
}
