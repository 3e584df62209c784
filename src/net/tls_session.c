/* tls_session.c: sessions: handshakes, records, and the desk they are gathered on.
 * SPDX-License-Identifier: MIT
 */
#include "net/tls.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/tls_parts.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
    RECORD_MAX = 16 * 1024,
    ROUND_MAX = 4 * RECORD_MAX, /* encrypted before it is sent */
    DESK_SIZE = ROUND_MAX + 4096,
    WAITING_MAX = 512 * 1024, /* alerts and the like included: who provokes more is cut off */
    WHY_SIZE = 256,
    /* What the library takes for a session (OpenSSL 3.0, 64 bits, measured): while the handshake
     * lasts, and when it stands and is idle. */
    COST_SHAKING = 46 * 1024,
    COST_STANDING = 14 * 1024
};

struct tls_desk {
    size_t used;
    uint8_t plain[RECORD_MAX]; /* small parts that shall share a record */
    uint8_t bytes[DESK_SIZE];  /* records */
};

struct tls_desk *tls_desk_new(void)
{
    return mem_new(1, sizeof(struct tls_desk));
}

void tls_desk_free(struct tls_desk **owner)
{
    mem_free(owner);
}

static void charge(struct tls_session *session, size_t size)
{
    if (session->account == NULL)
        return;
    if (size > session->charged)
        account_force(session->account, size - session->charged);
    else
        account_refund(session->account, session->charged - size);
    session->charged = size;
}

/* ---- what waits for the socket ------------------------------------------------------------ */

size_t tls_waiting(const struct tls_session *session)
{
    return session->waiting_size;
}

static void forget_waiting(struct tls_session *session)
{
    if (session->account != NULL)
        account_refund(session->account, session->waiting_capacity);
    mem_free(&session->waiting);
    session->waiting_at = session->waiting_size = session->waiting_capacity = 0;
}

static bool grow_waiting(struct tls_session *session, size_t more)
{
    size_t wanted = session->waiting_at + session->waiting_size + more;

    if (wanted <= session->waiting_capacity)
        return true;
    uint8_t *grown = wanted > WAITING_MAX ? NULL : mem_resize(session->waiting, wanted);

    if (grown == NULL) {
        session->broken = wanted > WAITING_MAX ? ENOBUFS : ENOMEM;
        return false;
    }
    if (session->account != NULL)
        account_force(session->account, wanted - session->waiting_capacity);
    session->waiting = grown;
    session->waiting_capacity = wanted;
    return true;
}

static void wait_with(struct tls_session *session, struct bytes bytes)
{
    if (bytes.size == 0 || !grow_waiting(session, bytes.size))
        return;
    memcpy(session->waiting + session->waiting_at + session->waiting_size, bytes.data, bytes.size);
    session->waiting_size += bytes.size;
}

/* What the socket took: 0 when it is full or broken. */
static size_t send_some(struct tls_session *session, struct bytes bytes)
{
    ssize_t sent;

    do {
        sent = send(session->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        session->broken = errno;
    return sent < 0 ? 0 : (size_t)sent;
}

static void send_waiting(struct tls_session *session)
{
    if (session->waiting_size == 0 || session->broken != 0)
        return;
    size_t sent =
        send_some(session, bytes_of(session->waiting + session->waiting_at, session->waiting_size));

    session->waiting_at += sent;
    session->waiting_size -= sent;
    if (session->waiting_size == 0 || session->broken != 0)
        forget_waiting(session);
}

/* The desk is empty between calls. */
static void clear_desk(struct tls_session *session)
{
    struct tls_desk *desk = session->desk;
    struct bytes records = bytes_of(desk->bytes, desk->used);

    desk->used = 0;
    if (records.size == 0 || session->broken != 0)
        return;
    if (session->waiting_size == 0)
        records = bytes_skip(records, send_some(session, records));
    if (session->broken == 0)
        wait_with(session, records);
    if (session->broken != 0)
        forget_waiting(session);
}

ssize_t tls_flush(struct tls_session *session)
{
    size_t before = session->waiting_size;

    send_waiting(session);
    if (session->broken == 0)
        return (ssize_t)(before - session->waiting_size);
    errno = session->broken;
    return -1;
}

/* ---- what the library reads from and writes to -------------------------------------------- */

static bool is_letter(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z';
}

static int bio_read(BIO *bio, char *to, size_t size, size_t *ret_size)
{
    struct tls_session *session = BIO_get_data(bio);
    ssize_t count;

    BIO_clear_retry_flags(bio);
    if (session->is_eof)
        return 0;
    if (session->is_short && !session->to_end) {
        BIO_set_retry_read(bio);
        return 0;
    }
    do {
        count = recv(session->fd, to, size, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    else if (count < 0)
        session->broken = errno;
    session->is_eof = count == 0;
    if (count <= 0)
        return 0;
    session->is_short = (size_t)count < size;
    session->is_plain = session->is_plain || (!session->heard && is_letter((uint8_t)to[0]));
    session->heard = true;
    if (session->is_plain)
        return 0;
    *ret_size = (size_t)count;
    return 1;
}

static int bio_write(BIO *bio, const char *from, size_t size, size_t *ret_size)
{
    struct tls_session *session = BIO_get_data(bio);
    struct tls_desk *desk = session->desk;

    BIO_clear_retry_flags(bio);
    if (size > DESK_SIZE - desk->used)
        clear_desk(session);
    if (session->broken != 0)
        return 0;
    if (size > DESK_SIZE) {
        wait_with(session, bytes_of(from, size));
    } else {
        memcpy(desk->bytes + desk->used, from, size);
        desk->used += size;
    }
    *ret_size = size;
    return session->broken == 0;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_session *session = BIO_get_data(bio);

    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_EOF)
        return session->is_eof;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "larder");

    must(method != NULL);
    must(BIO_meth_set_read_ex(method, bio_read) == 1);
    must(BIO_meth_set_write_ex(method, bio_write) == 1);
    must(BIO_meth_set_ctrl(method, bio_control) == 1);
    return method;
}

/* ---- birth and end ------------------------------------------------------------------------ */

static bool name_server(const struct tls *tls, SSL *ssl)
{
    X509_VERIFY_PARAM *wanted = SSL_get0_param(ssl);

    if (tls->server_name == NULL)
        return true;
    if (tls->is_address)
        return X509_VERIFY_PARAM_set1_ip_asc(wanted, tls->server_name) == 1;
    return SSL_set_tlsext_host_name(ssl, tls->server_name) == 1 &&
           X509_VERIFY_PARAM_set1_host(wanted, tls->server_name, 0) == 1;
}

static bool ssl_begin(struct tls_session *session)
{
    struct tls *tls = session->tls;
    SSL *ssl = SSL_new(tls->is_server ? session->set->contexts[0] : tls->context);
    BIO *bio = ssl == NULL ? NULL : BIO_new(tls->method);

    session->ssl = ssl;
    if (bio == NULL)
        return false;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    if (SSL_set_app_data(ssl, session) != 1)
        return false;
    if (tls->is_server) {
        SSL_set_accept_state(ssl);
        return true;
    }
    SSL_set_connect_state(ssl);
    return tls_resume(tls, ssl) && name_server(tls, ssl);
}

struct tls_session *tls_session_new(struct tls *tls, int fd, struct tls_desk *desk,
                                    struct account *account)
{
    struct tls_session *session = mem_try(sizeof *session);

    if (session == NULL)
        return NULL;
    *session = (struct tls_session){.tls = tls, .fd = fd, .desk = desk, .account = account};
    atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
    if (tls->is_server)
        session->set = tls_set_hold(tls);
    charge(session, sizeof *session + COST_SHAKING);
    if (ssl_begin(session))
        return session;
    ERR_clear_error();
    tls_session_free(&session);
    return NULL;
}

void tls_session_free(struct tls_session **owner)
{
    struct tls_session *session = *owner;

    if (session == NULL)
        return;
    if (session->ssl != NULL) {
        /* Else the library forbids to resume it. */
        SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(session->ssl);
    }
    tls_set_drop(&session->set);
    forget_waiting(session);
    charge(session, 0);
    mem_free(&session->why);
    tls_free(&session->tls);
    mem_free(owner);
}

/* ---- the handshake ------------------------------------------------------------------------ */

static enum err distrust_err(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return ERR_PEER_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return ERR_PEER_MISNAMED;
    default:
        return ERR_PEER_UNTRUSTED;
    }
}

static const char *distrust_text(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is not valid yet";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "is for another name";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "is signed by itself";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return "was issued by somebody who is not trusted here";
    default:
        return X509_verify_cert_error_string(result);
    }
}

static const char *reason_text(const struct tls_session *session)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    if (session->is_plain)
        return "it answers without TLS";
    if (session->is_eof || session->broken != 0)
        return "it closed the connection in the handshake";
    return reason == NULL ? "the handshake failed" : reason;
}

/* For who called: a server's failures are counted, not told. */
static void say_why(struct tls_session *session)
{
    const struct tls *tls = session->tls;
    long result = SSL_get_verify_result(session->ssl);
    const char *name = tls->server_name == NULL ? "" : tls->server_name;

    bool is_distrusted =
        result != X509_V_OK && SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE;

    session->why = mem_try(WHY_SIZE);
    session->err = (uint8_t)(is_distrusted ? distrust_err(result) : ERR_PEER_NO_TLS);
    if (session->why == NULL)
        return;
    if (is_distrusted)
        (void)snprintf(session->why, WHY_SIZE, "the certificate of %s %s", name,
                       distrust_text(result));
    else
        (void)snprintf(session->why, WHY_SIZE, "no TLS with %s: %s", name, reason_text(session));
}

static void stand(struct tls_session *session)
{
    struct tls_metrics *metrics = &session->tls->metrics;

    session->stands = true;
    charge(session, sizeof *session + COST_STANDING);
    tls_set_drop(&session->set);
    counter_add_shared(&metrics->handshakes, 1);
    if (SSL_session_reused(session->ssl) == 1)
        counter_add_shared(&metrics->resumed, 1);
}

static enum tls_step fail(struct tls_session *session)
{
    struct tls_metrics *metrics = &session->tls->metrics;
    bool is_plain = session->is_plain && session->tls->is_server;

    if (!session->tls->is_server)
        say_why(session);
    ERR_clear_error();
    /* Who connects and says nothing only looks whether somebody is there. */
    if (is_plain)
        counter_add_shared(&metrics->plain, 1);
    else if (session->heard)
        counter_add_shared(&metrics->failures, 1);
    return is_plain ? TLS_PLAIN : TLS_BROKEN;
}

enum tls_step tls_shake(struct tls_session *session, bool to_end)
{
    session->to_end = to_end;
    session->is_short = false;
    int result = SSL_do_handshake(session->ssl);

    clear_desk(session);
    if (session->broken == 0 && result == 1) {
        stand(session);
        return TLS_STANDS;
    }
    if (session->broken == 0 && SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_READ)
        return TLS_AGAIN;
    return fail(session);
}

/* ---- records ------------------------------------------------------------------------------ */

static ssize_t no_read(struct tls_session *session, int result)
{
    int why = SSL_get_error(session->ssl, result);

    if (why == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    ERR_clear_error();
    if (why == SSL_ERROR_ZERO_RETURN)
        return 0;
    /* A client that just closes has said all that it wants to. A server may have been cut off by
     * somebody between us: what it sent must not be taken for the whole. */
    if (session->is_eof && session->tls->is_server)
        return 0;
    errno = session->broken != 0 ? session->broken : session->is_eof ? ECONNRESET : EPROTO;
    return -1;
}

ssize_t tls_read(struct tls_session *session, uint8_t *at, size_t size, bool to_end, bool *ret_more)
{
    size_t count = 0;
    int result = 1;

    session->to_end = to_end;
    session->is_short = false;
    while (count < size && result == 1) {
        size_t part = 0;

        result = SSL_read_ex(session->ssl, at + count, size - count, &part);
        count += part;
    }
    ssize_t none = result == 1 ? 1 : no_read(session, result);
    int why = errno;

    clear_desk(session); /* an alert, or an answer to a change of keys */
    if (count == 0) {
        *ret_more = false;
        errno = why;
        return none;
    }
    if (result == 1)
        *ret_more = !session->is_short || SSL_has_pending(session->ssl) == 1;
    else
        *ret_more = none == 0 || why != EAGAIN; /* told by the next call */
    return (ssize_t)count;
}

/* Where in the parts the next record begins. */
struct cursor {
    const struct iovec *part;
    unsigned left; /* parts */
    size_t at;     /* in the first of them */
};

static struct bytes cursor_part(const struct cursor *cursor)
{
    return bytes_of((const uint8_t *)cursor->part->iov_base + cursor->at,
                    cursor->part->iov_len - cursor->at);
}

static void cursor_move(struct cursor *cursor, size_t count)
{
    cursor->at += count;
    if (cursor->at < cursor->part->iov_len)
        return;
    cursor->at = 0;
    cursor->part++;
    cursor->left--;
}

/* The bytes of the next records: full ones from where they lie; what would leave a record half
 * empty is copied together with what follows. */
static struct bytes next_records(struct tls_desk *desk, struct cursor *cursor, size_t max)
{
    struct bytes first = cursor_part(cursor);
    size_t filled = 0;

    if (cursor->left == 1 || first.size >= RECORD_MAX) {
        size_t size = first.size < max ? first.size : max;

        if (cursor->left > 1)
            size -= size % RECORD_MAX;
        cursor_move(cursor, size);
        return bytes_slice(first, 0, size);
    }
    while (cursor->left > 0 && filled < RECORD_MAX) {
        struct bytes part = cursor_part(cursor);
        size_t size = part.size < RECORD_MAX - filled ? part.size : RECORD_MAX - filled;

        if (size > 0)
            memcpy(desk->plain + filled, part.data, size);
        filled += size;
        cursor_move(cursor, size);
    }
    return bytes_of(desk->plain, filled);
}

static bool write_records(struct tls_session *session, struct bytes bytes)
{
    size_t written = 0;

    if (bytes.size == 0)
        return true;
    if (SSL_write_ex(session->ssl, bytes.data, bytes.size, &written) == 1)
        return true;
    ERR_clear_error();
    if (session->broken == 0)
        session->broken = EPIPE;
    return false;
}

ssize_t tls_write(struct tls_session *session, const struct iovec *parts, unsigned count)
{
    struct cursor cursor = {parts, count, 0};
    size_t taken = 0;

    send_waiting(session);
    while (cursor.left > 0 && session->waiting_size == 0 && session->broken == 0) {
        for (size_t round = 0; cursor.left > 0 && round < ROUND_MAX;) {
            struct bytes records = next_records(session->desk, &cursor, ROUND_MAX - round);

            if (!write_records(session, records))
                break;
            round += records.size < RECORD_MAX ? RECORD_MAX : records.size;
            taken += records.size;
        }
        clear_desk(session);
    }
    if (session->broken == 0)
        return (ssize_t)taken;
    errno = session->broken;
    return -1;
}

void tls_end(struct tls_session *session)
{
    if (!session->stands || session->has_ended || session->broken != 0)
        return;
    session->has_ended = true;
    if (SSL_shutdown(session->ssl) < 0)
        ERR_clear_error();
    clear_desk(session);
}

/* ---- what is asked ------------------------------------------------------------------------- */

struct bytes tls_protocol(const struct tls_session *session)
{
    const unsigned char *name = NULL;
    unsigned size = 0;

    SSL_get0_alpn_selected(session->ssl, &name, &size);
    return bytes_of(name, size);
}

const char *tls_session_why(const struct tls_session *session)
{
    return session->why;
}

enum err tls_session_err(const struct tls_session *session)
{
    return (enum err)session->err;
}

void tls_count_timeout(struct tls_session *session)
{
    counter_add_shared(&session->tls->metrics.timeouts, 1);
}
