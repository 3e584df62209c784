/* Chunked bodies: it makes no difference how the input is cut. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum err err;
    size_t used; /* bytes of the input; of a failure those ahead of the piece that failed */
    size_t content_size;
    bool done;
    uint8_t content[4096];
};

/* Feeds the input in pieces of `step` bytes. */
static void feed(struct bytes input, size_t step, struct outcome *outcome)
{
    static struct http_head head;
    struct http_body body;
    size_t arrived = 0;

    head.framing = HTTP_CHUNKED;
    http_body_init(&body, &head);
    *outcome = (struct outcome){.err = ERR_AGAIN};
    while (!outcome->done) {
        struct bytes piece;
        size_t used = 0;

        if (outcome->err == ERR_AGAIN) {
            if (arrived == input.size)
                return;
            arrived = input.size - arrived < step ? input.size : arrived + step;
        }
        outcome->err = http_body_next(&body, bytes_slice(input, outcome->used, arrived), &used,
                                      &piece, &outcome->done);
        if (outcome->err != ERR_OK && outcome->err != ERR_AGAIN)
            return;
        must(used <= arrived - outcome->used);
        must(outcome->err == ERR_OK || outcome->used + used == arrived);
        must(piece.size <= used);
        outcome->used += used;
        if (piece.size > 0)
            memcpy(outcome->content + outcome->content_size, piece.data, piece.size);
        outcome->content_size += piece.size;
    }
    must(http_body_is_whole_at_end(&body));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct outcome whole, parts;

    if (size > sizeof whole.content)
        return 0;
    feed(bytes_of(data, size), size + 1, &whole);
    for (size_t step = 1; step < 8; step += 2) {
        feed(bytes_of(data, size), step, &parts);
        must(parts.err == whole.err);
        must(parts.done == whole.done);
        must(!whole.done || parts.used == whole.used);
        must(parts.content_size == whole.content_size || !whole.done);
        must(!whole.done || memcmp(parts.content, whole.content, whole.content_size) == 0);
    }
    return 0;
}
