/* http.c: cutting one head off a stream: its first line, its fields, and what they mean together.
 * SPDX-License-Identifier: MIT
 *
 * One pass over the bytes; what can be judged only when all fields are known is judged at the end.
 * The input is cut to the limit first, so that the answer does not depend on how much of what lies
 * beyond the limit has arrived.
 */
#include "proto/http.h"

#include "base/must.h"
#include "base/number.h"
#include "proto/chars.h"
#include "proto/scan.h"
#include "proto/url.h"

enum { METHOD_MAX = 32 /* bytes */ };

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    struct http_head *head;
    uint64_t twice[2]; /* names that are there more than once, as in http_head.present */
    struct http_complaint *complaint;
};

static enum err refuse(struct reader *reader, enum err err, unsigned status, const char *text)
{
    *reader->complaint = (struct http_complaint){status, text};
    return err;
}

static enum err bad(struct reader *reader, const char *text)
{
    return refuse(reader, ERR_SYNTAX, 400, text);
}

/* The end of a known name and its id, when the colon is among the next 32 bytes: most fields are
 * known ones, and then their bytes need no look at the table. NULL: look at the bytes. */
static const uint8_t *known_name_end(const uint8_t *at, const uint8_t *end, enum http_name *ret_id)
{
    const uint8_t *colon = scan_near_colon(at, end);

    if (colon == NULL)
        return NULL;
    *ret_id = http_name_of((struct bytes){at, (size_t)(colon - at)});
    return *ret_id == HTTP_OTHER ? NULL : colon;
}

/* Passes over `text`, or as much of it as has arrived. */
static enum err pass(struct reader *reader, struct bytes text, const char *complaint)
{
    for (size_t i = 0; i < text.size; i++) {
        if (reader->at == reader->end)
            return ERR_AGAIN;
        if (*reader->at != text.data[i])
            return bad(reader, complaint);
        reader->at++;
    }
    return ERR_OK;
}

static enum err pass_line_end(struct reader *reader)
{
    if (reader->end - reader->at >= 2 && reader->at[0] == '\r' && reader->at[1] == '\n') {
        reader->at += 2;
        return ERR_OK;
    }
    return pass(reader, BYTES("\r\n"),
                "a line does not end with CRLF, or holds a control character");
}

/* "HTTP/1.1" or "HTTP/1.0". */
static enum err read_version(struct reader *reader)
{
    static const char wrong[] = "the version is not HTTP/1.1 or HTTP/1.0";
    uint8_t digits[3] = {0};

    if (reader->end - reader->at >= 8 && memcmp(reader->at, "HTTP/1.1", 8) == 0) {
        reader->at += 8;
        reader->head->minor = 1;
        return ERR_OK;
    }
    TRY(pass(reader, BYTES("HTTP/"), wrong));
    for (size_t i = 0; i < sizeof digits; i++) {
        if (reader->at == reader->end)
            return ERR_AGAIN;
        digits[i] = *reader->at++;
        if (i == 1 ? digits[i] != '.' : !char_is(digits[i], CHAR_DIGIT))
            return bad(reader, wrong);
    }
    if (digits[0] != '1' || digits[2] > '1')
        return refuse(reader, ERR_UNSUPPORTED, 505, wrong);
    reader->head->minor = (unsigned)(digits[2] - '0');
    return ERR_OK;
}

/* ---- fields ------------------------------------------------------------------------------ */

static void add_field(struct reader *reader, struct bytes name, struct bytes value,
                      enum http_name id)
{
    struct http_head *head = reader->head;
    uint64_t *present = &head->present[(unsigned)id / 64];
    uint64_t bit = (uint64_t)1 << ((unsigned)id % 64);

    reader->twice[(unsigned)id / 64] |= *present & bit;
    *present |= bit;
    head->fields[head->field_count++] = (struct http_field){name, value, id};
}

/* Why the byte behind a field's name is no colon. */
static enum err bad_name(struct reader *reader, bool empty)
{
    bool blank = *reader->at == ' ' || *reader->at == '\t';

    if (blank && empty)
        return bad(reader, "a header line begins with a blank");
    if (blank)
        return bad(reader, "there is a blank between a header name and its colon");
    return bad(reader, empty ? "a header line has no name" : "a header name is no token");
}

/* A name and its colon. */
static enum err read_name(struct reader *reader, struct bytes *ret_name, enum http_name *ret_id)
{
    const uint8_t *start = reader->at;
    const uint8_t *end = known_name_end(start, reader->end, ret_id);

    if (end == NULL) {
        end = reader->at = scan_class(start, reader->end, CHAR_TOKEN);
        if (end == reader->end)
            return ERR_AGAIN;
        if (*end != ':' || end == start)
            return bad_name(reader, end == start);
        *ret_id = http_name_of((struct bytes){start, (size_t)(end - start)});
    }
    *ret_name = (struct bytes){start, (size_t)(end - start)};
    reader->at = end + 1;
    return ERR_OK;
}

static enum err read_field(struct reader *reader, size_t fields_max)
{
    struct bytes name;
    enum http_name id = HTTP_OTHER;

    TRY(read_name(reader, &name, &id));
    if (reader->head->field_count == fields_max)
        return refuse(reader, ERR_TOO_BIG, 431, "there are too many header fields");
    const uint8_t *start = reader->at;
    const uint8_t *stop = scan_value(start, reader->end);

    reader->at = stop;
    TRY(pass_line_end(reader));
    while (start < stop && (*start == ' ' || *start == '\t'))
        start++;
    while (start < stop && (stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    add_field(reader, name, (struct bytes){start, (size_t)(stop - start)}, id);
    return ERR_OK;
}

/* All fields and the empty line behind them. */
static enum err read_fields(struct reader *reader, size_t fields_max)
{
    for (;;) {
        if (reader->at == reader->end)
            return ERR_AGAIN;
        if (*reader->at == '\r')
            return pass_line_end(reader);
        TRY(read_field(reader, fields_max));
    }
}

/* ---- what the fields mean together ------------------------------------------------------- */

static bool is_twice(const struct reader *reader, enum http_name name)
{
    return (reader->twice[(unsigned)name / 64] >> ((unsigned)name % 64) & 1) != 0;
}

static enum err judge_length(struct reader *reader)
{
    struct http_head *head = reader->head;

    if (!http_has(head, HTTP_CONTENT_LENGTH))
        return ERR_OK;
    if (is_twice(reader, HTTP_CONTENT_LENGTH))
        return bad(reader, "there is more than one Content-Length");
    enum err err = number_u64(http_find(head, HTTP_CONTENT_LENGTH)->value, &head->content_length);

    if (err != ERR_OK || head->content_length > INT64_MAX)
        return bad(reader, "Content-Length is no number, or too large");
    head->has_content_length = true;
    head->framing = HTTP_SIZED;
    return ERR_OK;
}

static enum err judge_coding(struct reader *reader)
{
    struct http_head *head = reader->head;

    if (!http_has(head, HTTP_TRANSFER_ENCODING))
        return ERR_OK;
    if (http_has(head, HTTP_CONTENT_LENGTH))
        return bad(reader, "there are both Content-Length and Transfer-Encoding");
    if (is_twice(reader, HTTP_TRANSFER_ENCODING))
        return bad(reader, "there is more than one Transfer-Encoding");
    if (head->minor == 0)
        return bad(reader, "there is a Transfer-Encoding in HTTP/1.0");
    struct bytes coding = http_find(head, HTTP_TRANSFER_ENCODING)->value;

    if (!bytes_equal_nocase(coding, BYTES("chunked"))) {
        static const char wrong[] = "Transfer-Encoding is not exactly chunked";

        return http_is_token(coding) ? refuse(reader, ERR_UNSUPPORTED, 501, wrong)
                                     : bad(reader, wrong);
    }
    head->framing = HTTP_CHUNKED;
    return ERR_OK;
}

/* Whether Connection may name this field: all but those that are meant for the last receiver
 * (RFC 9110 §7.6.1), which somebody may want to have removed on the way. */
static bool is_connection_option(struct bytes name)
{
    struct http_head nobody;
    struct http_field field = {name, {NULL, 0}, http_name_of(name)};

    memset(nobody.present, 0, sizeof nobody.present);
    return field.id == HTTP_OTHER || http_is_hop_by_hop(&nobody, &field);
}

struct options {
    bool close;
    bool keep_alive;
    bool upgrade;
};

static enum err read_options(struct reader *reader, bool is_request, struct bytes list,
                             struct options *options)
{
    struct bytes option;

    if (bytes_equal_nocase(list, BYTES("keep-alive"))) { /* what most clients say */
        options->keep_alive = true;
        return ERR_OK;
    }
    while (http_list_next(&list, &option)) {
        if (!http_is_token(option))
            return bad(reader, "Connection holds something that is no token");
        if (is_request && !is_connection_option(option))
            return bad(reader, "Connection names a field that is not its connection's own");
        options->close |= bytes_equal_nocase(option, BYTES("close"));
        options->keep_alive |= bytes_equal_nocase(option, BYTES("keep-alive"));
        options->upgrade |= bytes_equal_nocase(option, BYTES("upgrade"));
    }
    return ERR_OK;
}

static enum err judge_connection(struct reader *reader, bool is_request)
{
    struct http_head *head = reader->head;
    struct options options = {0};
    const struct http_field *field = http_find(head, HTTP_CONNECTION);

    for (; field != NULL; field = http_find_next(head, HTTP_CONNECTION, field))
        TRY(read_options(reader, is_request, field->value, &options));
    head->keep_alive = !options.close && (head->minor == 1 || options.keep_alive);
    head->upgrade = options.upgrade && head->minor == 1 && http_has(head, HTTP_UPGRADE);
    return ERR_OK;
}

/* ---- requests ---------------------------------------------------------------------------- */

static enum err read_method(struct reader *reader)
{
    const uint8_t *start = reader->at;
    size_t left = (size_t)(reader->end - start);
    const uint8_t *limit = left > METHOD_MAX + 1 ? start + METHOD_MAX + 1 : reader->end;

    reader->at = scan_class(start, limit, CHAR_TOKEN);
    size_t size = (size_t)(reader->at - start);

    if (size > METHOD_MAX)
        return refuse(reader, ERR_UNSUPPORTED, 501, "the method is longer than any known one");
    if (reader->at == reader->end)
        return ERR_AGAIN;
    if (*reader->at != ' ' || size == 0)
        return bad(reader, "the request line does not begin with a method and a blank");
    reader->at++;
    reader->head->method = (struct bytes){start, size};
    reader->head->method_id = http_method_of(reader->head->method);
    return ERR_OK;
}

static enum err read_target(struct reader *reader, size_t target_max)
{
    const uint8_t *start = reader->at;
    size_t left = (size_t)(reader->end - start);
    const uint8_t *limit = left > target_max ? start + target_max + 1 : reader->end;

    reader->at = scan_target(start, limit);
    size_t size = (size_t)(reader->at - start);

    if (size > target_max)
        return refuse(reader, ERR_TOO_BIG, 414, "the request target is too long");
    if (reader->at == reader->end)
        return ERR_AGAIN;
    if (*reader->at == '#')
        return bad(reader, "there is a '#' in the request target");
    if (*reader->at != ' ' || size == 0)
        return bad(reader, "the request target is not followed by a blank and a version, or holds "
                           "a character that has to be escaped");
    reader->at++;
    reader->head->target = (struct bytes){start, size};
    return ERR_OK;
}

static enum err judge_host(struct reader *reader)
{
    struct http_head *head = reader->head;

    if (!http_has(head, HTTP_HOST))
        return bad(reader, "Host is missing");
    if (is_twice(reader, HTTP_HOST))
        return bad(reader, "there is more than one Host");
    head->host = http_find(head, HTTP_HOST)->value;
    return url_is_host(head->host) ? ERR_OK : bad(reader, "Host is no host name or address");
}

/* An absolute target: it has to name the same host as Host does. */
static enum err judge_absolute(struct reader *reader)
{
    struct http_head *head = reader->head;
    uint8_t texts[2][URL_HOST_MAX];
    struct url_parts parts;
    struct url_host said, host;

    if (url_split(head->target, &parts) != ERR_OK)
        return bad(reader, "the request target is no path and no URL");
    uint16_t port = parts.tls ? 443 : 80;

    if (url_host_normalise(parts.host, port, texts[0], &said) != ERR_OK ||
        url_host_normalise(head->host, port, texts[1], &host) != ERR_OK ||
        !bytes_equal(said.whole, host.whole))
        return bad(reader, "the host of the request target is not the one of Host");
    head->path = parts.target;
    return ERR_OK;
}

static enum err judge_target(struct reader *reader)
{
    struct http_head *head = reader->head;

    if (head->method_id == HTTP_METHOD_CONNECT)
        return refuse(reader, ERR_UNSUPPORTED, 501, "CONNECT is not supported");
    head->path = head->target;
    if (head->target.data[0] == '/')
        return ERR_OK;
    if (bytes_equal(head->target, BYTES("*")))
        return head->method_id == HTTP_METHOD_OPTIONS
                   ? ERR_OK
                   : bad(reader, "the request target * is for OPTIONS only");
    return judge_absolute(reader);
}

static enum err judge_expect(struct reader *reader)
{
    struct http_head *head = reader->head;

    if (!http_has(head, HTTP_EXPECT) || head->minor == 0)
        return ERR_OK;
    if (is_twice(reader, HTTP_EXPECT) ||
        !bytes_equal_nocase(http_find(head, HTTP_EXPECT)->value, BYTES("100-continue")))
        return refuse(reader, ERR_SYNTAX, 417, "Expect is not 100-continue");
    head->expects_continue =
        head->framing == HTTP_CHUNKED || (head->framing == HTTP_SIZED && head->content_length > 0);
    return ERR_OK;
}

static enum err read_request(struct reader *reader, const struct http_limits *limits)
{
    if (reader->at < reader->end && *reader->at == '\r')
        TRY(pass_line_end(reader));
    TRY(read_method(reader));
    TRY(read_target(reader, limits->target_max));
    TRY(read_version(reader));
    TRY(pass_line_end(reader));
    TRY(read_fields(reader, limits->fields_max));
    TRY(judge_length(reader));
    TRY(judge_coding(reader));
    TRY(judge_host(reader));
    TRY(judge_target(reader));
    TRY(judge_connection(reader, true));
    return judge_expect(reader);
}

/* ---- responses --------------------------------------------------------------------------- */

static enum err read_status(struct reader *reader)
{
    static const char wrong[] = "the status line has no status of three digits";
    unsigned status = 0;

    TRY(pass(reader, BYTES(" "), wrong));
    for (int i = 0; i < 3; i++) {
        if (reader->at == reader->end)
            return ERR_AGAIN;
        if (!char_is(*reader->at, CHAR_DIGIT))
            return bad(reader, wrong);
        status = status * 10 + (unsigned)(*reader->at++ - '0');
    }
    if (status < 100 || status > 599)
        return bad(reader, "the status is not one of 100 to 599");
    reader->head->status = status;
    return ERR_OK;
}

/* The blank ahead of the reason may be missing when there is no reason: that leaves no doubt. */
static enum err read_reason(struct reader *reader)
{
    if (reader->at == reader->end)
        return ERR_AGAIN;
    if (*reader->at != '\r')
        TRY(pass(reader, BYTES(" "), "the status is not followed by a blank"));
    const uint8_t *start = reader->at;

    reader->at = scan_value(start, reader->end);
    reader->head->reason = (struct bytes){start, (size_t)(reader->at - start)};
    return pass_line_end(reader);
}

/* RFC 9112 §6.3. */
static enum err judge_response_body(struct reader *reader, bool to_head)
{
    struct http_head *head = reader->head;
    bool never_a_body = head->status < 200 || head->status == 204;

    if (never_a_body && (head->framing == HTTP_CHUNKED || head->content_length > 0))
        return bad(reader, "a response that cannot have a body says that it has one");
    if (never_a_body || head->status == 304 || to_head)
        head->framing = HTTP_NO_BODY;
    else if (head->framing == HTTP_NO_BODY)
        head->framing = HTTP_UNTIL_CLOSE;
    if (head->framing == HTTP_UNTIL_CLOSE)
        head->keep_alive = false;
    return ERR_OK;
}

static enum err read_response(struct reader *reader, const struct http_limits *limits, bool to_head)
{
    TRY(read_version(reader));
    TRY(read_status(reader));
    TRY(read_reason(reader));
    TRY(read_fields(reader, limits->fields_max));
    TRY(judge_length(reader));
    TRY(judge_coding(reader));
    TRY(judge_connection(reader, false));
    return judge_response_body(reader, to_head);
}

/* ---- both -------------------------------------------------------------------------------- */

static struct reader reader_of(struct bytes input, const struct http_limits *limits,
                               struct http_head *head, struct http_complaint *complaint)
{
    size_t size = input.size < limits->head_max ? input.size : limits->head_max;

    must(limits->fields_max <= HTTP_FIELDS_MAX);
    must(input.data != NULL);
    memset(head, 0, offsetof(struct http_head, fields));
    return (struct reader){input.data, input.data + size, head, {0, 0}, complaint};
}

/* What has not ended within the limit is too big, whatever follows. */
static enum err judge_size(struct reader *reader, enum err err, struct bytes input, size_t head_max,
                           size_t *ret_size)
{
    if (err == ERR_AGAIN && input.size >= head_max)
        return refuse(reader, ERR_TOO_BIG, 431, "the header is too long");
    if (err == ERR_OK)
        *ret_size = (size_t)(reader->at - input.data);
    return err;
}

enum err http_parse_request(struct bytes input, const struct http_limits *limits,
                            struct http_head *ret_head, size_t *ret_size,
                            struct http_complaint *complaint)
{
    if (input.size == 0)
        return ERR_AGAIN;
    struct reader reader = reader_of(input, limits, ret_head, complaint);
    enum err err = read_request(&reader, limits);

    return judge_size(&reader, err, input, limits->head_max, ret_size);
}

enum err http_parse_response(struct bytes input, const struct http_limits *limits, bool to_head,
                             struct http_head *ret_head, size_t *ret_size,
                             struct http_complaint *complaint)
{
    if (input.size == 0)
        return ERR_AGAIN;
    struct reader reader = reader_of(input, limits, ret_head, complaint);
    enum err err = read_response(&reader, limits, to_head);

    return judge_size(&reader, err, input, limits->head_max, ret_size);
}
