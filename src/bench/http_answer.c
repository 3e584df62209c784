/* http_answer.c: one run over a response. SPDX-License-Identifier: MIT */
#include "bench/http_answer.h"

#include "base/number.h"

enum chunk_state {
    CHUNK_NONE, /* the body is not chunked */
    CHUNK_SIZE, /* a line with a size is next */
    CHUNK_DATA,
    CHUNK_DATA_END, /* the line end behind the data */
    CHUNK_TRAILER,
};

/* What the fields of one head say. */
struct said {
    bool has_length;
    bool chunked;
    bool close;
    bool keep_alive;
    uint64_t length;
    struct http_answer *answer;
};

void http_answer_init(struct http_answer *answer, bool to_head)
{
    *answer = (struct http_answer){.to_head = to_head};
}

/* ---- caches ------------------------------------------------------------------------------ */

static enum cached of_member(struct bytes member)
{
    bool hit = false, stale = false, forwarded = false, collapsed = false;

    (void)bytes_cut(&member, ';'); /* the cache's name */
    while (member.size > 0) {
        struct bytes value = bytes_trim(bytes_cut(&member, ';'));
        struct bytes name = bytes_cut(&value, '=');

        if (bytes_equal(name, BYTES("hit")))
            hit = !bytes_equal(value, BYTES("?0"));
        else if (bytes_equal(name, BYTES("ttl")))
            stale = value.size > 0 && value.data[0] == '-';
        else if (bytes_equal(name, BYTES("fwd")))
            forwarded = true;
        else if (bytes_equal(name, BYTES("collapsed")))
            collapsed = !bytes_equal(value, BYTES("?0"));
    }
    if (hit)
        return stale ? CACHED_STALE : CACHED_HIT;
    if (forwarded)
        return collapsed ? CACHED_SHARED : CACHED_MISS;
    return CACHED_UNTOLD;
}

/* The next member of the list, up to a comma that stands in no string. */
static struct bytes cut_member(struct bytes *rest)
{
    bool quoted = false;
    size_t at = 0;

    for (; at < rest->size; at++) {
        uint8_t byte = rest->data[at];

        if (quoted && byte == '\\')
            at++;
        else if (byte == '"')
            quoted = !quoted;
        else if (byte == ',' && !quoted)
            break;
    }
    struct bytes member = bytes_slice(*rest, 0, at);

    *rest = bytes_skip(*rest, at + 1);
    return member;
}

enum cached http_answer_cache_status(struct bytes value)
{
    struct bytes last = value;

    while (value.size > 0) {
        struct bytes member = bytes_trim(cut_member(&value));

        if (member.size > 0)
            last = member;
    }
    return of_member(last);
}

static bool mentions(struct bytes text, struct bytes word)
{
    for (; text.size >= word.size; text = bytes_skip(text, 1))
        if (bytes_equal_nocase(bytes_slice(text, 0, word.size), word))
            return true;
    return false;
}

static enum cached of_x_cache(struct bytes value)
{
    if (mentions(value, BYTES("stale")) || mentions(value, BYTES("updating")))
        return CACHED_STALE;
    return mentions(value, BYTES("hit")) ? CACHED_HIT : CACHED_MISS;
}

/* The better source wins; of the same source, the field that comes last. */
static void learn(struct http_answer *answer, enum cached_source source, enum cached cached)
{
    if (source < answer->source || cached == CACHED_UNTOLD)
        return;
    answer->source = source;
    answer->cached = cached;
}

/* ---- fields ------------------------------------------------------------------------------ */

static bool is_field(struct bytes line, struct bytes name, struct bytes *ret_value)
{
    if (line.size <= name.size || line.data[name.size] != ':' ||
        !bytes_equal_nocase(bytes_slice(line, 0, name.size), name))
        return false;
    *ret_value = bytes_trim(bytes_skip(line, name.size + 1));
    return true;
}

static enum err read_length(struct said *said, struct bytes value)
{
    uint64_t length = 0;

    TRY(number_u64(value, &length));
    if (said->has_length && said->length != length)
        return ERR_SYNTAX;
    said->has_length = true;
    said->length = length;
    return ERR_OK;
}

static void read_age(struct said *said, struct bytes value)
{
    uint64_t age = 0;

    if (number_u64(value, &age) == ERR_OK && age > 0)
        learn(said->answer, SOURCE_AGE, CACHED_HIT);
}

/* Most lines are told apart by their first letter. */
static enum err read_line(struct said *said, struct bytes line)
{
    struct bytes value;

    switch (byte_lower(line.data[0])) {
    case 'a':
        if (is_field(line, BYTES("age"), &value))
            read_age(said, value);
        break;
    case 'c':
        if (is_field(line, BYTES("content-length"), &value))
            return read_length(said, value);
        if (is_field(line, BYTES("cache-status"), &value))
            learn(said->answer, SOURCE_CACHE_STATUS, http_answer_cache_status(value));
        if (is_field(line, BYTES("connection"), &value)) {
            said->close = said->close || mentions(value, BYTES("close"));
            said->keep_alive = said->keep_alive || mentions(value, BYTES("keep-alive"));
        }
        break;
    case 't':
        if (!is_field(line, BYTES("transfer-encoding"), &value))
            break;
        if (said->chunked || !bytes_equal_nocase(value, BYTES("chunked")))
            return ERR_SYNTAX;
        said->chunked = true;
        break;
    case 'x':
        if (is_field(line, BYTES("x-cache"), &value) ||
            is_field(line, BYTES("x-cache-status"), &value))
            learn(said->answer, SOURCE_X_CACHE, of_x_cache(value));
        break;
    default:
        break;
    }
    return ERR_OK;
}

/* "HTTP/1.1 200 OK" */
static enum err read_status(struct bytes line, unsigned *ret_status, bool *ret_minor)
{
    uint64_t status = 0;

    if (line.size < sizeof "HTTP/1.1 200" - 1 || !bytes_begin_with(line, BYTES("HTTP/1.")) ||
        (line.data[7] != '0' && line.data[7] != '1') || line.data[8] != ' ' ||
        number_u64(bytes_slice(line, 9, 12), &status) != ERR_OK || status < 100 || status > 599 ||
        (line.size > 12 && line.data[12] != ' '))
        return ERR_SYNTAX;
    *ret_status = (unsigned)status;
    *ret_minor = line.data[7] == '1';
    return ERR_OK;
}

/* One line off the input, without its end. ERR_AGAIN: it has not ended yet. */
static enum err cut_line(struct bytes *input, struct bytes *ret_line)
{
    const uint8_t *end = input->size == 0 ? NULL : memchr(input->data, '\n', input->size);

    if (end == NULL)
        return ERR_AGAIN;
    size_t size = (size_t)(end - input->data);

    if (size == 0 || input->data[size - 1] != '\r')
        return ERR_SYNTAX;
    *ret_line = bytes_slice(*input, 0, size - 1);
    *input = bytes_skip(*input, size + 1);
    return ERR_OK;
}

static enum err frame(struct http_answer *answer, const struct said *said, bool minor)
{
    bool bodiless = answer->to_head || answer->status == 204 || answer->status == 304;

    answer->keep_alive = !said->close && (minor || said->keep_alive);
    if (said->chunked && said->has_length)
        return ERR_SYNTAX;
    if (bodiless)
        return ERR_OK;
    if (said->chunked) {
        answer->chunk_state = CHUNK_SIZE;
    } else if (said->has_length) {
        answer->left = said->length;
    } else {
        answer->until_close = true;
        answer->keep_alive = false;
    }
    return ERR_OK;
}

/* A head is read anew from its start until all of it is here. */
static enum err read_head(struct http_answer *answer, struct bytes *input)
{
    struct http_answer fresh = {.to_head = answer->to_head};
    struct said said = {.answer = &fresh};
    struct bytes rest = *input, line;
    bool minor = false;
    enum err err = cut_line(&rest, &line);

    if (err == ERR_OK)
        err = read_status(line, &fresh.status, &minor);
    while (err == ERR_OK && (err = cut_line(&rest, &line)) == ERR_OK && line.size > 0)
        err = read_line(&said, line);
    size_t size = err == ERR_AGAIN ? input->size : input->size - rest.size;

    if (size > HTTP_ANSWER_HEAD_MAX)
        return ERR_TOO_BIG;
    TRY(err);
    *input = rest;
    if (fresh.status < 200)
        return fresh.status == 101 ? ERR_SYNTAX : ERR_OK; /* interim: the answer is still to come */
    TRY(frame(&fresh, &said, minor));
    *answer = fresh;
    answer->begun = true;
    return ERR_OK;
}

/* ---- bodies ------------------------------------------------------------------------------ */

static void take(struct http_answer *answer, struct bytes *input)
{
    uint64_t size = input->size < answer->left ? input->size : answer->left;

    answer->left -= size;
    answer->size += size;
    *input = bytes_skip(*input, (size_t)size);
}

static enum err read_chunk_size(struct http_answer *answer, struct bytes line)
{
    struct bytes rest = line, size = bytes_trim(bytes_cut(&rest, ';'));

    answer->overhead += rest.size;
    if (number_hex(size, &answer->left) != ERR_OK || answer->left > INT64_MAX ||
        answer->overhead > HTTP_ANSWER_HEAD_MAX)
        return ERR_SYNTAX;
    answer->chunk_state = answer->left == 0 ? CHUNK_TRAILER : CHUNK_DATA;
    return ERR_OK;
}

/* One step through a chunked body; `*ret_done` when its last line was read. */
static enum err read_chunk(struct http_answer *answer, struct bytes *input, bool *ret_done)
{
    struct bytes line;

    if (answer->chunk_state == CHUNK_DATA) {
        take(answer, input);
        if (answer->left > 0)
            return ERR_AGAIN;
        answer->chunk_state = CHUNK_DATA_END;
    }
    enum err err = cut_line(input, &line);

    if (err == ERR_AGAIN && input->size > HTTP_ANSWER_HEAD_MAX)
        return ERR_TOO_BIG;
    TRY(err);
    if (answer->chunk_state == CHUNK_SIZE)
        return read_chunk_size(answer, line);
    if (answer->chunk_state == CHUNK_DATA_END) {
        answer->chunk_state = CHUNK_SIZE;
        return line.size == 0 ? ERR_OK : ERR_SYNTAX;
    }
    answer->overhead += line.size;
    if (answer->overhead > HTTP_ANSWER_HEAD_MAX)
        return ERR_TOO_BIG;
    *ret_done = line.size == 0;
    return ERR_OK;
}

static enum err read_body(struct http_answer *answer, struct bytes *input)
{
    bool done = false;

    if (answer->until_close) {
        answer->size += input->size;
        *input = bytes_skip(*input, input->size);
        return ERR_AGAIN;
    }
    if (answer->chunk_state == CHUNK_NONE) {
        take(answer, input);
        return answer->left == 0 ? ERR_OK : ERR_AGAIN;
    }
    while (!done)
        TRY(read_chunk(answer, input, &done));
    return ERR_OK;
}

enum err http_answer_next(struct http_answer *answer, struct bytes input, size_t *ret_used)
{
    size_t size = input.size;
    enum err err = ERR_OK;

    while (err == ERR_OK && !answer->begun)
        err = read_head(answer, &input);
    if (err == ERR_OK)
        err = read_body(answer, &input);
    *ret_used = size - input.size;
    return err;
}

bool http_answer_ends_with_connection(const struct http_answer *answer)
{
    return answer->begun && answer->until_close;
}
