/* logline.c: a request in JSON, or as Apache began it. SPDX-License-Identifier: MIT */
#include "server/http/logline.h"

#include "base/glob.h"

#include <stdlib.h>
#include <time.h>

enum { NAME_MAX_BYTES = 64 };

/* ---- masks ----------------------------------------------------------------------------------- */

static const char *const usual[] = {"access_token",  "api_key",       "apikey",         "auth",
                                    "client_secret", "code",          "id_token",       "jwt",
                                    "key",           "password",      "secret",         "sig",
                                    "token",         "refresh_token", "session",        "sid",
                                    "passwd",        "signature",     "x-amz-signature"};

/* The name as it is meant: in small letters, its escapes resolved. */
static struct bytes plain_name(struct bytes name, uint8_t room[NAME_MAX_BYTES])
{
    size_t size = 0;

    for (size_t i = 0; i < name.size && size < NAME_MAX_BYTES; i++) {
        uint8_t byte = name.data[i];

        if (byte == '%' && i + 2 < name.size) {
            const char digits[3] = {(char)name.data[i + 1], (char)name.data[i + 2], '\0'};

            byte = (uint8_t)strtoul(digits, NULL, 16);
            i += 2;
        }
        room[size++] = byte_lower(byte);
    }
    return bytes_of(room, size);
}

static bool is_masked(const struct logline_style *style, struct bytes name)
{
    uint8_t room[NAME_MAX_BYTES];
    struct bytes plain = plain_name(name, room);
    const struct text_list *mask = style->mask;
    bool is_own = mask != NULL && mask->count > 0;
    size_t count = is_own ? mask->count : sizeof usual / sizeof usual[0];

    for (size_t i = 0; i < count; i++) {
        if (glob_fits(bytes_of_text(is_own ? mask->items[i] : usual[i]), plain))
            return true;
    }
    return false;
}

/* The bytes are written by `add`, which knows how to escape. */
typedef void add_fn(struct buf *out, struct bytes bytes);

static void add_target(const struct logline_style *style, struct bytes target, add_fn *add,
                       struct buf *out)
{
    struct bytes rest = target;
    struct bytes path = bytes_cut(&rest, '?');

    add(out, path);
    if (path.size == target.size)
        return;
    add(out, BYTES("?"));
    while (rest.size > 0) {
        struct bytes pair = bytes_cut(&rest, '&');
        struct bytes value = pair;
        struct bytes name = bytes_cut(&value, '=');

        if (name.size < pair.size && is_masked(style, name)) {
            add(out, name);
            add(out, BYTES("=***"));
        } else {
            add(out, pair);
        }
        if (rest.size > 0)
            add(out, BYTES("&"));
    }
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_time(struct buf *out, int64_t wall_ms)
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm parts;

    if (gmtime_r(&s, &parts) == NULL)
        return;
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900, parts.tm_mon + 1,
               parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(wall_ms % 1000));
}

static void add_text(struct buf *out, const char *name, struct bytes text)
{
    buf_add_text(out, ",\"");
    buf_add_text(out, name);
    buf_add_text(out, "\":\"");
    buf_add_json(out, text);
    buf_add_byte(out, '"');
}

static void add_number(struct buf *out, const char *name, uint64_t number)
{
    buf_add_text(out, ",\"");
    buf_add_text(out, name);
    buf_add_text(out, "\":");
    buf_add_u64(out, number);
}

static void add_ms(struct buf *out, int64_t us)
{
    buf_printf(out, "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));
}

static void write_json(const struct logline_style *style, const struct logline *line,
                       struct buf *out)
{
    char client[ADDRESS_TEXT_SIZE];

    address_text(line->client, client);
    buf_add_text(out, "{\"time\":\"");
    add_time(out, line->wall_ms);
    buf_add_byte(out, '"');
    add_text(out, "client", bytes_of_text(client));
    add_text(out, "method", line->method);
    add_text(out, "protocol", bytes_of_text(line->protocol));
    add_text(out, "host", line->host);
    buf_add_text(out, ",\"path\":\"");
    add_target(style, line->path, buf_add_json, out);
    buf_add_byte(out, '"');
    add_number(out, "status", line->status);
    add_number(out, "bytes", line->bytes);
    buf_add_text(out, ",\"duration_ms\":");
    add_ms(out, line->duration_us);
    add_text(out, "cache", bytes_of_text(line->cache));
    add_text(out, "reason", bytes_of_text(line->reason));
    add_text(out, "route", bytes_of_text(line->route));
    add_number(out, "origin_ms", (uint64_t)line->origin_ms);
    if (line->trace.size > 0)
        add_text(out, "traceparent", line->trace);
    buf_add_text(out, "}\n");
}

/* ---- combined -------------------------------------------------------------------------------- */

/* What would end a quoted text, or a line, as \xHH. */
static void add_quoted(struct buf *out, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte < 0x20 || byte >= 0x7f || byte == '"' || byte == '\\')
            buf_printf(out, "\\x%02X", byte);
        else
            buf_add_byte(out, byte);
    }
}

/* Without the port. */
static void add_client(struct buf *out, const struct address *client)
{
    char room[ADDRESS_TEXT_SIZE];

    address_text(client, room);
    struct bytes text = bytes_of_text(room);
    size_t end = text.size;

    if (bytes_begin_with(text, BYTES("unix:"))) {
        buf_add_text(out, "unix:");
        return;
    }
    while (end > 0 && text.data[end - 1] != ':')
        end--;
    if (end > 0)
        text = bytes_slice(text, 0, end - 1);
    if (text.size > 2 && text.data[0] == '[')
        text = bytes_slice(text, 1, text.size - 1);
    buf_add(out, text);
}

/* A word: "-" for nothing. */
static void add_word(struct buf *out, const char *name, struct bytes text)
{
    buf_printf(out, " %s=", name);
    add_quoted(out, text.size == 0 ? BYTES("-") : text);
}

static void add_date(struct buf *out, int64_t wall_ms)
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[40] = "-";

    /* The months' names do not depend on the locale: nobody sets one. */
    if (gmtime_r(&s, &parts) != NULL)
        (void)strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", &parts);
    buf_add_text(out, text);
}

static void write_combined(const struct logline_style *style, const struct logline *line,
                           struct buf *out)
{
    add_client(out, line->client);
    buf_add_text(out, " - - [");
    add_date(out, line->wall_ms);
    buf_add_text(out, "] \"");
    add_quoted(out, line->method);
    buf_add_byte(out, ' ');
    add_target(style, line->path, add_quoted, out);
    buf_printf(out, " %s\" %u %llu \"", line->protocol, line->status,
               (unsigned long long)line->bytes);
    add_target(style, line->referer.size == 0 ? BYTES("-") : line->referer, add_quoted, out);
    buf_add_text(out, "\" \"");
    add_quoted(out, line->agent.size == 0 ? BYTES("-") : line->agent);
    buf_add_byte(out, '"');
    add_word(out, "host", line->host);
    add_word(out, "cache", bytes_of_text(line->cache));
    add_word(out, "reason", bytes_of_text(line->reason));
    add_word(out, "route", bytes_of_text(line->route));
    buf_add_text(out, " duration_ms=");
    add_ms(out, line->duration_us);
    buf_printf(out, " origin_ms=%lld", (long long)line->origin_ms);
    add_word(out, "trace", line->trace);
    buf_add_byte(out, '\n');
}

void logline_write(const struct logline_style *style, const struct logline *line, struct buf *out)
{
    if (style->format == LOGLINE_COMBINED)
        write_combined(style, line, out);
    else
        write_json(style, line, out);
}
