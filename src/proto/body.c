/* body.c: the three framings; chunked is a machine that takes a byte at a time except for the data.
 * SPDX-License-Identifier: MIT
 */
#include "proto/body.h"

#include "base/must.h"
#include "proto/chars.h"

enum state {
    SIZE_FIRST, /* the first digit of a chunk's size */
    SIZE_MORE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST, /* a trailer, or the empty line at the end */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE
};

enum { SIZE_DIGITS_MAX = 16 };

void http_body_init(struct http_body *body, const struct http_head *head)
{
    *body = (struct http_body){.framing = head->framing, .state = SIZE_FIRST};
    if (head->framing == HTTP_SIZED)
        body->left = head->content_length;
}

/* One more byte of extensions or trailers. */
static enum err count_overhead(struct http_body *body)
{
    body->line++;
    body->overhead++;
    return body->line > BODY_CHUNK_LINE_MAX || body->overhead > BODY_OVERHEAD_MAX ? ERR_TOO_BIG
                                                                                  : ERR_OK;
}

/* `byte` must be `wanted`; then the machine is in state `next`. */
static enum err take(struct http_body *body, uint8_t byte, uint8_t wanted, enum state next)
{
    if (byte != wanted)
        return ERR_SYNTAX;
    body->state = next;
    return ERR_OK;
}

static enum err take_digit(struct http_body *body, uint8_t byte)
{
    if (!char_is(byte, CHAR_HEX) || body->digits == SIZE_DIGITS_MAX)
        return ERR_SYNTAX;
    body->left = body->left << 4 | char_hex(byte);
    body->digits++;
    body->state = SIZE_MORE;
    return body->left > INT64_MAX ? ERR_SYNTAX : ERR_OK;
}

static enum err take_size(struct http_body *body, uint8_t byte)
{
    if (byte == '\r') {
        body->state = SIZE_LF;
        return ERR_OK;
    }
    if (byte == ';') {
        body->state = EXTENSION;
        return count_overhead(body);
    }
    return take_digit(body, byte);
}

/* A byte of a line whose text runs until CR. */
static enum err take_text(struct http_body *body, uint8_t byte, enum state at_cr)
{
    if (byte == '\r') {
        body->state = at_cr;
        body->line = 0;
        return ERR_OK;
    }
    return char_is(byte, CHAR_VALUE) ? count_overhead(body) : ERR_SYNTAX;
}

static enum err take_trailer_name(struct http_body *body, uint8_t byte)
{
    if (body->state == TRAILER_FIRST && byte == '\r') {
        body->state = END_LF;
        return ERR_OK;
    }
    if (body->state == TRAILER_NAME && byte == ':')
        body->state = TRAILER_VALUE;
    else if (char_is(byte, CHAR_TOKEN))
        body->state = TRAILER_NAME;
    else
        return ERR_SYNTAX;
    return count_overhead(body);
}

/* Takes one byte of the framing. */
static enum err take_byte(struct http_body *body, uint8_t byte)
{
    switch ((enum state)body->state) {
    case SIZE_FIRST:
        body->left = 0;
        body->digits = 0;
        return take_digit(body, byte);
    case SIZE_MORE:
        return take_size(body, byte);
    case EXTENSION:
        return take_text(body, byte, SIZE_LF);
    case SIZE_LF:
        return take(body, byte, '\n', body->left > 0 ? DATA : TRAILER_FIRST);
    case DATA_CR:
        return take(body, byte, '\r', DATA_LF);
    case DATA_LF:
        return take(body, byte, '\n', SIZE_FIRST);
    case TRAILER_FIRST:
    case TRAILER_NAME:
        return take_trailer_name(body, byte);
    case TRAILER_VALUE:
        return take_text(body, byte, TRAILER_LF);
    case TRAILER_LF:
        return take(body, byte, '\n', TRAILER_FIRST);
    case END_LF:
        return take(body, byte, '\n', DONE);
    case DATA:
    case DONE:
        break;
    }
    never("data and the end are handled by the caller");
}

/* What of the input belongs to a body that has `left` more bytes. */
static struct bytes take_data(struct http_body *body, struct bytes input)
{
    size_t size = input.size < body->left ? input.size : (size_t)body->left;

    body->left -= size;
    return bytes_slice(input, 0, size);
}

static enum err next_of_chunked(struct http_body *body, struct bytes input, size_t *ret_size,
                                struct bytes *ret_piece)
{
    size_t at = 0;

    while (at < input.size && body->state != DATA && body->state != DONE) {
        TRY(take_byte(body, input.data[at]));
        at++;
    }
    *ret_piece = bytes_slice(input, at, at);
    *ret_size = at;
    if (body->state == DATA && at < input.size) {
        *ret_piece = take_data(body, bytes_skip(input, at));
        *ret_size = at + ret_piece->size;
        if (body->left == 0)
            body->state = DATA_CR;
    }
    return body->state == DONE || ret_piece->size > 0 ? ERR_OK : ERR_AGAIN;
}

enum err http_body_next(struct http_body *body, struct bytes input, size_t *ret_size,
                        struct bytes *ret_piece, bool *ret_done)
{
    enum err err = ERR_OK;

    switch (body->framing) {
    case HTTP_NO_BODY:
        *ret_piece = bytes_slice(input, 0, 0);
        *ret_size = 0;
        break;
    case HTTP_SIZED:
    case HTTP_UNTIL_CLOSE:
        if (body->framing == HTTP_UNTIL_CLOSE)
            body->left = UINT64_MAX;
        err = body->left > 0 && input.size == 0 ? ERR_AGAIN : ERR_OK;
        *ret_piece = take_data(body, input);
        *ret_size = ret_piece->size;
        break;
    case HTTP_CHUNKED:
        err = next_of_chunked(body, input, ret_size, ret_piece);
        break;
    }
    *ret_done =
        err == ERR_OK && body->framing != HTTP_UNTIL_CLOSE && http_body_is_whole_at_end(body);
    return err;
}

bool http_body_is_whole_at_end(const struct http_body *body)
{
    switch (body->framing) {
    case HTTP_SIZED:
        return body->left == 0;
    case HTTP_CHUNKED:
        return body->state == DONE;
    case HTTP_NO_BODY:
    case HTTP_UNTIL_CLOSE:
        break;
    }
    return true;
}
