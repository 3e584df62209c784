/* config.h: what the operator wants: larder.yaml, flags and defaults in one struct.
 * SPDX-License-Identifier: MIT
 *
 * Every setting is a row in its room's table. Here the rows come together: the file is checked
 * against them, flags are set through them, the manual is printed from them. Nothing else in the
 * house knows the file's format.
 *
 * Memory: everything read lives in the config's arena until config_fini.
 * Limits: those of yaml.h; CONFIG_ORIGINS_MAX, CONFIG_ROUTES_MAX, names of CONFIG_NAME_MAX bytes.
 */
#ifndef LARDER_CLI_CONFIG_H
#define LARDER_CLI_CONFIG_H

#include "cache/cache.h"
#include "cli/value.h"
#include "server/http/site.h"
#include "server/resp/door.h"
#include "upstream/origin.h"

enum {
    CONFIG_CERTIFICATES_MAX = 1024,
    CONFIG_ORIGINS_MAX = 256,
    CONFIG_ROUTES_MAX = 1024,
    CONFIG_NAME_MAX = 64,
    CONFIG_FAULTS_MAX = 32 /* that are told of one file */
};

struct process_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "cli/process.def"
#undef SETTING
};

struct listen_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "cli/listen.def"
#undef SETTING
};

struct log_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "cli/log.def"
#undef SETTING
};

struct client_tls_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "cli/tls.def"
#undef SETTING
};

struct certificate_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "cli/certificate.def"
#undef SETTING
};

/* Where something was set: a line of the file, or a flag. */
struct config_place {
    const char *file; /* the file, or the flag ("--memory") */
    int line, column; /* 0: not in a file */
};

struct config_origin {
    const char *name;
    const char *file; /* where it stands; NULL: on the command line */
    int line;
    struct origin_settings settings;
};

struct config_certificate {
    const char *name;
    const char *file; /* where it stands */
    int line;
    struct certificate_settings settings;
};

/* The named items of a section: origins, routes, certificates. */
struct config_list {
    void *items;
    size_t count;
};

struct config_mark; /* a field that was set, and where */

struct config {
    struct arena arena;
    const char *file; /* NULL: there is none */
    struct config_mark *marks;
    struct fault *faults; /* all that was found wrong, at most CONFIG_FAULTS_MAX */
    size_t fault_count;
    enum err first_err; /* of the first of them */

    struct process_settings process;
    struct listen_settings listen;
    struct log_settings log;
    struct cache_settings cache;
    struct gateway_settings http;
    struct resp_settings resp;
    struct client_tls_settings tls;
    struct config_list certificates; /* of struct config_certificate */
    struct config_list origins;      /* of struct config_origin */
    struct config_list routes;       /* of struct route_settings */
};

/* A section of named items: where its list is within struct config, and what an item holds where.
 */
struct config_items {
    size_t list;
    size_t size; /* bytes of one item */
    size_t most;
    size_t name, file, line; /* offsets */
};

/* A section of the file and its table. */
struct config_section {
    const char *name; /* "": the top of the file */
    const char *text; /* what it is about, one sentence */
    const struct setting *settings;
    size_t count;
    size_t offset;                    /* of the settings within struct config, or within an item */
    const struct config_items *items; /* NULL: not a section of named items */
};

extern const struct config_section config_sections[];
extern const size_t config_sections_count;

/* All defaults. */
void config_init(struct config *config);
void config_fini(struct config *config);

/* Notes something that is wrong and lets the reader go on, so that one reading tells all mistakes.
 * `err` again: there is no room for it, or none is needed. */
enum err config_note(struct config *config, enum err err, const struct fault *fault);

/* What was noted first, or ERR_OK. */
enum err config_first_fault(const struct config *config, struct fault *fault);

/* Reads a file over what is there. The fault names file, line and column; it is the first of
 * `config->faults`.
 * ERR_MISS    there is no such file
 * ERR_DISK    it cannot be read
 * others      it is wrong */
enum err config_read_file(struct config *config, const char *file, struct fault *fault);

/* The same with the text at hand. `file` is only a name. */
enum err config_read(struct config *config, const char *file, struct bytes text,
                     struct fault *fault);

/* Sets one value of a section without names, by its whole path ("cache.memory"), on behalf of
 * `flag`. Errors as of value_read. */
enum err config_set(struct config *config, const char *path, const char *flag, const char *text,
                    struct fault *fault);

/* One more origin with all defaults, named `name`. ERR_EXISTS: there is one of that name. */
enum err config_add_origin(struct config *config, const char *name, const char *flag,
                           struct config_origin **ret_origin, struct fault *fault);

/* Where the field (`&config->cache.memory_max`, say) was set; NULL: it has its default. */
const struct config_place *config_where(const struct config *config, const void *field);

/* The same for a route. */
enum err config_add_route(struct config *config, const char *name, const char *flag,
                          struct route_settings **ret_route, struct fault *fault);

static inline struct config_origin *config_origin(const struct config *config, size_t i)
{
    return (struct config_origin *)config->origins.items + i;
}

static inline struct config_certificate *config_certificate(const struct config *config, size_t i)
{
    return (struct config_certificate *)config->certificates.items + i;
}

static inline struct route_settings *config_route(const struct config *config, size_t i)
{
    return (struct route_settings *)config->routes.items + i;
}

/* By name; NULL: there is none. */
struct config_origin *config_find_origin(const struct config *config, const char *name);

/* ---- for loader.c ---------------------------------------------------------------------------- */

/* By name, "" for the top of the file; NULL: there is none. */
const struct config_section *config_find_section(struct bytes name);

/* By its path within the section; NULL: there is none. */
const struct setting *config_find_setting(const struct config_section *section, const char *path);

/* Remembers where a field was set. ERR_FULL: see config_out_of_room. */
enum err config_mark(struct config *config, const void *field, struct config_place place,
                     struct fault *fault);

enum err config_out_of_room(struct fault *fault);

/* The list of a section of named items, and its i-th item. */
struct config_list *config_list_of(struct config *config, const struct config_section *section);
void *config_item_at(const struct config_section *section, const struct config_list *list,
                     size_t i);

/* One more item with all defaults. Items never move, so their fields can be marked.
 * ERR_SYNTAX: that is no name. ERR_EXISTS, ERR_TOO_BIG, ERR_FULL. */
enum err config_add_item(struct config *config, const struct config_section *section,
                         struct bytes name, struct config_place place, struct fault *fault);

#endif
