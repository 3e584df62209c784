/* coder_gzip.c: gzip (RFC 1952), by zlib. SPDX-License-Identifier: MIT */
#include "server/http/coder.h"

#include "base/mem.h"

#define ZLIB_CONST
#include <zlib.h>

enum { LEVEL = 6, WINDOW_BITS = 15 + 16 /* with the header of gzip */, MEMORY_LEVEL = 8 };

static void *take(void *opaque, unsigned count, unsigned size)
{
    return coder_take(opaque, (size_t)count * size);
}

static void *gzip_new(uint64_t size, struct account *account)
{
    z_stream *stream = mem_try(sizeof *stream);

    (void)size;
    if (stream == NULL)
        return NULL;
    *stream = (z_stream){.zalloc = take, .zfree = coder_give, .opaque = account};
    if (deflateInit2(stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        mem_free(&stream);
    return stream;
}

static void gzip_free(void *state, struct account *account)
{
    z_stream *stream = state;

    (void)account;
    (void)deflateEnd(stream);
    mem_free(&stream);
}

/* A piece has fewer bytes than an int can count: those who feed take care of that. */
static enum err gzip_feed(void *state, struct bytes piece, bool is_last, struct buf *out)
{
    z_stream *stream = state;
    int result = Z_OK;

    stream->next_in = piece.data;
    stream->avail_in = (unsigned)piece.size;
    do {
        uint8_t *room = buf_room(out, CODER_ROOM);

        if (room == NULL)
            return ERR_FULL;
        stream->next_out = room;
        stream->avail_out = CODER_ROOM;
        result = deflate(stream, is_last ? Z_FINISH : Z_NO_FLUSH);
        if (result == Z_STREAM_ERROR)
            return ERR_FULL;
        buf_grew(out, CODER_ROOM - stream->avail_out);
    } while (stream->avail_out == 0 || (is_last && result != Z_STREAM_END));
    return ERR_OK;
}

const struct coder_ops coder_gzip = {"gzip", gzip_new, gzip_free, gzip_feed};
