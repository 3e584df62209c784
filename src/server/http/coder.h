/* coder.h: bodies in a coding that takes fewer bytes: br, zstd, gzip.
 * SPDX-License-Identifier: MIT
 *
 * A coder is fed piece by piece, so that whoever feeds it says how long it may keep the thread.
 * Each library is behind one file: coder_br.c, coder_zstd.c, coder_gzip.c.
 *
 * Memory: what a library takes is charged to the account given at birth, as far as the library
 * tells; what it writes goes into the caller's buffer. Threads: any, one at a time.
 */
#ifndef LARDER_SERVER_HTTP_CODER_H
#define LARDER_SERVER_HTTP_CODER_H

#include "base/account.h"
#include "base/buf.h"
#include "base/err.h"

/* In the order in which they are taken when a client likes several as much (VARY_BR, ...). */
enum coding { CODING_BR, CODING_ZSTD, CODING_GZIP, CODINGS };

struct bytes coding_name(enum coding coding);

/* CODINGS: there is none of that name. */
enum coding coding_of(struct bytes name);

struct coder;

/* `size`: bytes of the whole body. NULL: no memory. */
struct coder *coder_new(enum coding coding, uint64_t size, struct account *account);
void coder_free(struct coder **owner);

/* Codes the piece, and ends the body when it is the last, behind what is in `out`.
 * ERR_FULL: no memory, or `out` may not grow; the coder can only be freed then. */
enum err coder_feed(struct coder *coder, struct bytes piece, bool is_last, struct buf *out);

/* ---- for the files of the libraries ------------------------------------------------------ */

struct coder_ops {
    const char *name;
    void *(*begin)(uint64_t size, struct account *account); /* the library's state, or NULL */
    void (*end)(void *state, struct account *account);
    enum err (*feed)(void *state, struct bytes piece, bool is_last, struct buf *out);
};

extern const struct coder_ops coder_br;
extern const struct coder_ops coder_zstd;
extern const struct coder_ops coder_gzip;

/* Allocation for libraries that ask for it: `opaque` is the account. */
void *coder_take(void *opaque, size_t size);
void coder_give(void *opaque, void *memory);

enum { CODER_ROOM = 16 * 1024 /* bytes that are asked of `out` at a time */ };

#endif
