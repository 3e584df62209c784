/* coder_test.c: bodies in fewer bytes. SPDX-License-Identifier: MIT */
#include "server/http/coder.h"

#include "t.h"

#include <zlib.h>
#include <zstd.h>

enum { SIZE = 200000, PIECE = 7000 };

static uint8_t body[SIZE];
static uint8_t back[SIZE + 1];

static void make_body(void)
{
    for (size_t i = 0; i < SIZE; i++)
        body[i] = (uint8_t)("a text with a few words of it "[i % 30] + (i % 97 == 0));
}

static enum err code(enum coding coding, struct account *account, struct buf *out)
{
    struct coder *coder = coder_new(coding, SIZE, account);
    enum err err = coder == NULL ? ERR_FULL : ERR_OK;

    for (size_t at = 0; at < SIZE && err == ERR_OK; at += PIECE) {
        struct bytes piece = bytes_slice(bytes_of(body, SIZE), at, at + PIECE);

        err = coder_feed(coder, piece, at + PIECE >= SIZE, out);
    }
    coder_free(&coder);
    return err;
}

TEST(what_is_fed_in_pieces_can_be_read_as_a_whole)
{
    struct account account;

    make_body();
    account_init(&account, NULL, 0);
    for (enum coding coding = CODING_BR; coding < CODINGS; coding++) {
        struct buf out;

        buf_init(&out, SIZE, &account);
        CHECK(code(coding, &account, &out) == ERR_OK);
        CHECK(out.size < SIZE / 20);
        if (coding == CODING_ZSTD)
            CHECK(ZSTD_decompress(back, sizeof back, out.data, out.size) == SIZE);
        if (coding == CODING_GZIP) {
            z_stream stream = {.next_in = out.data, .avail_in = (unsigned)out.size};

            CHECK(inflateInit2(&stream, 15 + 16) == Z_OK);
            stream.next_out = back;
            stream.avail_out = sizeof back;
            CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
            CHECK(stream.total_out == SIZE);
            (void)inflateEnd(&stream);
        }
        CHECK(coding == CODING_BR || memcmp(back, body, SIZE) == 0);
        buf_fini(&out);
    }
    CHECK(account_used(&account) == 0);
}

TEST(what_does_not_fit_is_an_error_and_leaves_nothing_behind)
{
    struct account account;

    make_body();
    account_init(&account, NULL, 0);
    for (enum coding coding = CODING_BR; coding < CODINGS; coding++) {
        struct buf out;

        buf_init(&out, CODER_ROOM / 2, &account);
        CHECK(code(coding, &account, &out) == ERR_FULL);
        buf_fini(&out);
    }
    CHECK(account_used(&account) == 0);
}

TEST(a_coding_is_known_by_its_name)
{
    for (enum coding coding = CODING_BR; coding < CODINGS; coding++)
        CHECK(coding_of(coding_name(coding)) == coding);
    CHECK(coding_of(BYTES("deflate")) == CODINGS);
    CHECK(coding_of(BYTES("")) == CODINGS);
}
