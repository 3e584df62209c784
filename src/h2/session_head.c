/* session_head.c: the fields of an HTTP/2 request as a head of HTTP/1.1.
 * SPDX-License-Identifier: MIT
 *
 * nghttp2 has seen to it that pseudo fields come first and once, that names are lower case and that
 * nothing belongs to a connection; what could end a line or a word of the text is refused here, and
 * all the rest by the parser of proto/http.h, as for everybody.
 */
#include "base/must.h"
#include "h2/session_parts.h"
#include "proto/scan.h"

enum {
    BOMB_FACTOR = 4,     /* times the limits: then it is no mistake any more */
    FIELD_OVERHEAD = 32, /* RFC 9113 §6.5.2 */
    REFUSED_POINTS = 20,
    SLACK = 256, /* so that the parser sees that the head is too large, and says so */
};

static void refuse(struct h2_session *session, unsigned status, const char *complaint)
{
    struct arriving *arriving = &session->arriving;

    if (arriving->status != 0)
        return;
    arriving->status = status;
    arriving->complaint = complaint;
    h2_session_score(session, FLOOD_HEADERS, REFUSED_POINTS);
}

static void put_back(struct arriving *arriving)
{
    for (size_t i = 0; i < H2_PSEUDO_COUNT; i++) {
        if (arriving->held[i] != NULL)
            nghttp2_rcbuf_decref(arriving->held[i]);
        arriving->held[i] = NULL;
        arriving->pseudo[i] = BYTES("");
    }
}

void h2_head_drop(struct h2_session *session)
{
    struct arriving *arriving = &session->arriving;

    if (arriving->stream_id == 0)
        return;
    put_back(arriving);
    session->heads.size = arriving->start;
    arriving->stream_id = 0;
}

void h2_head_begin(struct h2_session *session, int32_t stream_id, bool is_trailer)
{
    struct arriving *arriving = &session->arriving;
    struct buf cookie = arriving->cookie;

    h2_head_drop(session);
    buf_clear(&cookie);
    *arriving = (struct arriving){
        .stream_id = stream_id,
        .is_trailer = is_trailer,
        .since_ms = session->now_ms,
        .start = session->heads.size,
        .cookie = cookie,
    };
    for (size_t i = 0; i < H2_PSEUDO_COUNT; i++)
        arriving->pseudo[i] = BYTES("");
}

/* ---- the first line ----------------------------------------------------------------------- */

static bool is_target(struct bytes path)
{
    const uint8_t *end = path.data + path.size;

    return path.size > 0 && (path.data[0] == '/' || bytes_equal(path, BYTES("*"))) &&
           scan_target(path.data, end) == end;
}

static bool is_value(struct bytes value)
{
    return value.size == 0 ||
           scan_value(value.data, value.data + value.size) == value.data + value.size;
}

static bool is_scheme(struct bytes scheme)
{
    return bytes_equal(scheme, BYTES("http")) || bytes_equal(scheme, BYTES("https"));
}

static void write_line(struct h2_session *session)
{
    struct arriving *arriving = &session->arriving;
    struct buf *out = &session->heads;
    struct bytes method = arriving->pseudo[H2_PSEUDO_METHOD];
    struct bytes authority = arriving->pseudo[H2_PSEUDO_AUTHORITY];
    bool is_connect = bytes_equal(method, BYTES("CONNECT"));
    struct bytes target = is_connect ? authority : arriving->pseudo[H2_PSEUDO_PATH];

    arriving->has_line = true;
    if (scan_class(method.data, method.data + method.size, CHAR_TOKEN) !=
            method.data + method.size ||
        method.size == 0)
        refuse(session, 400, "the method is no token");
    else if (!is_connect && !is_target(target))
        refuse(session, 400, "the path is no path, or holds a character that it may not");
    else if (!is_connect && !is_scheme(arriving->pseudo[H2_PSEUDO_SCHEME]))
        refuse(session, 400, "the scheme is neither http nor https");
    if (!is_value(authority))
        refuse(session, 400, "the authority holds a character that it may not");
    if (arriving->status != 0)
        return;
    buf_add(out, method);
    buf_add_byte(out, ' ');
    buf_add(out, target);
    buf_add(out, BYTES(" HTTP/1.1\r\n"));
    if (authority.size == 0)
        return;
    buf_add(out, BYTES("host: "));
    buf_add(out, authority);
    buf_add(out, BYTES("\r\n"));
}

/* ---- fields ------------------------------------------------------------------------------- */

static void keep_pseudo(struct arriving *arriving, struct bytes name, nghttp2_rcbuf *held)
{
    static const struct bytes names[H2_PSEUDO_COUNT] = {
        BYTES_INIT(":method"), BYTES_INIT(":scheme"), BYTES_INIT(":authority"),
        BYTES_INIT(":path")};

    for (size_t i = 0; i < H2_PSEUDO_COUNT; i++) {
        if (!bytes_equal(name, names[i]) || arriving->held[i] != NULL)
            continue;
        nghttp2_vec value = nghttp2_rcbuf_get_buf(held);

        nghttp2_rcbuf_incref(held);
        arriving->held[i] = held;
        arriving->pseudo[i] = bytes_of(value.base, value.len);
    }
}

static void add_crumb(struct h2_session *session, struct bytes value)
{
    struct arriving *arriving = &session->arriving;

    if (++arriving->crumb_count > session->settings->fields_max) {
        arriving->is_cut = true;
        refuse(session, 431, "there are too many pieces of Cookie");
        return;
    }
    if (arriving->cookie.size > 0)
        buf_add(&arriving->cookie, BYTES("; "));
    buf_add(&arriving->cookie, value);
}

static void add_plain(struct h2_session *session, struct bytes name, struct bytes value)
{
    struct arriving *arriving = &session->arriving;
    struct buf *out = &session->heads;
    struct bytes authority = arriving->pseudo[H2_PSEUDO_AUTHORITY];

    if (bytes_equal(name, BYTES("host")) && authority.size > 0) {
        if (!bytes_equal_nocase(value, authority))
            refuse(session, 400, "Host and :authority name different hosts");
        else if (arriving->has_host)
            refuse(session, 400, "there is more than one Host");
        arriving->has_host = true;
        return;
    }
    if (bytes_equal(name, BYTES("content-length")))
        arriving->has_length = true;
    buf_add(out, name);
    buf_add(out, BYTES(": "));
    buf_add(out, value);
    buf_add(out, BYTES("\r\n"));
}

/* What it has cost so far, and whether it is too much. */
static bool fits(struct h2_session *session, struct bytes name, struct bytes value)
{
    struct arriving *arriving = &session->arriving;
    const struct h2_settings *settings = session->settings;

    arriving->size += name.size + value.size + FIELD_OVERHEAD;
    arriving->field_count++;
    if (arriving->size > BOMB_FACTOR * (settings->head_max + settings->fields_max * FIELD_OVERHEAD))
        h2_session_score(session, FLOOD_HEADERS, session->settings->score_max + 1);
    if (arriving->is_cut || arriving->is_trailer)
        return false;
    size_t kept = session->heads.size - arriving->start + arriving->cookie.size;

    if (kept + name.size + value.size > settings->head_max + SLACK) {
        arriving->is_cut = true;
        refuse(session, 431, "the header is too large");
    } else if (arriving->field_count > 2 * settings->fields_max + H2_PSEUDO_COUNT) {
        arriving->is_cut = true;
        refuse(session, 431, "there are too many header fields");
    }
    return !arriving->is_cut;
}

void h2_head_add(struct h2_session *session, nghttp2_rcbuf *held_name, nghttp2_rcbuf *held_value)
{
    struct arriving *arriving = &session->arriving;
    nghttp2_vec a = nghttp2_rcbuf_get_buf(held_name);
    nghttp2_vec b = nghttp2_rcbuf_get_buf(held_value);
    struct bytes name = bytes_of(a.base, a.len);
    struct bytes value = bytes_of(b.base, b.len);

    if (arriving->stream_id == 0 || !fits(session, name, value))
        return;
    if (name.size > 0 && name.data[0] == ':') {
        keep_pseudo(arriving, name, held_value);
        return;
    }
    if (!is_value(value)) {
        refuse(session, 400, "a header field holds a control character");
        return;
    }
    if (!arriving->has_line)
        write_line(session);
    if (arriving->status != 0)
        return;
    if (bytes_equal(name, BYTES("cookie")))
        add_crumb(session, value);
    else
        add_plain(session, name, value);
}

void h2_head_invalid(struct h2_session *session)
{
    if (session->arriving.stream_id != 0)
        refuse(session, 400, "a header field has a name or a value that it may not have");
}

void h2_head_finish(struct h2_session *session, struct h2_stream *stream, bool is_all)
{
    struct arriving *arriving = &session->arriving;
    struct buf *out = &session->heads;

    if (!arriving->has_line)
        write_line(session);
    if (arriving->cookie.size > 0) {
        buf_add(out, BYTES("cookie: "));
        buf_add(out, buf_bytes(&arriving->cookie));
        buf_add(out, BYTES("\r\n"));
    }
    if (!is_all && !arriving->has_length)
        buf_add(out, BYTES("transfer-encoding: chunked\r\n"));
    buf_add(out, BYTES("\r\n"));
    if (buf_failed(out) != ERR_OK || buf_failed(&arriving->cookie) != ERR_OK) {
        arriving->status = 503;
        arriving->complaint = "there is no memory left for this";
    }
    if (arriving->status != 0)
        out->size = arriving->start;
    stream->status = arriving->status;
    stream->complaint = arriving->complaint;
    stream->head_start = arriving->start;
    stream->head_size = out->size - arriving->start;
    put_back(arriving);
    arriving->stream_id = 0;
}
