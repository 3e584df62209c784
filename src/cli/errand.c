/* errand.c: lines, logs and sitemaps to URLs. SPDX-License-Identifier: MIT */
#include "cli/errand.h"

#include "base/hash.h"
#include "base/mem.h"
#include "proto/url.h"

#include <jansson.h>
#include <stdlib.h>

enum { ROOM_MIN = 1024 };

void errands_init(struct errands *errands)
{
    *errands = (struct errands){.count = 0};
}

void errands_fini(struct errands *errands)
{
    for (size_t i = 0; i < errands->count; i++) {
        char *url = (char *)(uintptr_t)errands->items[i].url;

        mem_free(&url);
    }
    mem_free(&errands->items);
    mem_free(&errands->places);
}

/* ---- the table ------------------------------------------------------------------------------- */

static uint64_t hash_of(struct bytes url)
{
    return hash_bytes((struct hash_secret){{1, 2}}, url);
}

static uint32_t *find(const struct errands *errands, struct bytes url)
{
    size_t at = hash_of(url) & (errands->place_count - 1);

    while (errands->places[at] != 0 &&
           !bytes_equal(bytes_of_text(errands->items[errands->places[at] - 1].url), url))
        at = (at + 1) & (errands->place_count - 1);
    return &errands->places[at];
}

static void grow(struct errands *errands)
{
    struct errand *old = errands->items;

    errands->room = errands->room == 0 ? ROOM_MIN : errands->room * 2;
    errands->items = mem_new(errands->room, sizeof *errands->items);
    if (errands->count > 0)
        memcpy(errands->items, old, errands->count * sizeof *old);
    mem_free(&old);
    mem_free(&errands->places);
    errands->place_count = errands->room * 2;
    errands->places = mem_new(errands->place_count, sizeof *errands->places);
    for (size_t i = 0; i < errands->count; i++)
        *find(errands, bytes_of_text(errands->items[i].url)) = (uint32_t)(i + 1);
}

static bool add_url(struct errands *errands, struct bytes url)
{
    if (errands->count == errands->room)
        grow(errands);
    uint32_t *place = find(errands, url);

    if (*place != 0) {
        errands->items[*place - 1].count++;
        return true;
    }
    if (errands->count == ERRANDS_MAX)
        return false;
    char text[ERRAND_URL_MAX + 1];

    memcpy(text, url.data, url.size);
    text[url.size] = '\0';
    errands->items[errands->count] = (struct errand){mem_copy_text(text), 1, errands->count};
    *place = (uint32_t)++errands->count;
    return true;
}

bool errands_add(struct errands *errands, struct bytes url, struct bytes host)
{
    struct url_parts parts;
    struct buf whole;
    bool is_well = false;

    if (url.size > 0 && url.data[0] != '/')
        return url.size <= ERRAND_URL_MAX && url_split(url, &parts) == ERR_OK &&
               add_url(errands, url);
    if (url.size == 0 || host.size == 0)
        return false;
    buf_init(&whole, ERRAND_URL_MAX, NULL);
    buf_add_text(&whole, "http://");
    buf_add(&whole, host);
    buf_add(&whole, url);
    is_well = buf_failed(&whole) == ERR_OK && url_split(buf_bytes(&whole), &parts) == ERR_OK &&
              add_url(errands, buf_bytes(&whole));
    buf_fini(&whole);
    return is_well;
}

/* ---- lists and logs -------------------------------------------------------------------------- */

void errands_read_list(struct errands *errands, struct bytes text, struct bytes host)
{
    while (text.size > 0) {
        struct bytes line = bytes_trim(bytes_cut(&text, '\n'));

        if (line.size > 0 && line.data[line.size - 1] == '\r')
            line.size--;
        if (line.size == 0 || line.data[0] == '#')
            continue;
        if (!errands_add(errands, line, host))
            errands->left_out++;
    }
}

static struct bytes text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? bytes_of(json_string_value(value), json_string_length(value))
                                 : BYTES("");
}

static bool is_masked(struct bytes path)
{
    return bytes_find_part(path, BYTES("=***")) < path.size;
}

static bool add_json(struct errands *errands, struct bytes line, struct bytes host)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)line.data, line.size, 0, &error);
    struct bytes path = text_of(root, "path"), own = text_of(root, "host");
    bool is_well = bytes_equal(text_of(root, "method"), BYTES("GET")) && !is_masked(path) &&
                   errands_add(errands, path, own.size > 0 ? own : host);

    json_decref(root);
    return is_well;
}

/* Behind `mark`, to the next `end`; empty: it is not there. */
static struct bytes behind(struct bytes line, struct bytes mark, uint8_t end)
{
    size_t at = bytes_find_part(line, mark);

    if (at >= line.size)
        return BYTES("");
    struct bytes rest = bytes_skip(line, at + mark.size);

    return bytes_slice(rest, 0, bytes_find(rest, end));
}

static bool add_combined(struct errands *errands, struct bytes line, struct bytes host)
{
    struct bytes path = behind(line, BYTES("] \"GET "), ' ');
    struct bytes own = behind(line, BYTES("\" host="), ' ');

    return path.size > 0 && !is_masked(path) && bytes_find_part(path, BYTES("\\x")) >= path.size &&
           errands_add(errands, path, own.size > 0 && own.data[0] != '-' ? own : host);
}

void errands_read_log(struct errands *errands, struct bytes text, struct bytes host)
{
    while (text.size > 0) {
        struct bytes line = bytes_trim(bytes_cut(&text, '\n'));

        if (line.size == 0)
            continue;
        if (!(line.data[0] == '{' ? add_json : add_combined)(errands, line, host))
            errands->left_out++;
    }
}

/* ---- sitemaps -------------------------------------------------------------------------------- */

static const struct {
    struct bytes name;
    uint8_t byte;
} entities[] = {{BYTES_INIT("&amp;"), '&'},
                {BYTES_INIT("&lt;"), '<'},
                {BYTES_INIT("&gt;"), '>'},
                {BYTES_INIT("&quot;"), '"'},
                {BYTES_INIT("&apos;"), '\''}};

/* The five entities that every XML has; others mean that it is no URL. */
static bool resolve(struct bytes text, struct buf *out)
{
    while (text.size > 0) {
        size_t taken = 1;

        if (text.data[0] == '&') {
            size_t i = 0;

            while (i < 5 && !bytes_begin_with(text, entities[i].name))
                i++;
            if (i == 5)
                return false;
            buf_add_byte(out, entities[i].byte);
            taken = entities[i].name.size;
        } else {
            buf_add_byte(out, text.data[0]);
        }
        text = bytes_skip(text, taken);
    }
    return buf_failed(out) == ERR_OK;
}

static bool add_loc(struct errands *errands, struct bytes text)
{
    struct buf url;

    buf_init(&url, ERRAND_URL_MAX, NULL);
    if (bytes_begin_with(text, BYTES("<![CDATA[")))
        text = behind(text, BYTES("<![CDATA["), ']');
    bool is_well = resolve(text, &url) && errands_add(errands, buf_bytes(&url), BYTES(""));

    buf_fini(&url);
    return is_well;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool errands_read_sitemap(struct errands *errands, struct bytes text)
{
    const struct bytes begin = BYTES("<loc>"), end = BYTES("</loc>");
    bool is_index = bytes_find_part(text, BYTES("<sitemapindex")) < text.size;

    for (size_t at = bytes_find_part(text, begin); at < text.size;
         at = bytes_find_part(text, begin)) {
        text = bytes_skip(text, at + begin.size);
        struct bytes loc = bytes_slice(text, 0, bytes_find_part(text, end));

        while (loc.size > 0 && is_space(loc.data[0]))
            loc = bytes_skip(loc, 1);
        while (loc.size > 0 && is_space(loc.data[loc.size - 1]))
            loc.size--;
        if (!add_loc(errands, loc))
            errands->left_out++;
    }
    return is_index;
}

/* ---- order ----------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct errand *one = a, *other = b;

    if (one->count != other->count)
        return one->count < other->count ? 1 : -1;
    return one->line < other->line ? -1 : one->line > other->line;
}

void errands_sort(struct errands *errands)
{
    if (errands->count > 1)
        qsort(errands->items, errands->count, sizeof errands->items[0], compare);
}
