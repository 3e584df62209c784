/* coder_br.c: Brotli (RFC 7932), by libbrotlienc. SPDX-License-Identifier: MIT */
#include "server/http/coder.h"

#include <brotli/encode.h>

enum { QUALITY = 5, WINDOW_BITS = 19 };

static void *br_new(uint64_t size, struct account *account)
{
    BrotliEncoderState *state = BrotliEncoderCreateInstance(coder_take, coder_give, account);

    if (state == NULL)
        return NULL;
    (void)BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, QUALITY);
    (void)BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, WINDOW_BITS);
    (void)BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT,
                                    size < UINT32_MAX ? (uint32_t)size : UINT32_MAX);
    return state;
}

static void br_free(void *state, struct account *account)
{
    (void)account;
    BrotliEncoderDestroyInstance(state);
}

static enum err br_feed(void *state, struct bytes piece, bool is_last, struct buf *out)
{
    BrotliEncoderOperation operation = is_last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    size_t rest = piece.size;
    const uint8_t *next = piece.data;

    do {
        uint8_t *room = buf_room(out, CODER_ROOM);
        size_t left = CODER_ROOM;

        if (room == NULL ||
            !BrotliEncoderCompressStream(state, operation, &rest, &next, &left, &room, NULL))
            return ERR_FULL;
        buf_grew(out, CODER_ROOM - left);
    } while (rest > 0 || BrotliEncoderHasMoreOutput(state));
    return ERR_OK;
}

const struct coder_ops coder_br = {"br", br_new, br_free, br_feed};
