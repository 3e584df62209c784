/* tls_parts.h: what tls_session.c (sessions) and tls_side.c (certificates, tickets) share. Nobody
 * else includes it: it names the library's types. SPDX-License-Identifier: MIT
 */
#ifndef LARDER_NET_TLS_PARTS_H
#define LARDER_NET_TLS_PARTS_H

#include "net/tls.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

/* What the handshakes of a server use until tls_reload. Counted references. */
struct tls_set {
    atomic_uint references;
    SSL_CTX **contexts; /* one a certificate; the first is asked first and holds what all share */
    size_t count;
    size_t *first_name; /* of each: where its names begin; one more behind the last */
    char **names;       /* in small letters */
    size_t name_count;
    uint8_t *protocols; /* as ALPN writes them */
    unsigned protocols_size;
    int64_t first_expiry_s;
};

/* What tickets are sealed with. */
struct tls_ticket_key {
    uint8_t name[16];
    uint8_t cipher[32];
    uint8_t mac[32];
};

struct tls {
    atomic_uint references; /* its owner's, and one a session */
    bool is_server;
    BIO_METHOD *method;
    int64_t handshake_ms;

    /* guards the set's pointer, the keys, the last session */
    pthread_mutex_t lock;

    /* a server's */
    struct tls_set *set;
    struct tls_ticket_key keys[2]; /* the one in use, and the one before */
    int64_t turned_ms;             /* when the one in use began */
    int64_t ticket_ms;
    struct bytes plain_answer;
    struct tls_metrics metrics;

    /* a client's */
    SSL_CTX *context;
    char *server_name;
    bool is_address; /* the server's name is one */
    SSL_SESSION *last;
};

struct tls_session {
    struct tls *tls;
    struct tls_set *set; /* a server's, held */
    struct tls_desk *desk;
    struct account *account;
    SSL *ssl;
    int fd;
    int broken; /* errno of what broke the socket; 0: nothing did */
    size_t charged;
    uint8_t *waiting; /* what the socket refused */
    size_t waiting_at, waiting_size, waiting_capacity;
    char *why;
    bool stands : 1;
    bool heard : 1;    /* a byte came */
    bool is_plain : 1; /* it was a letter: no TLS */
    bool to_end : 1;   /* read until the socket has nothing more */
    bool is_short : 1; /* a read did not fill its room: there is nothing more */
    bool is_eof : 1;   /* the socket's end was read */
    bool has_ended : 1;
    uint8_t err; /* what the handshake failed with */
};

/* ---- tls_side.c ----------------------------------------------------------------------------- */

struct tls_set *tls_set_hold(struct tls *tls);
void tls_set_drop(struct tls_set **owner);

/* Of a client: asks to go on with the last session. False: no memory. */
bool tls_resume(struct tls *tls, SSL *ssl);

/* ---- tls_session.c ------------------------------------------------------------------------- */

BIO_METHOD *tls_method_new(void);

#endif
