/* keyring.c: from the configuration's certificates to TLS. SPDX-License-Identifier: MIT */
#include "cli/keyring.h"

#include "base/mem.h"
#include "cli/setup.h"

static const char *const protocols[] = {"h2", "http/1.1", NULL};

#define PLAIN_WORDS "larder: this port speaks HTTPS: ask for https:// instead of http://\n"
static const struct bytes plain_answer =
    BYTES_INIT("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 68\r\nConnection: close\r\n\r\n" PLAIN_WORDS);
_Static_assert(sizeof PLAIN_WORDS - 1 == 68, "Content-Length is right");

bool keyring_is_wanted(const struct config *config)
{
    const struct listen_settings *listen = &config->listen;

    return !setup_is_off(listen->https) || (listen->resp_tls && !setup_is_off(listen->resp));
}

static enum err say_none(const struct config *config, struct fault *fault)
{
    const struct config_place *place = config_where(config, &config->listen.https);

    if (place != NULL && place->line > 0)
        fault_at(fault, place->file, place->line, place->column);
    return fault_say(fault, ERR_SYNTAX,
                     "listen: a door with TLS wants a certificate, and there is none: add "
                     "certificates: {shop: {file: /etc/larder/shop.pem, key: "
                     "/etc/larder/shop.key}}");
}

static enum err list_pairs(const struct config *config, struct tls_pair *pairs, struct fault *fault)
{
    for (size_t i = 0; i < config->certificates.count; i++) {
        const struct config_certificate *certificate = config_certificate(config, i);
        const struct certificate_settings *settings = &certificate->settings;

        if (settings->file == NULL) {
            fault_at(fault, certificate->file, certificate->line, 0);
            return fault_say(fault, ERR_SYNTAX,
                             "certificates.%s: file is missing: write file: /etc/larder/%s.pem",
                             certificate->name, certificate->name);
        }
        pairs[i] = (struct tls_pair){certificate->name, settings->file,
                                     settings->key == NULL ? settings->file : settings->key};
    }
    return ERR_OK;
}

static struct tls_server_settings settings_of(const struct config *config,
                                              const struct tls_pair *pairs)
{
    return (struct tls_server_settings){
        .pairs = pairs,
        .pair_count = config->certificates.count,
        .only_tls13 = config->tls.min_version == 1,
        .ciphers = config->tls.ciphers,
        .protocols = config->http.http2 ? protocols : protocols + 1,
        .handshake_ms = config->tls.handshake_ms,
        .ticket_ms = config->tls.ticket_ms,
        .plain_answer = plain_answer,
    };
}

/* `*tls` is NULL: a new one. */
static enum err read_all(const struct config *config, struct tls **tls, struct fault *fault)
{
    struct fault why = {.line = 0};

    if (config->certificates.count == 0)
        return say_none(config, fault);
    struct tls_pair *pairs = mem_new(config->certificates.count, sizeof *pairs);
    const struct tls_server_settings settings = settings_of(config, pairs);
    enum err err = list_pairs(config, pairs, &why);

    if (err == ERR_OK)
        err =
            *tls == NULL ? tls_server_new(&settings, tls, &why) : tls_reload(*tls, &settings, &why);
    mem_free(&pairs);
    if (err != ERR_OK)
        *fault = why;
    return err;
}

enum err keyring_new(const struct config *config, struct tls **ret_tls, struct fault *fault)
{
    struct tls *tls = NULL;

    TRY(read_all(config, &tls, fault));
    *ret_tls = tls;
    return ERR_OK;
}

enum err keyring_reload(const struct config *config, struct tls *tls, struct fault *fault)
{
    return read_all(config, &tls, fault);
}
