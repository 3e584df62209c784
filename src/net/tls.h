/* tls.h: TLS under a connection: certificates and keys, handshakes, records.
 * SPDX-License-Identifier: MIT
 *
 * Only tls_session.c and tls_side.c know the library (OpenSSL). Owners of connections notice
 * nothing: they name a `struct tls` in conn_settings, and what they receive and send is in the
 * clear.
 *
 *   struct tls          one side: certificates by name, versions, ciphers, keys of tickets; or
 *                       whom to call and whom to trust. One for all workers.
 *   struct tls_session  one connection.
 *   struct tls_desk     where the records of one turn are gathered: one a loop, so that an answer
 *                       leaves with one system call and an idle connection holds no buffer.
 *
 *        conn_send -> gather -> records -> desk -> socket
 *                                          `- refused: kept by the session, at most a desk
 *
 * Certificates are chosen by the name that the client asks for (SNI): an exact name wins over a
 * wildcard (*.example.com, one label), and who asks for neither gets the first. The names are those
 * that the certificate itself holds. Sessions are resumed by tickets; their keys belong to the
 * `struct tls`, are changed every `ticket_ms` and honoured for as long again, so a ticket of one
 * worker is good at all others and after tls_reload.
 *
 * What is switched off: renegotiation, compression, early data (0-RTT can be replayed), SSLv3 to
 * TLS 1.1.
 *
 * Memory: a session's own is charged to the connection's account by measured constants, since the
 * library takes it; what the socket refused is charged as it is.
 * Threads: a `struct tls` may be used by all, a session by its loop's own.
 * Limits: TLS_PAIRS_MAX certificates of TLS_NAMES_MAX names; a handshake has `handshake_ms`.
 */
#ifndef LARDER_NET_TLS_H
#define LARDER_NET_TLS_H

#include "base/account.h"
#include "base/bytes.h"
#include "base/counter.h"
#include "base/fault.h"

#include <sys/types.h>
#include <sys/uio.h>

struct tls;

enum { TLS_PAIRS_MAX = 1024, TLS_NAMES_MAX = 256 };

/* A certificate (with those of its issuers behind it) and its private key: PEM files. */
struct tls_pair {
    const char *name; /* for messages; may be NULL */
    const char *certificate;
    const char *key; /* may be the same file */
};

struct tls_server_settings {
    const struct tls_pair
        *pairs; /* the first is for those who ask for no name, or an unknown one */
    size_t pair_count;
    bool only_tls13;
    const char *ciphers;          /* of TLS 1.2, as OpenSSL writes them; NULL: modern ones */
    const char *const *protocols; /* ALPN, the best first, NULL behind the last; NULL: any */
    int64_t handshake_ms;
    int64_t ticket_ms; /* 0: no tickets, so nothing is resumed */
    /* Sent in the clear to who speaks HTTP without TLS; empty: nothing is. Outlives it. */
    struct bytes plain_answer;
};

struct tls_client_settings {
    const char *server_name; /* asked for (SNI) and looked for in the certificate */
    const char *ca_file;     /* whom to trust; NULL: the system's list */
    bool verify;
    const char *const *protocols;
};

struct tls_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "net/tls.def"
#undef METRIC
};

/* Reads and checks everything. The fault names the file and says why: it does not exist, it is no
 * PEM, the key belongs to another certificate. ERR_DISK, ERR_SYNTAX. */
enum err tls_server_new(const struct tls_server_settings *settings, struct tls **ret_tls,
                        struct fault *fault);
enum err tls_client_new(const struct tls_client_settings *settings, struct tls **ret_tls,
                        struct fault *fault);

/* A server's: reads everything anew, from the same or other files, and uses it for handshakes that
 * begin from now on; connections that stand keep what they have. When anything is wrong the old
 * stays, with errors as above. Any thread, one at a time. */
enum err tls_reload(struct tls *tls, const struct tls_server_settings *settings,
                    struct fault *fault);

/* Sessions that are left go on. */
void tls_free(struct tls **owner);

/* A server's. Counted by all threads. */
const struct tls_metrics *tls_metrics(const struct tls *tls);

/* When the first of its certificates ends, in seconds since 1970. A server's. */
int64_t tls_first_expiry_s(struct tls *tls);

/* ---- sessions: for conn only ---------------------------------------------------------------- */

struct tls_session;
struct tls_desk;

enum tls_step {
    TLS_STANDS,
    TLS_AGAIN, /* more has to arrive, or to leave */
    TLS_PLAIN, /* the other side speaks HTTP without TLS */
    TLS_BROKEN /* tls_session_why says why; an alert is on its way */
};

struct tls_desk *tls_desk_new(void);
void tls_desk_free(struct tls_desk **owner);

/* NULL: no memory. All borrowed for the session's life. */
struct tls_session *tls_session_new(struct tls *tls, int fd, struct tls_desk *desk,
                                    struct account *account);
void tls_session_free(struct tls_session **owner);

/* One step of the handshake. `to_end`: the socket is read until it has nothing more. */
enum tls_step tls_shake(struct tls_session *session, bool to_end);

/* Decrypts what came: the bytes, 0 at the end, or -1 with errno (EAGAIN: nothing yet). `*ret_more`:
 * there is more that epoll will not tell of; read again. */
ssize_t tls_read(struct tls_session *session, uint8_t *at, size_t size, bool to_end,
                 bool *ret_more);

/* Encrypts and sends: how many bytes were taken, or -1 with errno. Less than offered: the socket is
 * full. What was taken may still wait (tls_waiting). */
ssize_t tls_write(struct tls_session *session, const struct iovec *parts, unsigned count);

/* Sends what waits: what is left of it, or -1 with errno. */
ssize_t tls_flush(struct tls_session *session);

/* Bytes that the socket has refused so far. */
size_t tls_waiting(const struct tls_session *session);

/* Says that nothing more will be sent (close_notify), once. */
void tls_end(struct tls_session *session);

/* Too late: counted. */
void tls_count_timeout(struct tls_session *session);

int64_t tls_handshake_ms(const struct tls *tls);
struct bytes tls_plain_answer(const struct tls *tls);
bool tls_is_server(const struct tls *tls);

struct bytes tls_protocol(const struct tls_session *session);

/* A sentence about what broke it; NULL: nothing did. */
const char *tls_session_why(const struct tls_session *session);

/* The same as an error: ERR_PEER_UNTRUSTED, ERR_PEER_EXPIRED, ERR_PEER_MISNAMED, ERR_PEER_NO_TLS.
 */
enum err tls_session_err(const struct tls_session *session);

#endif
