/* url.c: paths and queries in one spelling. SPDX-License-Identifier: MIT */
#include "proto/url.h"

#include "base/glob.h"
#include "base/must.h"
#include "proto/chars.h"

struct writer {
    uint8_t *out;
    size_t size;
    size_t max;
};

static enum err put(struct writer *writer, uint8_t byte)
{
    if (writer->size == writer->max)
        return ERR_TOO_BIG;
    writer->out[writer->size++] = byte;
    return ERR_OK;
}

static enum err put_escaped(struct writer *writer, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";

    TRY(put(writer, '%'));
    TRY(put(writer, (uint8_t)digits[byte >> 4]));
    return put(writer, (uint8_t)digits[byte & 15]);
}

/* The byte that the escape at text[at] stands for. */
static enum err escape_at(struct bytes text, size_t at, uint8_t *ret_byte)
{
    if (text.size - at < 3 || !char_is(text.data[at + 1], CHAR_HEX) ||
        !char_is(text.data[at + 2], CHAR_HEX))
        return ERR_SYNTAX;
    *ret_byte = (uint8_t)(char_hex(text.data[at + 1]) << 4 | char_hex(text.data[at + 2]));
    return *ret_byte == 0 ? ERR_SYNTAX : ERR_OK;
}

/* Copies what is at the front of `text` and needs no other spelling; returns how much that is. */
static enum err put_plain(struct writer *writer, struct bytes text, size_t *ret_size)
{
    size_t size = 0;

    while (size < text.size && char_is(text.data[size], CHAR_URI) && text.data[size] != '%')
        size++;
    if (size > writer->max - writer->size)
        return ERR_TOO_BIG;
    if (size > 0)
        memcpy(writer->out + writer->size, text.data, size);
    writer->size += size;
    *ret_size = size;
    return ERR_OK;
}

/* Writes `text` in the one spelling of each character. */
static enum err spell(struct writer *writer, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        size_t plain = 0;

        TRY(put_plain(writer, bytes_skip(text, i), &plain));
        i += plain;
        if (i == text.size)
            break;
        uint8_t byte = text.data[i];
        bool escaped = byte == '%';

        if (escaped) {
            TRY(escape_at(text, i, &byte));
            i += 2;
        } else if (!char_is(byte, CHAR_TARGET)) {
            return ERR_SYNTAX;
        }
        if (escaped && char_is(byte, CHAR_UNRESERVED))
            TRY(put(writer, byte));
        else
            TRY(put_escaped(writer, byte));
    }
    return ERR_OK;
}

/* ---- path -------------------------------------------------------------------------------- */

/* The size of the separator at path[at]: '/', or escaped '/' or '\', which an origin may decode;
 * 0: there is none. */
static size_t separator_at(struct bytes path, size_t at)
{
    if (at == path.size || path.data[at] == '/')
        return at < path.size;
    struct bytes rest = bytes_skip(path, at);

    return bytes_begin_with(rest, BYTES("%2F")) || bytes_begin_with(rest, BYTES("%5C")) ? 3 : 0;
}

static bool is_dots(struct bytes segment)
{
    return bytes_equal(segment, BYTES(".")) || bytes_equal(segment, BYTES(".."));
}

/* Whether somebody who decodes %2F and %5C, or who cuts parameters off ("..;a"), would see a dot
 * segment where we do not. */
static bool hides_dots(struct bytes path)
{
    size_t at = 0, before = 1;

    while (at < path.size) {
        size_t end = at, after = 0;

        while (end < path.size && (after = separator_at(path, end)) == 0)
            end++;
        struct bytes segment = bytes_slice(path, at, end);
        struct bytes parameters = segment;
        struct bytes name = bytes_cut(&parameters, ';');
        bool plain = before == 1 && after != 3 && name.size == segment.size;

        if (is_dots(name) && !plain)
            return true;
        at = end + after;
        before = after;
    }
    return false;
}

/* RFC 3986 §5.2.4, in place. The path begins with '/'. Returns the new size. */
static size_t remove_dots(uint8_t *path, size_t size)
{
    size_t to = 0, at = 0;

    while (at < size) {
        size_t end = at + 1;

        while (end < size && path[end] != '/')
            end++;
        struct bytes segment = {path + at + 1, end - at - 1};

        if (is_dots(segment)) {
            while (segment.size == 2 && to > 0 && path[--to] != '/')
                continue;
            if (end == size)
                path[to++] = '/';
        } else {
            memmove(path + to, path + at, end - at);
            to += end - at;
        }
        at = end;
    }
    return to;
}

/* A dot behind a separator: only then the path has to be looked at again. */
static bool may_have_dots(struct bytes path)
{
    for (size_t i = 1; i < path.size; i++) {
        uint8_t before = path.data[i - 1];

        if (path.data[i] == '.' && (before == '/' || before == 'F' || before == 'C'))
            return true;
    }
    return false;
}

static enum err write_path(struct writer *writer, struct bytes path)
{
    if (path.size == 0)
        return put(writer, '/');
    if (bytes_equal(path, BYTES("*")))
        return put(writer, '*');
    if (path.data[0] != '/' || bytes_find(path, '\\') < path.size)
        return ERR_SYNTAX;
    TRY(spell(writer, path));
    struct bytes written = {writer->out, writer->size};

    if (!may_have_dots(written))
        return ERR_OK;
    if (hides_dots(written))
        return ERR_SYNTAX;
    writer->size = remove_dots(writer->out, writer->size);
    return ERR_OK;
}

/* ---- query ------------------------------------------------------------------------------- */

struct parameter {
    struct bytes text; /* as sent */
    size_t name_size;
};

struct parameters {
    size_t count;
    struct parameter items[URL_PARAMETERS_MAX];
};

static bool fits_one(struct text_list patterns, struct bytes name)
{
    for (size_t i = 0; i < patterns.count; i++) {
        if (glob_fits(bytes_of_text(patterns.items[i]), name))
            return true;
    }
    return false;
}

/* Whether the rules keep a parameter of that name. Its spelling is written behind what is there,
 * for the patterns to look at, and taken back. */
static enum err is_kept(struct writer *writer, const struct url_rules *rules, struct bytes name,
                        bool *ret_kept)
{
    size_t start = writer->size;

    TRY(spell(writer, name));
    struct bytes spelled = {writer->out + start, writer->size - start};

    writer->size = start;
    *ret_kept = (rules->only.count == 0 || fits_one(rules->only, spelled)) &&
                !fits_one(rules->ignore, spelled);
    return ERR_OK;
}

static enum err collect(struct writer *writer, const struct url_rules *rules, struct bytes query,
                        struct parameters *ret_parameters)
{
    ret_parameters->count = 0;
    while (query.size > 0) {
        struct bytes text = bytes_cut(&query, '&');
        struct bytes name = bytes_slice(text, 0, bytes_find(text, '='));
        bool kept = false;

        if (text.size == 0)
            continue;
        TRY(is_kept(writer, rules, name, &kept));
        if (!kept)
            continue;
        if (ret_parameters->count == URL_PARAMETERS_MAX)
            return ERR_TOO_BIG;
        ret_parameters->items[ret_parameters->count++] = (struct parameter){text, name.size};
    }
    return ERR_OK;
}

/* Takes the next character off a name whose escapes are known to be good. */
static uint8_t next_of_name(struct bytes *name)
{
    uint8_t byte = name->data[0];
    bool escaped = byte == '%' && escape_at(*name, 0, &byte) == ERR_OK;

    *name = bytes_skip(*name, escaped ? 3 : 1);
    return byte;
}

/* By the names with their escapes resolved, so that one order holds for all spellings; then by
 * where they stood. */
static bool comes_before(const struct parameter *a, const struct parameter *b)
{
    struct bytes left = bytes_slice(a->text, 0, a->name_size);
    struct bytes right = bytes_slice(b->text, 0, b->name_size);

    while (left.size > 0 && right.size > 0) {
        uint8_t one = next_of_name(&left), other = next_of_name(&right);

        if (one != other)
            return one < other;
    }
    if (left.size > 0 || right.size > 0)
        return left.size == 0;
    return a->text.data < b->text.data;
}

/* Shell's sort: no heap, no recursion, and quick for what 512 strangers' parameters can be. */
static void sort(struct parameters *parameters)
{
    static const size_t gaps[] = {301, 132, 57, 23, 10, 4, 1}; /* Ciura, 2001 */

    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        for (size_t i = gaps[g]; i < parameters->count; i++) {
            struct parameter moving = parameters->items[i];
            size_t at = i;

            for (; at >= gaps[g] && comes_before(&moving, &parameters->items[at - gaps[g]]);
                 at -= gaps[g])
                parameters->items[at] = parameters->items[at - gaps[g]];
            parameters->items[at] = moving;
        }
    }
}

static enum err write_query_by_rules(struct writer *writer, const struct url_rules *rules,
                                     struct bytes query)
{
    struct parameters parameters;

    TRY(collect(writer, rules, query, &parameters));
    if (rules->sort)
        sort(&parameters);
    for (size_t i = 0; i < parameters.count; i++) {
        TRY(put(writer, i == 0 ? '?' : '&'));
        TRY(spell(writer, parameters.items[i].text));
    }
    return ERR_OK;
}

static enum err write_query(struct writer *writer, const struct url_rules *rules,
                            struct bytes query)
{
    if (query.size == 0)
        return ERR_OK;
    if (rules != NULL && (rules->sort || rules->ignore.count > 0 || rules->only.count > 0))
        return write_query_by_rules(writer, rules, query);
    TRY(put(writer, '?'));
    return spell(writer, query);
}

enum err url_normalise(struct bytes target, const struct url_rules *rules, uint8_t *out,
                       size_t out_max, struct url *ret_url)
{
    struct writer writer = {out, 0, out_max};
    struct bytes query = target;
    struct bytes path = bytes_cut(&query, '?');

    TRY(write_path(&writer, path));
    size_t path_size = writer.size;

    TRY(write_query(&writer, rules, query));
    ret_url->whole = (struct bytes){out, writer.size};
    ret_url->path = bytes_slice(ret_url->whole, 0, path_size);
    ret_url->query = bytes_skip(ret_url->whole, path_size + 1);
    return ERR_OK;
}
