/* vary_value.c: the normal forms of the negotiating fields (RFC 9110 §12.5).
 * SPDX-License-Identifier: MIT
 */
#include "proto/chars.h"
#include "proto/vary.h"

enum { WEIGHT_MAX = 1000 /* q=1, in thousandths */ };

struct item {
    struct bytes text;       /* without parameters */
    struct bytes parameters; /* q among them */
    int weight;
};

struct items {
    size_t count;
    struct item list[VARY_ITEMS_MAX];
};

static const struct http_field *find_next(const struct http_head *request, enum http_name id,
                                          struct bytes name, const struct http_field *after)
{
    if (id == HTTP_OTHER)
        return http_find_text(request, name, after);
    return after == NULL ? http_find(request, id) : http_find_next(request, id, after);
}

/* "1", "0.8", "0.333" (RFC 9110 §12.4.2). -1: it is none. */
static int weight_of(struct bytes text)
{
    int weight = 0, unit = WEIGHT_MAX;

    if (text.size == 0 || text.size > 5 || text.data[0] > '1' || text.data[0] < '0' ||
        (text.size > 1 && text.data[1] != '.'))
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        if (i == 1)
            continue;
        if (!char_is(text.data[i], CHAR_DIGIT))
            return -1;
        weight += (text.data[i] - '0') * unit;
        unit /= 10;
    }
    return weight <= WEIGHT_MAX ? weight : -1;
}

/* Takes what stands ahead of the next ';' outside of quotes. */
static struct bytes cut_parameter(struct bytes *rest)
{
    bool quoted = false;
    size_t end = 0;

    for (; end < rest->size && (quoted || rest->data[end] != ';'); end++) {
        if (rest->data[end] == '"')
            quoted = !quoted;
        else if (rest->data[end] == '\\' && quoted)
            end++;
    }
    struct bytes found = bytes_trim(bytes_slice(*rest, 0, end));

    *rest = bytes_skip(*rest, end + 1);
    return found;
}

static bool is_weight(struct bytes parameter)
{
    return parameter.size > 1 && byte_lower(parameter.data[0]) == 'q' && parameter.data[1] == '=';
}

/* Put in another place, a quote that nobody closes would swallow what then follows it. */
static bool has_open_quote(struct bytes element)
{
    bool quoted = false;

    for (size_t i = 0; i < element.size; i++) {
        if (element.data[i] == '"')
            quoted = !quoted;
        else if (element.data[i] == '\\' && quoted)
            i++;
    }
    return quoted;
}

/* False: it makes no sense. */
static bool read_item(struct bytes element, struct item *ret_item)
{
    struct bytes rest = element;

    if (http_is_token(element)) { /* most have no parameters */
        *ret_item = (struct item){element, {NULL, 0}, WEIGHT_MAX};
        return true;
    }
    ret_item->text = cut_parameter(&rest);
    ret_item->parameters = rest;
    ret_item->weight = WEIGHT_MAX;
    while (rest.size > 0) {
        struct bytes parameter = cut_parameter(&rest);

        if (is_weight(parameter))
            ret_item->weight = weight_of(bytes_skip(parameter, 2));
    }
    return ret_item->weight >= 0 && ret_item->text.size > 0 && !has_open_quote(element);
}

/* ---- Accept and Accept-Language ---------------------------------------------------------- */

/* All items of all fields, the heaviest first, those of one weight in their order. */
static bool read_items(const struct http_head *request, enum http_name id, struct items *ret_items)
{
    ret_items->count = 0;
    for (const struct http_field *field = http_find(request, id); field != NULL;
         field = http_find_next(request, id, field)) {
        struct bytes rest = field->value, element;

        while (http_list_next(&rest, &element)) {
            struct item item;
            size_t at = ret_items->count;

            if (at == VARY_ITEMS_MAX || !read_item(element, &item))
                return false;
            for (; at > 0 && ret_items->list[at - 1].weight < item.weight; at--)
                ret_items->list[at] = ret_items->list[at - 1];
            ret_items->list[at] = item;
            ret_items->count++;
        }
    }
    return true;
}

static void write_weight(int weight, struct buf *out)
{
    uint8_t digits[3] = {(uint8_t)('0' + weight / 100), (uint8_t)('0' + weight / 10 % 10),
                         (uint8_t)('0' + weight % 10)};
    size_t count = sizeof digits;

    if (weight == WEIGHT_MAX)
        return;
    while (count > 0 && digits[count - 1] == '0')
        count--;
    buf_add_text(out, count == 0 ? ";q=0" : ";q=0.");
    buf_add(out, bytes_of(digits, count));
}

static void write_item(const struct item *item, struct buf *out)
{
    struct bytes rest = item->parameters;

    for (size_t i = 0; i < item->text.size; i++)
        buf_add_byte(out, byte_lower(item->text.data[i]));
    while (rest.size > 0) {
        struct bytes parameter = cut_parameter(&rest);

        if (parameter.size == 0 || is_weight(parameter))
            continue;
        buf_add_byte(out, ';');
        buf_add(out, parameter);
    }
    write_weight(item->weight, out);
}

/* False: the field cannot be put in order. */
static bool write_ordered(const struct http_head *request, enum http_name id, struct buf *out)
{
    struct items items;

    if (!read_items(request, id, &items))
        return false;
    for (size_t i = 0; i < items.count; i++) {
        if (i > 0)
            buf_add_text(out, ", ");
        write_item(&items.list[i], out);
    }
    return true;
}

/* ---- Accept-Encoding --------------------------------------------------------------------- */

enum coding { BR, ZSTD, GZIP, IDENTITY, ANY, CODINGS };

static bool is(struct bytes name, const char *known)
{
    return bytes_equal_nocase(name, (struct bytes){(const uint8_t *)known, name.size});
}

static enum coding coding_of(struct bytes name)
{
    switch (name.size) {
    case 1:
        return is(name, "*") ? ANY : CODINGS;
    case 2:
        return is(name, "br") ? BR : CODINGS;
    case 4:
        return is(name, "gzip") ? GZIP : is(name, "zstd") ? ZSTD : CODINGS;
    case 6:
        return is(name, "x-gzip") ? GZIP : CODINGS; /* RFC 9110 §8.4.1.3 */
    case 8:
        return is(name, "identity") ? IDENTITY : CODINGS;
    default:
        return CODINGS;
    }
}

/* What the client says about a coding: its weight, or what holds when it says nothing. */
static bool is_taken(const int weights[CODINGS], enum coding coding, bool otherwise)
{
    if (weights[coding] >= 0)
        return weights[coding] > 0;
    return weights[ANY] >= 0 && coding != ANY ? weights[ANY] > 0 : otherwise;
}

static void read_weights(const struct http_head *request, int weights[CODINGS])
{
    for (size_t i = 0; i < CODINGS; i++)
        weights[i] = -1;
    for (const struct http_field *field = http_find(request, HTTP_ACCEPT_ENCODING); field != NULL;
         field = http_find_next(request, HTTP_ACCEPT_ENCODING, field)) {
        struct bytes rest = field->value, element;

        while (http_list_next(&rest, &element)) {
            struct item item;

            if (!read_item(element, &item))
                continue;
            enum coding coding = coding_of(item.text);

            if (coding < CODINGS)
                weights[coding] = item.weight;
        }
    }
}

_Static_assert(BR == (int)VARY_BR && ZSTD == (int)VARY_ZSTD && GZIP == (int)VARY_GZIP &&
                   IDENTITY == (int)VARY_IDENTITY,
               "the public order is ours");

void vary_weights_of(const struct http_head *request, int ret_weights[VARY_CODINGS])
{
    int weights[CODINGS];

    read_weights(request, weights);
    for (enum coding coding = BR; coding <= IDENTITY; coding++) {
        int said = weights[coding] >= 0 ? weights[coding] : weights[ANY];

        ret_weights[coding] = said >= 0 ? said : coding == IDENTITY ? 1 : 0;
    }
}

struct vary_codings vary_codings_of(const struct http_head *request)
{
    int weights[CODINGS];

    read_weights(request, weights);
    return (struct vary_codings){
        .br = is_taken(weights, BR, false),
        .zstd = is_taken(weights, ZSTD, false),
        .gzip = is_taken(weights, GZIP, false),
        .identity = is_taken(weights, IDENTITY, true),
    };
}

static void write_codings(struct vary_codings codings, struct buf *out)
{
    const char *between = "";

    if (codings.br) {
        buf_add_text(out, "br");
        between = ", ";
    }
    if (codings.zstd) {
        buf_add_text(out, between);
        buf_add_text(out, "zstd");
        between = ", ";
    }
    if (codings.gzip) {
        buf_add_text(out, between);
        buf_add_text(out, "gzip");
        between = ", ";
    }
    if (!codings.identity) {
        buf_add_text(out, between);
        buf_add_text(out, "identity;q=0");
    } else if (between[0] == '\0') {
        buf_add_text(out, "identity");
    }
}

/* ------------------------------------------------------------------------------------------ */

static void write_as_sent(const struct http_head *request, enum http_name id, struct bytes name,
                          struct buf *out)
{
    const struct http_field *field = find_next(request, id, name, NULL);

    while (field != NULL) {
        buf_add(out, field->value);
        field = find_next(request, id, name, field);
        if (field != NULL)
            buf_add_text(out, ", ");
    }
}

bool vary_value(const struct http_head *request, enum http_name id, struct bytes name,
                enum vary_mode mode, struct buf *out)
{
    if (id == HTTP_ACCEPT_ENCODING && mode == VARY_NORMALISE) {
        write_codings(vary_codings_of(request), out);
        return true;
    }
    if (find_next(request, id, name, NULL) == NULL)
        return false;
    bool ordered = mode == VARY_NORMALISE && (id == HTTP_ACCEPT || id == HTTP_ACCEPT_LANGUAGE) &&
                   write_ordered(request, id, out);

    if (!ordered)
        write_as_sent(request, id, name, out);
    return true;
}
