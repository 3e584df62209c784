/* template.h: a request with gaps, and how to fill them a million times a second.
 * SPDX-License-Identifier: MIT
 *
 * "/users/{key}?page={1-20}" is read once; each request is then written by copying what stands
 * between the gaps and drawing what belongs into them:
 *
 *   {key}     the request's key: drawn among --keys, the same wherever it stands in the request
 *   {A-B}     a number from A to B, drawn for this gap alone, by the same law
 *   {value}   a run of bytes, its size drawn between two bounds (not in HTTP)
 *
 * The same template writes HTTP and memcached's request text as it is, and RESP commands word by
 * word with their lengths before them.
 *
 * Memory: long texts are borrowed and outlive the template; short ones are copied side by side, so
 * that what stands between two gaps is one copy to write. A template must stay where it is.
 * Threads: unchanged after it was read. Limits: TEMPLATE_PIECES_MAX pieces; numbers below 2^48.
 */
#ifndef LARDER_BENCH_TEMPLATE_H
#define LARDER_BENCH_TEMPLATE_H

#include "base/buf.h"
#include "base/fault.h"
#include "bench/zipf.h"

enum {
    TEMPLATE_PIECES_MAX = 64,
    TEMPLATE_NUMBER_SIZE = 20,
    TEMPLATE_STORE_SIZE = 2048, /* bytes of short texts */
};

enum piece_kind {
    PIECE_TEXT,
    PIECE_KEY,
    PIECE_RANGE,
    PIECE_VALUE, /* $size, bytes */
    PIECE_BLOCK, /* size, bytes: what ends a set of memcached's */
    PIECE_WORD,  /* a RESP word of `inside` pieces follows, whose length is not known before */
};

struct piece {
    enum piece_kind kind;
    unsigned inside;   /* PIECE_WORD */
    struct bytes text; /* PIECE_TEXT */
    uint64_t first;    /* PIECE_RANGE */
    struct zipf zipf;  /* PIECE_RANGE */
};

struct template
{
    struct piece pieces[TEMPLATE_PIECES_MAX];
    unsigned count;
    uint8_t store[TEMPLATE_STORE_SIZE];
    size_t stored;
    size_t size_max; /* bytes of the longest result, values not counted */
    bool has_key;
    bool has_value;
};

/* What a text may hold, and by what law its ranges are drawn. */
struct template_rules {
    double exponent;
    unsigned key_width; /* digits of {key}, filled up with zeros; 0: as many as it has */
    uint64_t key_max;   /* no key is larger */
    bool values;        /* {value} is allowed */
};

void template_init(struct template *template);

/* Appends a text with its gaps. A brace that begins none of the three is an error (ERR_SYNTAX), as
 * is a range that runs backwards; ERR_FULL: too many pieces. */
enum err template_add(struct template *template, struct bytes text,
                      const struct template_rules *rules, struct fault *fault);

/* Appends a text as it is. */
enum err template_add_plain(struct template *template, struct bytes text, struct fault *fault);

/* Appends one RESP word. */
enum err template_add_word(struct template *template, struct bytes text,
                           const struct template_rules *rules, struct fault *fault);

/* Appends {value} as memcached's set ends: its size, a line end, its bytes, a line end. */
enum err template_add_block(struct template *template, struct fault *fault);

/* What differs from one request to the next. */
struct template_fill {
    uint64_t key;
    unsigned key_width;
    struct bytes value;
    struct random *random;
};

/* Appends one request to `out`; a full buffer remembers that (buf_failed). */
void template_write(const struct template *template, const struct template_fill *fill,
                    struct buf *out);

#endif
