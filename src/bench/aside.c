/* aside.c: batches of GETs, and SETs for what they missed. SPDX-License-Identifier: MIT */
#include "bench/aside.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/must.h"
#include "net/clock.h"

#include <math.h>

enum { PROGRESS_EVERY = 1 << 14, SIZE_SEED = 0x5153 };

struct round {
    const struct aside *aside;
    struct wire *wire;
    struct aside_result *result;
    uint32_t *seen;  /* of each object: the number of the batch that it was in */
    uint32_t *batch; /* object ids */
    size_t batch_size;
    uint32_t *missed;
    size_t missed_count;
    uint8_t *value; /* letters; the key is written over the first ones */
};

struct key_text {
    uint8_t bytes[ASIDE_KEY_SIZE];
};

static struct bytes key_of(uint32_t id, struct key_text *text)
{
    memcpy(text->bytes, "key:", 4);
    for (unsigned i = ASIDE_KEY_SIZE - 1; i >= 4; i--) {
        text->bytes[i] = (uint8_t)('0' + id % 10);
        id /= 10;
    }
    return bytes_of(text->bytes, ASIDE_KEY_SIZE);
}

/* Log-uniform between the bounds, as the load generator draws; always the same for one object. */
uint64_t aside_size(const struct aside *aside, uint32_t id)
{
    double low = (double)aside->size_low + 1, high = (double)aside->size_high + 1;
    double share = (double)(hash_mix(SIZE_SEED, id) >> 11) * 0x1p-53;
    uint64_t size = 0;

    if (aside->size_high == 0)
        return aside->trace->sizes[id];
    size = (uint64_t)(low * pow(high / low, share)) - 1;
    return size > aside->size_high ? aside->size_high : size;
}

static struct bytes value_of(const struct round *round, uint32_t id)
{
    uint64_t size = aside_size(round->aside, id);
    struct key_text text;
    struct bytes key = key_of(id, &text);

    memcpy(round->value, key.data, key.size);
    return bytes_of(round->value, size);
}

/* ---- one batch --------------------------------------------------------------------------- */

/* Asks for the objects from request `next` on; how many requests these are. */
static void ask(struct round *round, size_t next, uint32_t number)
{
    const struct trace *trace = round->aside->trace;

    round->batch_size = 0;
    while (round->batch_size < round->aside->batch_max && next < trace->request_count) {
        uint32_t id = trace->ids[next++];
        struct key_text text;

        if (round->seen[id] == number)
            break;
        round->seen[id] = number;
        round->batch[round->batch_size++] = id;
        wire_get(round->wire, key_of(id, &text));
    }
}

static void note_refusal(struct aside_result *result, struct bytes text)
{
    if (result->refused++ == 0)
        (void)snprintf(result->why_refused, sizeof result->why_refused, "%.*s", BYTES_ARG(text));
}

static enum err read_stored(struct round *round, struct fault *fault)
{
    for (; round->missed_count > 0; round->missed_count--) {
        struct wire_answer answer;

        TRY(wire_answer(round->wire, &answer, fault));
        if (answer.is_error)
            note_refusal(round->result, answer.text);
        else if (!answer.is_stored)
            return fault_say(fault, ERR_PEER_BROKEN, "a SET was answered with \"%.*s\"",
                             BYTES_ARG(answer.text));
    }
    return ERR_OK;
}

static enum err read_values(struct round *round, struct fault *fault)
{
    struct aside_result *result = round->result;

    for (size_t i = 0; i < round->batch_size; i++) {
        uint32_t id = round->batch[i];
        struct wire_answer answer;

        TRY(wire_answer(round->wire, &answer, fault));
        if (answer.is_error || answer.is_stored)
            return fault_say(fault, ERR_PEER_BROKEN, "a GET was answered with \"%.*s\"",
                             BYTES_ARG(answer.text));
        struct bytes value = value_of(round, id);

        result->request_bytes += value.size;
        if (answer.is_value) {
            result->wrong += !bytes_equal(answer.value, value);
            continue;
        }
        result->misses++;
        result->miss_bytes += value.size;
        round->missed[round->missed_count++] = id;
    }
    return ERR_OK;
}

static void store_missed(struct round *round)
{
    for (size_t i = 0; i < round->missed_count; i++) {
        uint32_t id = round->missed[i];
        struct key_text text;

        wire_set(round->wire, key_of(id, &text), value_of(round, id));
    }
}

static void show(const struct aside *aside, size_t done, size_t more)
{
    if (aside->progress != NULL && done / PROGRESS_EVERY != (done + more) / PROGRESS_EVERY)
        aside->progress(aside->context, done + more);
}

static enum err run_all(struct round *round, struct fault *fault)
{
    const struct aside *aside = round->aside;
    size_t done = 0;

    while (done < aside->trace->request_count) {
        round->result->batches++;
        ask(round, done, (uint32_t)round->result->batches);
        TRY(wire_send(round->wire, fault));
        TRY(read_stored(round, fault));
        TRY(read_values(round, fault));
        store_missed(round);
        show(aside, done, round->batch_size);
        done += round->batch_size;
    }
    TRY(wire_send(round->wire, fault));
    return read_stored(round, fault);
}

/* ---- all of them ------------------------------------------------------------------------- */

static enum err largest(const struct aside *aside, uint64_t *ret_bytes, struct fault *fault)
{
    uint64_t most = 0;

    for (uint32_t id = 1; id <= aside->trace->object_count; id++) {
        uint64_t size = aside_size(aside, id);

        if (size > WIRE_VALUE_MAX)
            return fault_say(fault, ERR_TOO_BIG,
                             "object %u has %llu bytes, at most %d can be sent; say --value-size",
                             id, (unsigned long long)size, WIRE_VALUE_MAX);
        most = size > most ? size : most;
    }
    *ret_bytes = most;
    return ERR_OK;
}

enum err aside_run(const struct aside *aside, struct wire *wire, struct aside_result *ret_result,
                   struct fault *fault)
{
    struct aside_result result = {.requests = aside->trace->request_count};
    struct round round = {.aside = aside, .wire = wire, .result = &result};
    int64_t begin_ns = clock_now_ns();
    uint64_t bytes_max = 0;
    enum err err = ERR_OK;

    must(aside->batch_max > 0 && aside->batch_max <= ASIDE_BATCH_MAX);
    must(aside->trace->request_count < UINT32_MAX);
    TRY(largest(aside, &bytes_max, fault));
    round.seen = mem_new((size_t)aside->trace->object_count + 1, sizeof *round.seen);
    round.batch = mem_new(aside->batch_max, sizeof *round.batch);
    round.missed = mem_new(aside->batch_max, sizeof *round.missed);
    round.value = mem_new(1, bytes_max + ASIDE_KEY_SIZE);
    memset(round.value, 'v', bytes_max + ASIDE_KEY_SIZE);
    err = run_all(&round, fault);
    result.elapsed_ns = clock_now_ns() - begin_ns;
    if (err == ERR_OK)
        *ret_result = result;
    mem_free(&round.seen);
    mem_free(&round.batch);
    mem_free(&round.missed);
    mem_free(&round.value);
    return err;
}
