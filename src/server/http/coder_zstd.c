/* coder_zstd.c: Zstandard (RFC 8878), by libzstd. SPDX-License-Identifier: MIT */
#include "server/http/coder.h"

#include "base/mem.h"

#include <zstd.h>

/* Receivers need not take a larger window than 8 MiB (RFC 9659). */
enum { LEVEL = 6, WINDOW_LOG_MAX = 23 };

struct zstd {
    ZSTD_CCtx *context;
    struct account *account;
    size_t charged;
};

static void charge(struct zstd *zstd)
{
    size_t size = ZSTD_sizeof_CCtx(zstd->context);

    if (size > zstd->charged)
        account_force(zstd->account, size - zstd->charged);
    else
        account_refund(zstd->account, zstd->charged - size);
    zstd->charged = size;
}

static void zstd_free(void *state, struct account *account)
{
    struct zstd *zstd = state;

    account_refund(account, zstd->charged);
    (void)ZSTD_freeCCtx(zstd->context);
    mem_free(&zstd);
}

static void *zstd_new(uint64_t size, struct account *account)
{
    struct zstd *zstd = mem_try(sizeof *zstd);

    if (zstd == NULL)
        return NULL;
    *zstd = (struct zstd){.context = ZSTD_createCCtx(), .account = account};
    if (zstd->context == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(zstd->context, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(zstd->context, size))) {
        zstd_free(zstd, account);
        return NULL;
    }
    if (size > 1U << WINDOW_LOG_MAX)
        (void)ZSTD_CCtx_setParameter(zstd->context, ZSTD_c_windowLog, WINDOW_LOG_MAX);
    return zstd;
}

static enum err zstd_feed(void *state, struct bytes piece, bool is_last, struct buf *out)
{
    struct zstd *zstd = state;
    ZSTD_inBuffer in = {piece.data, piece.size, 0};
    size_t left = 0;

    do {
        ZSTD_outBuffer room = {buf_room(out, CODER_ROOM), CODER_ROOM, 0};

        if (room.dst == NULL)
            return ERR_FULL;
        left =
            ZSTD_compressStream2(zstd->context, &room, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return ERR_FULL;
        buf_grew(out, room.pos);
    } while (in.pos < in.size || (is_last && left > 0));
    charge(zstd);
    return ERR_OK;
}

const struct coder_ops coder_zstd = {"zstd", zstd_new, zstd_free, zstd_feed};
