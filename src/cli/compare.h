/* compare.h: what differs between two configurations, setting by setting.
 * SPDX-License-Identifier: MIT
 *
 * For a reload, which logs it and has to know what it can change while it runs, and for `larder
 * diff`. Values are compared as an operator would write them, so that 60s and 1m are the same.
 * Origins and routes are compared by their names. What is secret is never shown.
 *
 * Threads: any, each configuration being left alone meanwhile.
 */
#ifndef LARDER_CLI_COMPARE_H
#define LARDER_CLI_COMPARE_H

#include "cli/config.h"

enum compare_kind { COMPARE_CHANGED, COMPARE_ADDED, COMPARE_REMOVED };

struct compare_row {
    enum compare_kind kind;
    const struct config_section *section;
    const char *item;              /* the name of the origin or route; "" */
    const struct setting *setting; /* NULL: the whole item was added or removed */
    const char *path;              /* "routes.products.ttl" */
    const char *was, *is;          /* as written; "" where there is nothing */
    const char *file;              /* where it is set now; NULL: nowhere, it has its default */
    int line;
};

/* All of a row is a loan until the call returns. */
typedef void compare_row_fn(void *context, const struct compare_row *row);

/* Calls for every difference, in the order of the tables; settings of an item that was added are
 * told as well, against their defaults. Returns how many there are. */
size_t compare(const struct config *was, const struct config *is, compare_row_fn *each,
               void *context);

/* Whether an origin or a route of one configuration has an equal in another: the same name and the
 * same settings. `section`: "origins" or "routes". */
bool compare_is_same(const struct config *was, size_t i, const struct config *is, size_t j,
                     const char *section);

/* A number that is different for different configurations, and the same on every machine and in
 * every version that has the same settings. */
uint64_t compare_hash(const struct config *config);

/* Gives a setting of `to`, which has no names (listen, cache, ...), the value it has in `from`.
 * ERR_FULL: see config_out_of_room. */
enum err compare_keep(const struct config *from, struct config *to,
                      const struct config_section *section, const struct setting *setting,
                      struct fault *fault);

#endif
