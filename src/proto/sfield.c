/* sfield.c: the grammar of RFC 9651 §4.2, one cut off the front after the other.
 * SPDX-License-Identifier: MIT
 */
#include "proto/sfield.h"

#include "proto/chars.h"

enum { INTEGER_DIGITS_MAX = 15, DECIMAL_DIGITS_MAX = 12, FRACTION_DIGITS_MAX = 3 };

static uint8_t first_of(struct bytes text)
{
    return text.size == 0 ? '\0' : text.data[0];
}

static void skip_blanks(struct bytes *rest, bool tabs)
{
    while (first_of(*rest) == ' ' || (tabs && first_of(*rest) == '\t'))
        *rest = bytes_skip(*rest, 1);
}

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_letter(uint8_t byte)
{
    return is_lower(byte_lower(byte));
}

/* ---- bare items -------------------------------------------------------------------------- */

static size_t count_digits(struct bytes text)
{
    size_t count = 0;

    while (count < text.size && char_is(text.data[count], CHAR_DIGIT))
        count++;
    return count;
}

static int64_t value_of(struct bytes digits)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.size; i++)
        value = value * 10 + digits.data[i] - '0';
    return value;
}

/* The digits behind the point, as thousandths. */
static enum err cut_fraction(struct bytes *rest, int64_t *ret_thousandths)
{
    size_t count = count_digits(*rest);

    if (count == 0 || count > FRACTION_DIGITS_MAX)
        return ERR_SYNTAX;
    int64_t value = value_of(bytes_slice(*rest, 0, count));

    *rest = bytes_skip(*rest, count);
    for (; count < FRACTION_DIGITS_MAX; count++)
        value *= 10;
    *ret_thousandths = value;
    return ERR_OK;
}

static enum err cut_number(struct bytes *rest, struct sf_item *item)
{
    bool negative = first_of(*rest) == '-';
    struct bytes text = bytes_skip(*rest, negative);
    size_t count = count_digits(text);
    int64_t fraction = 0;

    if (count == 0 || count > INTEGER_DIGITS_MAX)
        return ERR_SYNTAX;
    item->kind = SF_INTEGER;
    item->number = value_of(bytes_slice(text, 0, count));
    text = bytes_skip(text, count);
    if (first_of(text) == '.') {
        if (count > DECIMAL_DIGITS_MAX)
            return ERR_SYNTAX;
        text = bytes_skip(text, 1);
        TRY(cut_fraction(&text, &fraction));
        item->kind = SF_DECIMAL;
        item->number = item->number * 1000 + fraction;
    }
    if (negative)
        item->number = -item->number;
    *rest = text;
    return ERR_OK;
}

static enum err cut_string(struct bytes *rest, struct sf_item *item)
{
    struct bytes text = bytes_skip(*rest, 1);

    item->kind = SF_STRING;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == '"') {
            item->text = bytes_slice(text, 0, i);
            *rest = bytes_skip(text, i + 1);
            return ERR_OK;
        }
        if (byte == '\\') {
            item->escaped = true;
            if (++i == text.size || (text.data[i] != '"' && text.data[i] != '\\'))
                return ERR_SYNTAX;
        } else if (byte < 0x20 || byte > 0x7e) {
            return ERR_SYNTAX;
        }
    }
    return ERR_SYNTAX;
}

static enum err cut_token(struct bytes *rest, struct sf_item *item)
{
    size_t end = 1;

    while (end < rest->size && (char_is(rest->data[end], CHAR_TOKEN) || rest->data[end] == ':' ||
                                rest->data[end] == '/'))
        end++;
    item->kind = SF_TOKEN;
    item->text = bytes_slice(*rest, 0, end);
    *rest = bytes_skip(*rest, end);
    return ERR_OK;
}

static bool is_base64(uint8_t byte)
{
    return is_letter(byte) || char_is(byte, CHAR_DIGIT) || byte == '+' || byte == '/' ||
           byte == '=';
}

static enum err cut_binary(struct bytes *rest, struct sf_item *item)
{
    size_t end = 1;

    while (end < rest->size && is_base64(rest->data[end]))
        end++;
    if (end >= rest->size || rest->data[end] != ':')
        return ERR_SYNTAX;
    item->kind = SF_BINARY;
    item->text = bytes_slice(*rest, 1, end);
    *rest = bytes_skip(*rest, end + 1);
    return ERR_OK;
}

static enum err cut_boolean(struct bytes *rest, struct sf_item *item)
{
    uint8_t digit = first_of(bytes_skip(*rest, 1));

    if (digit != '0' && digit != '1')
        return ERR_SYNTAX;
    item->kind = SF_BOOLEAN;
    item->number = digit - '0';
    *rest = bytes_skip(*rest, 2);
    return ERR_OK;
}

static enum err cut_date(struct bytes *rest, struct sf_item *item)
{
    struct bytes text = bytes_skip(*rest, 1);

    TRY(cut_number(&text, item));
    if (item->kind != SF_INTEGER)
        return ERR_SYNTAX;
    item->kind = SF_DATE;
    *rest = text;
    return ERR_OK;
}

/* How far a UTF-8 sequence has come. */
struct utf8 {
    unsigned missing; /* bytes */
    uint8_t lowest;   /* of the next one */
    uint8_t highest;
};

/* RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF. */
static enum err utf8_take(struct utf8 *utf8, uint8_t byte)
{
    if (utf8->missing > 0) {
        if (byte < utf8->lowest || byte > utf8->highest)
            return ERR_SYNTAX;
        *utf8 = (struct utf8){utf8->missing - 1, 0x80, 0xbf};
        return ERR_OK;
    }
    if (byte >= 0x80 && (byte < 0xc2 || byte > 0xf4))
        return ERR_SYNTAX;
    utf8->missing = byte < 0x80 ? 0 : byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    utf8->lowest = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    utf8->highest = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return ERR_OK;
}

/* The byte at the front of a display string: itself, or two hexadecimal digits in lower case. */
static enum err cut_display_byte(struct bytes *text, uint8_t *ret_byte)
{
    uint8_t byte = first_of(*text);

    if (byte < 0x20 || byte > 0x7e)
        return ERR_SYNTAX;
    if (byte != '%') {
        *text = bytes_skip(*text, 1);
        *ret_byte = byte;
        return ERR_OK;
    }
    unsigned value = 0;

    if (text->size < 3)
        return ERR_SYNTAX;
    for (size_t i = 1; i <= 2; i++) {
        uint8_t digit = text->data[i];

        if (!char_is(digit, CHAR_HEX) || (digit >= 'A' && digit <= 'F'))
            return ERR_SYNTAX;
        value = value << 4 | char_hex(digit);
    }
    *text = bytes_skip(*text, 3);
    *ret_byte = (uint8_t)value;
    return ERR_OK;
}

static enum err cut_display(struct bytes *rest, struct sf_item *item)
{
    struct bytes start = bytes_skip(*rest, 2);
    struct bytes text = start;
    struct utf8 utf8 = {0};

    if (!bytes_begin_with(*rest, BYTES("%\"")))
        return ERR_SYNTAX;
    while (first_of(text) != '"') {
        uint8_t byte = 0;

        TRY(cut_display_byte(&text, &byte));
        TRY(utf8_take(&utf8, byte));
    }
    if (utf8.missing > 0)
        return ERR_SYNTAX;
    item->kind = SF_DISPLAY;
    item->text = bytes_slice(start, 0, start.size - text.size);
    *rest = bytes_skip(text, 1);
    return ERR_OK;
}

static enum err cut_bare(struct bytes *rest, struct sf_item *ret_item)
{
    uint8_t first = first_of(*rest);

    *ret_item = (struct sf_item){0};
    if (first == '-' || char_is(first, CHAR_DIGIT))
        return cut_number(rest, ret_item);
    if (first == '*' || is_letter(first))
        return cut_token(rest, ret_item);
    switch (first) {
    case '"':
        return cut_string(rest, ret_item);
    case ':':
        return cut_binary(rest, ret_item);
    case '?':
        return cut_boolean(rest, ret_item);
    case '@':
        return cut_date(rest, ret_item);
    case '%':
        return cut_display(rest, ret_item);
    default:
        return ERR_SYNTAX;
    }
}

/* ---- what is made of them ---------------------------------------------------------------- */

static enum err cut_key(struct bytes *rest, struct bytes *ret_key)
{
    uint8_t first = first_of(*rest);
    size_t end = 1;

    if (first != '*' && !is_lower(first))
        return ERR_SYNTAX;
    while (end < rest->size && (is_lower(rest->data[end]) || char_is(rest->data[end], CHAR_DIGIT) ||
                                rest->data[end] == '_' || rest->data[end] == '-' ||
                                rest->data[end] == '.' || rest->data[end] == '*'))
        end++;
    *ret_key = bytes_slice(*rest, 0, end);
    *rest = bytes_skip(*rest, end);
    return ERR_OK;
}

static struct sf_item truth(void)
{
    return (struct sf_item){.kind = SF_BOOLEAN, .number = 1};
}

enum err sf_parameter_next(struct bytes *rest, struct bytes *ret_key, struct sf_item *ret_item)
{
    struct bytes text = *rest;

    if (text.size == 0)
        return ERR_MISS;
    if (first_of(text) != ';')
        return ERR_SYNTAX;
    text = bytes_skip(text, 1);
    skip_blanks(&text, false);
    TRY(cut_key(&text, ret_key));
    *ret_item = truth();
    if (first_of(text) == '=') {
        text = bytes_skip(text, 1);
        TRY(cut_bare(&text, ret_item));
    }
    *rest = text;
    return ERR_OK;
}

static enum err cut_parameters(struct bytes *rest, struct bytes *ret_parameters)
{
    struct bytes start = *rest;

    while (first_of(*rest) == ';') {
        struct bytes key;
        struct sf_item item;

        TRY(sf_parameter_next(rest, &key, &item));
    }
    *ret_parameters = bytes_slice(start, 0, start.size - rest->size);
    return ERR_OK;
}

static enum err cut_item(struct bytes *rest, struct sf_item *ret_item)
{
    TRY(cut_bare(rest, ret_item));
    return cut_parameters(rest, &ret_item->parameters);
}

enum err sf_inner_next(struct bytes *rest, struct sf_item *ret_item)
{
    struct bytes text = *rest;

    skip_blanks(&text, false);
    if (text.size == 0)
        return ERR_MISS;
    TRY(cut_item(&text, ret_item));
    if (text.size > 0 && first_of(text) != ' ')
        return ERR_SYNTAX;
    *rest = text;
    return ERR_OK;
}

/* "(a b c)" */
static enum err cut_inner_list(struct bytes *rest, struct sf_item *ret_item)
{
    struct bytes start = bytes_skip(*rest, 1);
    struct bytes text = start;
    struct sf_item item;

    for (;;) {
        skip_blanks(&text, false);
        if (first_of(text) == ')')
            break;
        TRY(cut_item(&text, &item));
        if (first_of(text) != ' ' && first_of(text) != ')')
            return ERR_SYNTAX;
    }
    *ret_item = (struct sf_item){.kind = SF_INNER_LIST,
                                 .text = bytes_slice(start, 0, start.size - text.size)};
    *rest = bytes_skip(text, 1);
    return cut_parameters(rest, &ret_item->parameters);
}

static enum err cut_member(struct bytes *rest, struct sf_item *ret_item)
{
    return first_of(*rest) == '(' ? cut_inner_list(rest, ret_item) : cut_item(rest, ret_item);
}

/* Behind a member: a comma and another member, or the end. */
static enum err cut_comma(struct bytes *rest)
{
    skip_blanks(rest, true);
    if (rest->size == 0)
        return ERR_OK;
    if (first_of(*rest) != ',')
        return ERR_SYNTAX;
    *rest = bytes_skip(*rest, 1);
    skip_blanks(rest, true);
    return rest->size == 0 ? ERR_SYNTAX : ERR_OK;
}

enum err sf_list_next(struct bytes *rest, struct sf_item *ret_item)
{
    struct bytes text = *rest;

    skip_blanks(&text, false);
    if (text.size == 0)
        return ERR_MISS;
    TRY(cut_member(&text, ret_item));
    TRY(cut_comma(&text));
    *rest = text;
    return ERR_OK;
}

enum err sf_dictionary_next(struct bytes *rest, struct bytes *ret_key, struct sf_item *ret_item)
{
    struct bytes text = *rest;

    skip_blanks(&text, false);
    if (text.size == 0)
        return ERR_MISS;
    TRY(cut_key(&text, ret_key));
    if (first_of(text) == '=') {
        text = bytes_skip(text, 1);
        TRY(cut_member(&text, ret_item));
    } else {
        *ret_item = truth();
        TRY(cut_parameters(&text, &ret_item->parameters));
    }
    TRY(cut_comma(&text));
    *rest = text;
    return ERR_OK;
}

enum err sf_item_parse(struct bytes text, struct sf_item *ret_item)
{
    struct sf_item item;

    skip_blanks(&text, false);
    TRY(cut_item(&text, &item));
    skip_blanks(&text, false);
    if (text.size > 0)
        return ERR_SYNTAX;
    *ret_item = item;
    return ERR_OK;
}

bool sf_is_dictionary(struct bytes text)
{
    struct bytes key;
    struct sf_item item;
    enum err err = ERR_OK;

    while ((err = sf_dictionary_next(&text, &key, &item)) == ERR_OK)
        continue;
    return err == ERR_MISS;
}

bool sf_is_list(struct bytes text)
{
    struct sf_item item;
    enum err err = ERR_OK;

    while ((err = sf_list_next(&text, &item)) == ERR_OK)
        continue;
    return err == ERR_MISS;
}

enum err sf_parameter_find(const struct sf_item *item, struct bytes key, struct sf_item *ret_item)
{
    struct bytes rest = item->parameters, found;
    struct sf_item value;
    enum err err = ERR_MISS;

    while (sf_parameter_next(&rest, &found, &value) == ERR_OK) {
        if (bytes_equal(found, key)) {
            *ret_item = value;
            err = ERR_OK;
        }
    }
    return err;
}

size_t sf_unescape(struct bytes text, uint8_t *out)
{
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\\' && i + 1 < text.size)
            i++;
        out[size++] = text.data[i];
    }
    return size;
}
