/* template.c: texts with gaps. SPDX-License-Identifier: MIT */
#include "bench/template.h"

#include "base/must.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

void template_init(struct template *template)
{
    template->count = 0;
    template->stored = 0;
    template->size_max = 0;
    template->has_key = false;
    template->has_value = false;
}

static enum err add_piece(struct template *template, struct piece piece, struct fault *fault)
{
    if (template->count == TEMPLATE_PIECES_MAX)
        return fault_say(fault, ERR_FULL,
                         "the request has too many parts: at most %d texts and gaps are possible",
                         TEMPLATE_PIECES_MAX);
    template->pieces[template->count++] = piece;
    template->size_max += piece.kind == PIECE_TEXT ? piece.text.size : TEMPLATE_NUMBER_SIZE;
    template->has_key = template->has_key || piece.kind == PIECE_KEY;
    template->has_value =
        template->has_value || piece.kind == PIECE_VALUE || piece.kind == PIECE_BLOCK;
    return ERR_OK;
}

/* Behind the last text, if that is the last piece and in the store, too. */
static bool extend(struct template *template, size_t size)
{
    struct piece *last = template->count == 0 ? NULL : &template->pieces[template->count - 1];
    const uint8_t *end = template->store + template->stored - size;

    if (last == NULL || last->kind != PIECE_TEXT || last->text.data + last->text.size != end)
        return false;
    last->text.size += size;
    template->size_max += size;
    return true;
}

enum err template_add_plain(struct template *template, struct bytes text, struct fault *fault)
{
    if (text.size == 0)
        return ERR_OK;
    if (text.size <= TEMPLATE_STORE_SIZE - template->stored) {
        uint8_t *copy = template->store + template->stored;

        memcpy(copy, text.data, text.size);
        template->stored += text.size;
        if (extend(template, text.size))
            return ERR_OK;
        text.data = copy;
    }
    return add_piece(template, (struct piece){.kind = PIECE_TEXT, .text = text}, fault);
}

static enum err add_range(struct template *template, struct bytes gap, double exponent,
                          struct fault *fault)
{
    struct bytes last_text = gap, first_text = bytes_cut(&last_text, '-');
    struct piece piece = {.kind = PIECE_RANGE};
    uint64_t last = 0;

    if (number_u64(first_text, &piece.first) != ERR_OK || number_u64(last_text, &last) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX,
                         "{%.*s} is no gap: use {key}, {value} or a range such as {1-2000}",
                         BYTES_ARG(gap));
    if (last < piece.first || last >= ZIPF_COUNT_MAX)
        return fault_say(fault, ERR_SYNTAX, "the range {%.*s} must go upwards and stay below 2^48",
                         BYTES_ARG(gap));
    zipf_init(&piece.zipf, last - piece.first + 1, exponent);
    return add_piece(template, piece, fault);
}

static enum err add_gap(struct template *template, struct bytes gap,
                        const struct template_rules *rules, struct fault *fault)
{
    if (bytes_equal(gap, BYTES("key")))
        return add_piece(template, (struct piece){.kind = PIECE_KEY}, fault);
    if (bytes_equal(gap, BYTES("value"))) {
        if (!rules->values)
            return fault_say(fault, ERR_SYNTAX,
                             "{value} can only be a whole word of a RESP command");
        return add_piece(template, (struct piece){.kind = PIECE_VALUE}, fault);
    }
    return add_range(template, gap, rules->exponent, fault);
}

enum err template_add(struct template *template, struct bytes text,
                      const struct template_rules *rules, struct fault *fault)
{
    while (text.size > 0) {
        size_t open = bytes_find(text, '{');

        TRY(template_add_plain(template, bytes_slice(text, 0, open), fault));
        text = bytes_skip(text, open);
        if (text.size == 0)
            break;
        size_t close = bytes_find(text, '}');

        if (close == text.size)
            return fault_say(fault, ERR_SYNTAX, "the brace in \"%.*s\" is never closed",
                             BYTES_ARG(text));
        TRY(add_gap(template, bytes_slice(text, 1, close), rules, fault));
        text = bytes_skip(text, close + 1);
    }
    return ERR_OK;
}

static unsigned digits_of(uint64_t number)
{
    static const uint64_t powers[] = {0,
                                      10,
                                      100,
                                      1000,
                                      10000,
                                      100000,
                                      1000000,
                                      10000000,
                                      100000000,
                                      1000000000,
                                      10000000000,
                                      100000000000,
                                      1000000000000,
                                      10000000000000,
                                      100000000000000,
                                      1000000000000000,
                                      10000000000000000,
                                      100000000000000000,
                                      1000000000000000000,
                                      10000000000000000000U};
    unsigned bits = 64 - (unsigned)__builtin_clzll(number | 1);
    unsigned digits = bits * 1233 >> 12; /* of log10(2); at most one too few */

    return digits + (number >= powers[digits] || number == 0 ? 1 : 0);
}

/* The length of a word that is always the same, or 0. */
static size_t fixed_length(struct bytes text, const struct template_rules *rules)
{
    size_t length = 0;

    while (text.size > 0) {
        size_t open = bytes_find(text, '{');

        length += open;
        text = bytes_skip(text, open);
        if (text.size == 0)
            break;
        if (!bytes_begin_with(text, BYTES("{key}")) || digits_of(rules->key_max) > rules->key_width)
            return 0;
        length += rules->key_width;
        text = bytes_skip(text, sizeof "{key}" - 1);
    }
    return length;
}

enum err template_add_block(struct template *template, struct fault *fault)
{
    return add_piece(template, (struct piece){.kind = PIECE_BLOCK}, fault);
}

static enum err add_fixed_word(struct template *template, struct bytes text, size_t length,
                               const struct template_rules *rules, struct fault *fault)
{
    char header[32];
    int size = snprintf(header, sizeof header, "$%zu\r\n", length);

    must(size > 0);
    TRY(template_add_plain(template, bytes_of(header, (size_t)size), fault));
    TRY(template_add(template, text, rules, fault));
    return template_add_plain(template, BYTES("\r\n"), fault);
}

enum err template_add_word(struct template *template, struct bytes text,
                           const struct template_rules *rules, struct fault *fault)
{
    struct template_rules inside = *rules;
    unsigned place = template->count;
    size_t length = fixed_length(text, rules);

    inside.values = false;
    if (rules->values && bytes_equal(text, BYTES("{value}")))
        return add_gap(template, BYTES("value"), rules, fault);
    if (length > 0 && template->stored + text.size + 64 < TEMPLATE_STORE_SIZE)
        return add_fixed_word(template, text, length, &inside, fault);
    TRY(add_piece(template, (struct piece){.kind = PIECE_WORD}, fault));
    TRY(template_add(template, text, &inside, fault));
    template->pieces[place].inside = template->count - place - 1;
    template->size_max += 4; /* two line ends */
    return ERR_OK;
}

static uint8_t *put_number(uint8_t *to, uint64_t number, unsigned width)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    unsigned digits = digits_of(number);
    uint8_t *end = to + (digits < width ? width : digits), *at = end;

    for (; number >= 10; number /= 100) {
        at -= 2;
        memcpy(at, pairs + number % 100 * 2, 2);
    }
    if (number > 0)
        *--at = (uint8_t)('0' + number);
    while (at > to)
        *--at = '0';
    return end;
}

static uint8_t *put_piece(uint8_t *to, const struct piece *piece, const struct template_fill *fill)
{
    if (piece->kind == PIECE_TEXT) {
        memcpy(to, piece->text.data, piece->text.size);
        return to + piece->text.size;
    }
    if (piece->kind == PIECE_KEY)
        return put_number(to, fill->key, fill->key_width);
    must(piece->kind == PIECE_RANGE);
    return put_number(to, piece->first + zipf_draw(&piece->zipf, fill->random), 0);
}

static uint8_t *put_length(uint8_t *to, size_t length)
{
    *to++ = '$';
    to = put_number(to, length, 0);
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

static void put_end(uint8_t **to)
{
    *(*to)++ = '\r';
    *(*to)++ = '\n';
}

/* A word is written where it will stand if its length has as many digits as was guessed (two:
 * words of 10 to 99 bytes), and moved if not. */
static uint8_t *put_word(uint8_t *to, const struct piece *word, const struct template_fill *fill)
{
    enum { GUESS = sizeof "$10\r\n" - 1 };
    uint8_t *start = to + GUESS, *end = start;
    uint8_t length[TEMPLATE_NUMBER_SIZE + 3];

    for (unsigned i = 1; i <= word->inside; i++)
        end = put_piece(end, &word[i], fill);
    size_t size = (size_t)(end - start);
    size_t header = (size_t)(put_length(length, size) - length);

    if (header != GUESS)
        memmove(to + header, start, size);
    memcpy(to, length, header);
    end = to + header + size;
    put_end(&end);
    return end;
}

static uint8_t *put_value(uint8_t *to, enum piece_kind kind, struct bytes value)
{
    if (kind == PIECE_VALUE)
        *to++ = '$';
    to = put_number(to, value.size, 0);
    put_end(&to);
    if (value.size > 0)
        memcpy(to, value.data, value.size);
    to += value.size;
    put_end(&to);
    return to;
}

void template_write(const struct template *template, const struct template_fill *fill,
                    struct buf *out)
{
    size_t value = template->has_value ? fill->value.size : 0;
    uint8_t *start = buf_room(out, template->size_max + value * template->count + 16);
    uint8_t *to = start;

    if (start == NULL)
        return;
    for (unsigned i = 0; i < template->count; i++) {
        const struct piece *piece = &template->pieces[i];

        if (piece->kind == PIECE_WORD) {
            to = put_word(to, piece, fill);
            i += piece->inside;
        } else if (piece->kind == PIECE_VALUE || piece->kind == PIECE_BLOCK) {
            to = put_value(to, piece->kind, fill->value);
        } else {
            to = put_piece(to, piece, fill);
        }
    }
    buf_grew(out, (size_t)(to - start));
}
