/* tls_side.c: certificates and their names, tickets and their keys, whom to trust.
 * SPDX-License-Identifier: MIT
 */
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "net/clock.h"
#include "net/tls_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <unistd.h>

/* Authenticated ciphers with fresh keys for each connection, and no others. */
static const char modern_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

static void lock(struct tls *tls)
{
    must(pthread_mutex_lock(&tls->lock) == 0);
}

static void unlock(struct tls *tls)
{
    must(pthread_mutex_unlock(&tls->lock) == 0);
}

/* ---- sets --------------------------------------------------------------------------------- */

struct tls_set *tls_set_hold(struct tls *tls)
{
    lock(tls);
    struct tls_set *set = tls->set;

    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    unlock(tls);
    return set;
}

void tls_set_drop(struct tls_set **owner)
{
    struct tls_set *set = *owner;

    *owner = NULL;
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        SSL_CTX_free(set->contexts[i]);
    for (size_t i = 0; i < set->name_count; i++)
        mem_free(&set->names[i]);
    mem_free(&set->contexts);
    mem_free(&set->first_name);
    mem_free(&set->names);
    mem_free(&set->protocols);
    mem_free(&set);
}

/* ---- the name that a client asks for -------------------------------------------------------- */

/* "*.example.com" is good for one label in front, no more. */
static bool is_covered(struct bytes asked, struct bytes name)
{
    if (!bytes_begin_with(name, BYTES("*.")))
        return false;
    size_t dot = bytes_find(asked, '.');

    return dot > 0 && dot < asked.size &&
           bytes_equal_nocase(bytes_skip(asked, dot), bytes_skip(name, 1));
}

static SSL_CTX *find_context(const struct tls_set *set, struct bytes asked)
{
    SSL_CTX *by_wildcard = NULL;

    for (size_t i = 0; i < set->count; i++) {
        for (size_t j = set->first_name[i]; j < set->first_name[i + 1]; j++) {
            struct bytes name = bytes_of_text(set->names[j]);

            if (bytes_equal_nocase(asked, name))
                return set->contexts[i];
            if (by_wildcard == NULL && is_covered(asked, name))
                by_wildcard = set->contexts[i];
        }
    }
    return by_wildcard != NULL ? by_wildcard : set->contexts[0];
}

static int choose_certificate(SSL *ssl, int *ret_alert, void *context)
{
    const struct tls_set *set = context;
    struct bytes asked = bytes_of_text(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));

    (void)ret_alert;
    if (asked.size > 0 && asked.data[asked.size - 1] == '.')
        asked.size--;
    if (asked.size > 0)
        (void)SSL_set_SSL_CTX(ssl, find_context(set, asked));
    return SSL_TLSEXT_ERR_OK;
}

/* RFC 7301 §3.2: who offers nothing that we speak is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_size,
                           const unsigned char *offered, unsigned offered_size, void *context)
{
    const struct tls_set *set = context;
    unsigned char *name = NULL;

    (void)ssl;
    if (SSL_select_next_proto(&name, ret_size, set->protocols, set->protocols_size, offered,
                              offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

/* "h2", "http/1.1" as ALPN writes them: each behind its length. */
static uint8_t *write_protocols(const char *const *protocols, unsigned *ret_size)
{
    struct bytes text = {0};
    size_t size = 0;

    for (size_t i = 0; protocols != NULL && protocols[i] != NULL; i++)
        size += 1 + strlen(protocols[i]);
    uint8_t *all = mem_new(size + 1, 1);
    uint8_t *to = all;

    for (size_t i = 0; protocols != NULL && protocols[i] != NULL; i++) {
        text = bytes_of_text(protocols[i]);
        must(text.size > 0 && text.size < 256);
        *to++ = (uint8_t)text.size;
        memcpy(to, text.data, text.size);
        to += text.size;
    }
    *ret_size = (unsigned)size;
    return all;
}

/* ---- tickets ------------------------------------------------------------------------------ */

/* Keys are as old as the handshakes need: changed by the first one after their time. */
static void turn_keys(struct tls *tls)
{
    int64_t age_ms = clock_now_ms() - tls->turned_ms;

    if (age_ms < tls->ticket_ms)
        return;
    tls->keys[1] = tls->keys[0];
    random_secret(&tls->keys[0], sizeof tls->keys[0]);
    if (age_ms >= 2 * tls->ticket_ms)
        random_secret(&tls->keys[1], sizeof tls->keys[1]); /* too old to be honoured */
    tls->turned_ms = clock_now_ms();
}

/* The key to seal with (`name` is NULL) or to open with. -1: none; 0: the one in use. */
static int find_key(struct tls *tls, const uint8_t *name, struct tls_ticket_key *ret_key)
{
    int found = name == NULL ? 0 : -1;

    lock(tls);
    turn_keys(tls);
    for (int i = 0; i < 2 && found < 0; i++) {
        if (memcmp(tls->keys[i].name, name, sizeof tls->keys[i].name) == 0)
            found = i;
    }
    if (found >= 0)
        *ret_key = tls->keys[found];
    unlock(tls);
    return found;
}

static bool key_mac(const struct tls_ticket_key *key, EVP_MAC_CTX *mac)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->mac,
                                          sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* -1: something failed; 0: a full handshake, please; 1: done; 2: done, and give a new ticket. */
static int use_ticket_key(SSL *ssl, unsigned char *name, unsigned char *vector,
                          EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seals)
{
    const struct tls_session *session = SSL_get_app_data(ssl);
    struct tls_ticket_key key;
    int found = find_key(session->tls, seals != 0 ? NULL : name, &key);
    bool done = false;

    if (found < 0)
        return 0;
    if (seals != 0) {
        memcpy(name, key.name, sizeof key.name);
        random_secret(vector, 16);
        done = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, vector) == 1;
    } else {
        done = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, vector) == 1;
    }
    done = done && key_mac(&key, mac);
    OPENSSL_cleanse(&key, sizeof key);
    return !done ? -1 : found == 0 ? 1 : 2;
}

/* ---- reading certificates and keys ---------------------------------------------------------- */

static enum err check_file(const char *file, const char *what, struct fault *fault)
{
    if (access(file, R_OK) == 0)
        return ERR_OK;
    return fault_say(fault, ERR_DISK, "the %s %s cannot be read: %s", what, file,
                     strerrordesc_np(errno));
}

static const char *library_says(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text == NULL ? "it is damaged" : text;
}

/* A key with a password would make the library ask at the terminal. */
static int no_password(char *text, int size, int writes, void *context)
{
    (void)text;
    (void)size;
    (void)writes;
    (void)context;
    return -1;
}

static enum err read_pair(SSL_CTX *context, const struct tls_pair *pair, struct fault *fault)
{
    TRY(check_file(pair->certificate, "certificate", fault));
    TRY(check_file(pair->key, "private key", fault));
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, pair->certificate) != 1) {
        enum err err = fault_say(fault, ERR_SYNTAX, "the certificate %s is no PEM certificate: %s",
                                 pair->certificate, library_says());

        ERR_clear_error();
        return err;
    }
    if (SSL_CTX_use_PrivateKey_file(context, pair->key, SSL_FILETYPE_PEM) == 1)
        return ERR_OK;
    bool is_other = ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH ||
                    ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_TYPE_MISMATCH;
    enum err err = is_other ? fault_say(fault, ERR_SYNTAX,
                                        "the private key %s does not belong to the certificate %s",
                                        pair->key, pair->certificate)
                            : fault_say(fault, ERR_SYNTAX,
                                        "the private key %s is no PEM key without a password: %s",
                                        pair->key, library_says());

    ERR_clear_error();
    return err;
}

/* Tells which of them it is about. */
static enum err name_pair(const struct tls_pair *pair, enum err err, struct fault *fault)
{
    char sentence[sizeof fault->text];

    if (err == ERR_OK || pair->name == NULL)
        return err;
    memcpy(sentence, fault->text, sizeof sentence);
    return fault_say(fault, err, "certificate %s: %s", pair->name, sentence);
}

static void add_name(struct tls_set *set, const uint8_t *data, size_t size)
{
    if (set->name_count == set->first_name[set->count] + TLS_NAMES_MAX ||
        memchr(data, 0, size) != NULL)
        return;
    set->names[set->name_count++] = mem_copy(data, size + 1);
    set->names[set->name_count - 1][size] = '\0';
}

static void add_common_name(struct tls_set *set, X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    if (at < 0)
        return;
    const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    int size = ASN1_STRING_length(text);

    if (size > 0)
        add_name(set, ASN1_STRING_get0_data(text), (size_t)size);
}

/* The names that the certificate is for: its DNS names, or, of one that has none, its subject. */
static void read_names(struct tls_set *set, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);

    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS)
            add_name(set, ASN1_STRING_get0_data(name->d.dNSName),
                     (size_t)ASN1_STRING_length(name->d.dNSName));
    }
    GENERAL_NAMES_free(names);
    if (set->name_count == set->first_name[set->count])
        add_common_name(set, certificate);
    ERR_clear_error();
}

static void read_expiry(struct tls_set *set, X509 *certificate)
{
    struct tm when;

    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) != 1)
        return;
    int64_t end_s = timegm(&when);

    if (set->count == 0 || end_s < set->first_expiry_s)
        set->first_expiry_s = end_s;
}

/* ---- contexts ----------------------------------------------------------------------------- */

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);

    must(context != NULL);
    must(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    return context;
}

static enum err set_ciphers(SSL_CTX *context, const char *ciphers, struct fault *fault)
{
    if (SSL_CTX_set_cipher_list(context, ciphers == NULL ? modern_ciphers : ciphers) == 1)
        return ERR_OK;
    ERR_clear_error();
    return fault_say(fault, ERR_SYNTAX,
                     "\"%s\" names no cipher of TLS 1.2; the command openssl ciphers lists them",
                     ciphers);
}

static enum err context_of_pair(const struct tls_server_settings *settings,
                                const struct tls_pair *pair, SSL_CTX **ret_context,
                                struct fault *fault)
{
    static const uint8_t id[] = "larder";
    SSL_CTX *context = context_new(TLS_server_method());
    enum err err = set_ciphers(context, settings->ciphers, fault);

    if (settings->only_tls13)
        must(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    must(SSL_CTX_set_session_id_context(context, id, sizeof id - 1) == 1);
    must(SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket_key) == 1);
    (void)SSL_CTX_set_timeout(context, settings->ticket_ms / 1000 + 1);
    if (settings->ticket_ms == 0) {
        (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        must(SSL_CTX_set_num_tickets(context, 0) == 1);
    }
    if (err == ERR_OK)
        err = name_pair(pair, read_pair(context, pair, fault), fault);
    if (err != ERR_OK)
        SSL_CTX_free(context);
    else
        *ret_context = context;
    return err;
}

static enum err read_pairs(struct tls_set *set, const struct tls_server_settings *settings,
                           struct fault *fault)
{
    for (size_t i = 0; i < settings->pair_count; i++) {
        SSL_CTX *context = NULL;

        TRY(context_of_pair(settings, &settings->pairs[i], &context, fault));
        set->contexts[i] = context;
        read_expiry(set, SSL_CTX_get0_certificate(context));
        read_names(set, SSL_CTX_get0_certificate(context));
        set->first_name[++set->count] = set->name_count;
    }
    return ERR_OK;
}

static enum err set_new(const struct tls_server_settings *settings, struct tls_set **ret_set,
                        struct fault *fault)
{
    struct tls_set *set = mem_new(1, sizeof *set);
    size_t count = settings->pair_count;

    must(count > 0 && count <= TLS_PAIRS_MAX);
    atomic_init(&set->references, 1);
    set->contexts = mem_new(count, sizeof(SSL_CTX *));
    set->first_name = mem_new(count + 1, sizeof *set->first_name);
    set->names = mem_new(count * TLS_NAMES_MAX, sizeof(char *));
    set->protocols = write_protocols(settings->protocols, &set->protocols_size);
    enum err err = read_pairs(set, settings, fault);

    if (err != ERR_OK) {
        tls_set_drop(&set);
        return err;
    }
    (void)SSL_CTX_set_tlsext_servername_callback(set->contexts[0], choose_certificate);
    (void)SSL_CTX_set_tlsext_servername_arg(set->contexts[0], set);
    if (set->protocols_size > 0)
        SSL_CTX_set_alpn_select_cb(set->contexts[0], choose_protocol, set);
    *ret_set = set;
    return ERR_OK;
}

/* ---- a server ----------------------------------------------------------------------------- */

enum err tls_server_new(const struct tls_server_settings *settings, struct tls **ret_tls,
                        struct fault *fault)
{
    struct tls_set *set = NULL;

    TRY(set_new(settings, &set, fault));
    struct tls *tls = mem_new(1, sizeof *tls);

    tls->is_server = true;
    atomic_init(&tls->references, 1);
    tls->method = tls_method_new();
    tls->set = set;
    tls->handshake_ms = settings->handshake_ms;
    tls->ticket_ms = settings->ticket_ms;
    tls->plain_answer = settings->plain_answer;
    tls->turned_ms = clock_now_ms();
    random_secret(tls->keys, sizeof tls->keys);
    must(pthread_mutex_init(&tls->lock, NULL) == 0);
    *ret_tls = tls;
    return ERR_OK;
}

enum err tls_reload(struct tls *tls, const struct tls_server_settings *settings,
                    struct fault *fault)
{
    struct tls_set *set = NULL;
    enum err err = set_new(settings, &set, fault);

    must(tls->is_server);
    if (err != ERR_OK) {
        counter_add_shared(&tls->metrics.reload_failures, 1);
        return err;
    }
    lock(tls);
    struct tls_set *old = tls->set;

    tls->set = set;
    unlock(tls);
    tls_set_drop(&old);
    counter_add_shared(&tls->metrics.reloads, 1);
    return ERR_OK;
}

const struct tls_metrics *tls_metrics(const struct tls *tls)
{
    return &tls->metrics;
}

int64_t tls_first_expiry_s(struct tls *tls)
{
    struct tls_set *set = tls_set_hold(tls);
    int64_t first_s = set->first_expiry_s;

    tls_set_drop(&set);
    return first_s;
}

/* ---- a client ----------------------------------------------------------------------------- */

/* The server gave a ticket: the last one is used by the next connection. */
static int keep_session(SSL *ssl, SSL_SESSION *given)
{
    const struct tls_session *session = SSL_get_app_data(ssl);
    struct tls *tls = session->tls;

    lock(tls);
    SSL_SESSION *old = tls->last;

    tls->last = given;
    unlock(tls);
    SSL_SESSION_free(old);
    return 1;
}

bool tls_resume(struct tls *tls, SSL *ssl)
{
    lock(tls);
    bool done = tls->last == NULL || SSL_set_session(ssl, tls->last) == 1;

    unlock(tls);
    return done;
}

static enum err trust(SSL_CTX *context, const struct tls_client_settings *settings,
                      struct fault *fault)
{
    SSL_CTX_set_verify(context, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!settings->verify)
        return ERR_OK;
    if (settings->ca_file == NULL) {
        must(SSL_CTX_set_default_verify_paths(context) == 1);
        return ERR_OK;
    }
    TRY(check_file(settings->ca_file, "file of trusted certificates", fault));
    if (SSL_CTX_load_verify_file(context, settings->ca_file) == 1)
        return ERR_OK;
    enum err err = fault_say(fault, ERR_SYNTAX, "%s has no PEM certificates: %s", settings->ca_file,
                             library_says());

    ERR_clear_error();
    return err;
}

enum err tls_client_new(const struct tls_client_settings *settings, struct tls **ret_tls,
                        struct fault *fault)
{
    SSL_CTX *context = context_new(TLS_client_method());
    enum err err = trust(context, settings, fault);
    uint8_t address[16];
    unsigned size = 0;

    if (err != ERR_OK) {
        SSL_CTX_free(context);
        return err;
    }
    struct tls *tls = mem_new(1, sizeof *tls);
    const char *name = settings->server_name;

    tls->context = context;
    tls->method = tls_method_new();
    atomic_init(&tls->references, 1);
    must(pthread_mutex_init(&tls->lock, NULL) == 0);
    if (name != NULL) {
        tls->server_name = mem_copy_text(name);
        tls->is_address =
            inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    }
    (void)SSL_CTX_set_session_cache_mode(context,
                                         SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    uint8_t *protocols = write_protocols(settings->protocols, &size);

    if (size > 0)
        must(SSL_CTX_set_alpn_protos(context, protocols, size) == 0);
    mem_free(&protocols);
    *ret_tls = tls;
    return ERR_OK;
}

/* ---- both --------------------------------------------------------------------------------- */

void tls_free(struct tls **owner)
{
    struct tls *tls = *owner;

    *owner = NULL;
    if (tls == NULL || atomic_fetch_sub_explicit(&tls->references, 1, memory_order_acq_rel) > 1)
        return;
    must(pthread_mutex_destroy(&tls->lock) == 0);
    tls_set_drop(&tls->set);
    SSL_SESSION_free(tls->last);
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    OPENSSL_cleanse(tls->keys, sizeof tls->keys);
    mem_free(&tls->server_name);
    mem_free(&tls);
}

int64_t tls_handshake_ms(const struct tls *tls)
{
    return tls->handshake_ms;
}

struct bytes tls_plain_answer(const struct tls *tls)
{
    return tls->plain_answer;
}

bool tls_is_server(const struct tls *tls)
{
    return tls->is_server;
}
