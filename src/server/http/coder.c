/* coder.c: which coder codes what. SPDX-License-Identifier: MIT */
#include "server/http/coder.h"

#include "base/mem.h"
#include "base/must.h"

struct coder {
    const struct coder_ops *ops;
    void *state;
    struct account *account;
};

static const struct coder_ops *const all_ops[CODINGS] = {
    [CODING_BR] = &coder_br,
    [CODING_ZSTD] = &coder_zstd,
    [CODING_GZIP] = &coder_gzip,
};

struct bytes coding_name(enum coding coding)
{
    must(coding < CODINGS);
    return bytes_of_text(all_ops[coding]->name);
}

enum coding coding_of(struct bytes name)
{
    enum coding coding = CODING_BR;

    while (coding < CODINGS && !bytes_equal(coding_name(coding), name))
        coding++;
    return coding;
}

void *coder_take(void *opaque, size_t size)
{
    void *memory = mem_try(size);

    if (memory != NULL)
        account_force(opaque, mem_cost(memory));
    return memory;
}

void coder_give(void *opaque, void *memory)
{
    if (memory == NULL)
        return;
    account_refund(opaque, mem_cost(memory));
    mem_return(memory);
}

struct coder *coder_new(enum coding coding, uint64_t size, struct account *account)
{
    struct coder *coder = mem_try(sizeof *coder);

    if (coder == NULL)
        return NULL;
    *coder = (struct coder){.ops = all_ops[coding], .account = account};
    coder->state = coder->ops->begin(size, account);
    if (coder->state == NULL)
        mem_free(&coder);
    return coder;
}

void coder_free(struct coder **owner)
{
    struct coder *coder = *owner;

    if (coder == NULL)
        return;
    coder->ops->end(coder->state, coder->account);
    mem_free(owner);
}

enum err coder_feed(struct coder *coder, struct bytes piece, bool is_last, struct buf *out)
{
    TRY(coder->ops->feed(coder->state, piece, is_last, out));
    return buf_failed(out);
}
