/* resp_reply.c: replies into bytes, and out of them. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "base/number.h"
#include "proto/resp.h"

#include <math.h>
#include <stdio.h>

/* ---- writing ------------------------------------------------------------------------------- */

enum { HEAD_SIZE_MAX = 24 }; /* sign, 20 digits, line end */

static inline void put_line_end(uint8_t *at)
{
    at[0] = '\r';
    at[1] = '\n';
}

static size_t count_digits(uint64_t number)
{
    size_t digits = 1;

    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

/* Writes the number and a line end; returns how many bytes that were. */
static inline size_t put_number(uint8_t *at, uint64_t number)
{
    size_t size = number < 10 ? 1 : number < 100 ? 2 : count_digits(number);

    for (size_t i = size; i-- > 0; number /= 10)
        at[i] = (uint8_t)('0' + number % 10);
    put_line_end(at + size);
    return size + 2;
}

static void add_head(struct buf *out, char sign, uint64_t number)
{
    uint8_t *at = buf_room(out, HEAD_SIZE_MAX);

    if (at == NULL)
        return;
    *at = (uint8_t)sign;
    out->size += 1 + put_number(at + 1, number);
}

static void add_line(struct buf *out, char sign, struct bytes text)
{
    uint8_t *at = buf_room(out, text.size + 3);

    if (at == NULL)
        return;
    *at++ = (uint8_t)sign;
    for (size_t i = 0; i < text.size; i++)
        *at++ = text.data[i] == '\r' || text.data[i] == '\n' ? ' ' : text.data[i];
    *at++ = '\r';
    *at++ = '\n';
    out->size += text.size + 3;
}

void resp_add_simple(struct buf *out, struct bytes text)
{
    add_line(out, '+', text);
}

void resp_add_error(struct buf *out, struct bytes text)
{
    add_line(out, '-', text);
}

void resp_add_integer(struct buf *out, int64_t number)
{
    uint8_t *at = buf_room(out, HEAD_SIZE_MAX);

    if (at == NULL)
        return;
    at[0] = ':';
    at[1] = '-';
    size_t sign = number < 0 ? 2 : 1;

    out->size += sign + put_number(at + sign, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void resp_add_bulk(struct buf *out, struct bytes bytes)
{
    uint8_t *at = buf_room(out, bytes.size + HEAD_SIZE_MAX + 2);

    if (at == NULL)
        return;
    *at = '$';
    size_t size = 1 + put_number(at + 1, bytes.size);

    if (bytes.size > 0)
        memcpy(at + size, bytes.data, bytes.size);
    put_line_end(at + size + bytes.size);
    out->size += size + bytes.size + 2;
}

void resp_add_bulk_head(struct buf *out, size_t size)
{
    add_head(out, '$', size);
}

void resp_add_null(struct buf *out, unsigned protocol)
{
    buf_add(out, protocol >= 3 ? BYTES("_\r\n") : BYTES("$-1\r\n"));
}

void resp_add_null_array(struct buf *out, unsigned protocol)
{
    buf_add(out, protocol >= 3 ? BYTES("_\r\n") : BYTES("*-1\r\n"));
}

void resp_add_array(struct buf *out, size_t count)
{
    add_head(out, '*', count);
}

void resp_add_map(struct buf *out, unsigned protocol, size_t count)
{
    if (protocol >= 3)
        add_head(out, '%', count);
    else
        add_head(out, '*', count * 2);
}

void resp_add_set(struct buf *out, unsigned protocol, size_t count)
{
    add_head(out, protocol >= 3 ? '~' : '*', count);
}

void resp_add_push(struct buf *out, unsigned protocol, size_t count)
{
    add_head(out, protocol >= 3 ? '>' : '*', count);
}

void resp_add_double(struct buf *out, unsigned protocol, double number)
{
    char text[64];
    int size = 0;

    if (isinf(number))
        size = snprintf(text, sizeof text, "%s", number > 0 ? "inf" : "-inf");
    else
        size = snprintf(text, sizeof text, "%.17g", number);
    must(size > 0);
    if (protocol >= 3)
        add_line(out, ',', bytes_of(text, (size_t)size));
    else
        resp_add_bulk(out, bytes_of(text, (size_t)size));
}

void resp_add_bool(struct buf *out, unsigned protocol, bool yes)
{
    if (protocol >= 3)
        buf_add(out, yes ? BYTES("#t\r\n") : BYTES("#f\r\n"));
    else
        resp_add_integer(out, yes);
}

void resp_add_verbatim(struct buf *out, unsigned protocol, struct bytes text)
{
    if (protocol < 3) {
        resp_add_bulk(out, text);
        return;
    }
    add_head(out, '=', text.size + 4);
    buf_add(out, BYTES("txt:"));
    buf_add(out, text);
    buf_add(out, BYTES("\r\n"));
}

/* ---- reading ------------------------------------------------------------------------------- */

enum { LINE_MAX_ = 64 << 10 }; /* bytes of a simple reply, an error or a number */

static enum err cut_line(struct bytes *rest, struct bytes *ret_line)
{
    struct bytes window = bytes_slice(*rest, 0, LINE_MAX_);
    size_t end = bytes_find(window, '\r');

    if (end + 1 >= rest->size)
        return end == LINE_MAX_ ? ERR_SYNTAX : ERR_AGAIN;
    if (end == window.size || rest->data[end + 1] != '\n')
        return ERR_SYNTAX;
    *ret_line = bytes_slice(*rest, 0, end);
    *rest = bytes_skip(*rest, end + 2);
    return ERR_OK;
}

static enum err cut_text(struct bytes *rest, int64_t size, struct resp_token *token)
{
    if (size == -1 && token->kind == RESP_BULK) {
        token->kind = RESP_NULL;
        return ERR_OK;
    }
    if (size < 0 || size > RESP_BULK_MAX)
        return ERR_SYNTAX;
    if (rest->size < (size_t)size + 2)
        return ERR_AGAIN;
    if (rest->data[size] != '\r' || rest->data[size + 1] != '\n')
        return ERR_SYNTAX;
    token->text = bytes_slice(*rest, 0, (size_t)size);
    *rest = bytes_skip(*rest, (size_t)size + 2);
    if (token->kind != RESP_VERBATIM)
        return ERR_OK;
    if (size < 4 || token->text.data[3] != ':')
        return ERR_SYNTAX;
    token->text = bytes_skip(token->text, 4);
    return ERR_OK;
}

static enum err set_count(struct resp_token *token, int64_t count)
{
    if (count == -1 && token->kind == RESP_ARRAY) {
        token->kind = RESP_NULL;
        return ERR_OK;
    }
    if (count < 0 || count > INT32_MAX)
        return ERR_SYNTAX;
    bool pairs = token->kind == RESP_MAP || token->kind == RESP_ATTRIBUTE;

    token->count = pairs ? (size_t)count * 2 : (size_t)count;
    return ERR_OK;
}

static enum err set_value(struct resp_token *token, struct bytes line)
{
    double number = 0;

    token->text = line;
    if (token->kind == RESP_NULL)
        return line.size == 0 ? ERR_OK : ERR_SYNTAX;
    if (token->kind == RESP_BOOL) {
        token->number = bytes_equal(line, BYTES("t"));
        return token->number || bytes_equal(line, BYTES("f")) ? ERR_OK : ERR_SYNTAX;
    }
    if (token->kind == RESP_DOUBLE && !bytes_equal(line, BYTES("nan")))
        return number_double(line, &number);
    return ERR_OK;
}

enum err resp_token(struct bytes *rest, struct resp_token *ret_token)
{
    struct bytes after = bytes_skip(*rest, 1);
    struct bytes line = {0};
    int64_t number = 0;

    if (rest->size == 0)
        return ERR_AGAIN;
    struct resp_token token = {.kind = (enum resp_kind)rest->data[0]};

    if (rest->data[0] == 0 || strchr("+-:$*_,#(=!%~>|", rest->data[0]) == NULL)
        return ERR_SYNTAX;
    TRY(cut_line(&after, &line));
    switch (token.kind) {
    case RESP_INTEGER:
    case RESP_BULK:
    case RESP_BULK_ERROR:
    case RESP_VERBATIM:
    case RESP_ARRAY:
    case RESP_MAP:
    case RESP_SET:
    case RESP_PUSH:
    case RESP_ATTRIBUTE:
        if (number_i64(line, &number) != ERR_OK)
            return ERR_SYNTAX;
        break;
    case RESP_SIMPLE:
    case RESP_ERROR:
    case RESP_NULL:
    case RESP_DOUBLE:
    case RESP_BOOL:
    case RESP_BIG:
        if (set_value(&token, line) != ERR_OK)
            return ERR_SYNTAX;
        break;
    default:
        return ERR_SYNTAX;
    }
    if (token.kind == RESP_INTEGER) {
        token.number = number;
        token.text = line;
    } else if (token.kind == RESP_BULK || token.kind == RESP_BULK_ERROR ||
               token.kind == RESP_VERBATIM) {
        TRY(cut_text(&after, number, &token));
    } else if (strchr("*%~>|", (int)token.kind) != NULL) {
        TRY(set_count(&token, number));
    }
    *rest = after;
    *ret_token = token;
    return ERR_OK;
}

enum err resp_skip(struct resp_skipper *skipper, struct bytes input, size_t *ret_size)
{
    struct bytes rest = bytes_skip(input, skipper->at);

    if (!skipper->begun)
        *skipper = (struct resp_skipper){.left = 1, .begun = true};
    while (skipper->left > 0) {
        struct resp_token token;

        TRY(resp_token(&rest, &token));
        skipper->at = input.size - rest.size;
        /* An attribute is not the value that it stands before. */
        if (token.kind != RESP_ATTRIBUTE)
            skipper->left--;
        skipper->left += token.count;
        if (skipper->left > INT64_MAX / 2)
            return ERR_SYNTAX;
    }
    *ret_size = skipper->at;
    *skipper = (struct resp_skipper){0};
    return ERR_OK;
}
