/* sections.c: the rooms' tables of settings, gathered. SPDX-License-Identifier: MIT */
#include "cli/config.h"

#define SETTING(field, path, kind, usual, lowest, highest, text)                                   \
    {path, VALUE_##kind, usual, lowest, highest, text, offsetof(struct OWNER, field)},

#define OWNER process_settings
static const struct setting process_rows[] = {
#include "cli/process.def"
};
#undef OWNER

#define OWNER listen_settings
static const struct setting listen_rows[] = {
#include "cli/listen.def"
};
#undef OWNER

#define OWNER log_settings
static const struct setting log_rows[] = {
#include "cli/log.def"
};
#undef OWNER

#define OWNER cache_settings
static const struct setting cache_rows[] = {
#include "cache/cache.def"
};
#undef OWNER

#define OWNER origin_settings
static const struct setting origin_rows[] = {
#include "upstream/origin.def"
};
#undef OWNER

#define OWNER gateway_settings
static const struct setting http_rows[] = {
#include "server/http/gateway.def"
};
#undef OWNER

#define OWNER resp_settings
static const struct setting resp_rows[] = {
#include "server/resp/resp.def"
};
#undef OWNER

#define OWNER route_settings
static const struct setting route_rows[] = {
#include "server/http/route.def"
};
#undef OWNER

#define OWNER client_tls_settings
static const struct setting tls_rows[] = {
#include "cli/tls.def"
};
#undef OWNER

#define OWNER certificate_settings
static const struct setting certificate_rows[] = {
#include "cli/certificate.def"
};
#undef OWNER

#undef SETTING

static const struct config_items certificate_items = {
    .list = offsetof(struct config, certificates),
    .size = sizeof(struct config_certificate),
    .most = CONFIG_CERTIFICATES_MAX,
    .name = offsetof(struct config_certificate, name),
    .file = offsetof(struct config_certificate, file),
    .line = offsetof(struct config_certificate, line),
};

static const struct config_items origin_items = {
    .list = offsetof(struct config, origins),
    .size = sizeof(struct config_origin),
    .most = CONFIG_ORIGINS_MAX,
    .name = offsetof(struct config_origin, name),
    .file = offsetof(struct config_origin, file),
    .line = offsetof(struct config_origin, line),
};

static const struct config_items route_items = {
    .list = offsetof(struct config, routes),
    .size = sizeof(struct route_settings),
    .most = SITE_ROUTES_MAX,
    .name = offsetof(struct route_settings, name),
    .file = offsetof(struct route_settings, file),
    .line = offsetof(struct route_settings, line),
};

#define ROWS(rows) rows, sizeof(rows) / sizeof(rows)[0]
#define PLAIN(name, rows, member, text)                                                            \
    {                                                                                              \
        name, text, ROWS(rows), offsetof(struct config, member), NULL                              \
    }

const struct config_section config_sections[] = {
    PLAIN("", process_rows, process, "The process."),
    PLAIN("listen", listen_rows, listen, "Where Larder listens."),
    PLAIN("tls", tls_rows, tls, "TLS with clients, for all doors that have it."),
    {"certificates",
     "Certificates of the doors with TLS, chosen by the name that a client asks for; each has a "
     "name of its own, `certificates.NAME`.",
     ROWS(certificate_rows), offsetof(struct config_certificate, settings), &certificate_items},
    PLAIN("log", log_rows, log, "What Larder writes about itself."),
    PLAIN("cache", cache_rows, cache, "The engine behind all doors."),
    PLAIN("http", http_rows, http, "The HTTP gateway: limits and time-outs for its clients."),
    PLAIN("resp", resp_rows, resp, "The door for Redis clients: password and limits."),
    {"origins", "The servers whose answers are cached; each origin has a name, `origins.NAME`.",
     ROWS(origin_rows), offsetof(struct config_origin, settings), &origin_items},
    {"routes", "What is cached and how, by path; each route has a name, `routes.NAME`.",
     ROWS(route_rows), 0, &route_items},
};

const size_t config_sections_count = sizeof config_sections / sizeof config_sections[0];
