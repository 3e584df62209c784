/* setup.h: the configuration from file and flags, checked as a whole.
 * SPDX-License-Identifier: MIT
 *
 * `serve`, `check` and `explain` must mean the same thing by the same file and the same flags; so
 * they all come here. A flag wins over the file.
 */
#ifndef LARDER_CLI_SETUP_H
#define LARDER_CLI_SETUP_H

#include "cli/command.h"
#include "cli/config.h"
#include "upstream/fleet.h"

/* The flags that change the configuration; a command's table begins with them. */
#define SETUP_FLAG_FILE                                                                            \
    {                                                                                              \
        "config", 'c', "FILE", "Read the configuration from FILE, larder.yaml by custom."          \
    }
#define SETUP_FLAG_ORIGIN                                                                          \
    {                                                                                              \
        "origin", 0, "URL", "Cache what this server answers; without a file. http[s]://HOST:PORT"  \
    }
#define SETUP_FLAGS                                                                                \
    SETUP_FLAG_FILE, SETUP_FLAG_ORIGIN,                                                            \
        {"http", 0, "ADDR:PORT", "Where HTTP clients are served, or off. 127.0.0.1:8080"},         \
        {"resp", 0, "ADDR:PORT", "Where Redis clients are served, or off. 127.0.0.1:6379"},        \
        {"admin", 0, "ADDR:PORT", "Where metrics, health and purge are, or off. 127.0.0.1:8081"},  \
        {"memory", 0, "SIZE", "How much memory the cache may take. 256MiB"},                       \
        {"workers", 0, "N", "Worker threads. One for each core"},                                  \
        {"log-level", 0, "LEVEL", "error, warning, info or debug. info"},                          \
    {                                                                                              \
        "access-log", 0, "FILE", "A line for each HTTP request: a file, - or off. off"             \
    }

struct setup {
    struct config config;
    const char *file;         /* -c */
    const char *origin;       /* --origin */
    struct text_list origins; /* the names, in the order of config.origins */
};

void setup_init(struct setup *setup);
void setup_fini(struct setup *setup);

/* Takes a flag of SETUP_FLAGS. Values are kept until setup_read. */
enum { SETUP_OVERRIDES_MAX = 16 };
struct setup_overrides {
    struct {
        const char *path, *flag, *value;
    } rows[SETUP_OVERRIDES_MAX];
    size_t count;
};

/* True: it was one of them. */
bool setup_take(struct setup *setup, struct setup_overrides *overrides, const struct flag *flag,
                const char *value);

/* Reads the file, applies the flags over it, and checks what single values cannot show: names that
 * nobody has, origins without servers, nothing to serve. The fault says what is wrong and where. */
enum err setup_read(struct setup *setup, const struct setup_overrides *overrides,
                    struct fault *fault);

/* Compiles the routes, as the gateway will: what is wrong with them as a whole is told here too.
 * `accounts` is what the site charges; NULL: it will serve nobody. What is wrong is noted in
 * `setup->config`, too. */
enum err setup_site(struct setup *setup, struct site_accounts *accounts, struct site **ret_site,
                    struct fault *fault);

/* Prints all that was found wrong but the first, which is the command's to print. */
void setup_print_more_faults(const struct setup *setup);
/* The servers of each origin, in the order of the configuration. Names are looked up. */
enum err setup_fleets(const struct setup *setup, const struct log *log, struct fleet ***ret_fleets,
                      struct fault *fault);
void setup_fleets_free(const struct setup *setup, struct fleet ***owner);

/* Whether a listener of `listen` is switched off. */
bool setup_is_off(const char *address);

/* Whether HTTP clients are served, in the clear or through TLS. */
bool setup_has_gateway(const struct config *config);

#endif
