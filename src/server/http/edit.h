/* edit.h: header fields that a route takes out or sets, on the way to clients and to origins.
 * SPDX-License-Identifier: MIT
 *
 * Compiled once from lists of "Name" and "Name: value". A field that is set stands in the place of
 * whatever the other side wrote under that name. Fields of answers are edited when the head is
 * written, before it is stored, so a hit pays nothing for it; decisions are made by what the origin
 * said.
 *
 * Memory: texts point into the settings. Threads: any, once compiled. Limits: EDITS_MAX of each.
 */
#ifndef LARDER_SERVER_HTTP_EDIT_H
#define LARDER_SERVER_HTTP_EDIT_H

#include "base/buf.h"
#include "base/fault.h"
#include "base/setting.h"
#include "proto/http.h"

enum { EDITS_MAX = 16 };

struct edits {
    size_t removed_count;
    size_t set_count;
    struct bytes removed[EDITS_MAX];
    struct http_field set[EDITS_MAX];
};

/* ERR_SYNTAX: a name or value that is none, a field that is not to be edited, too many; the fault
 * says which. `route` and `path` are for that. */
enum err edits_compile(const struct text_list *set, const struct text_list *removed,
                       const char *route, const char *path, struct edits *ret_edits,
                       struct fault *fault);

/* Whether the other side's field of this name stays out. */
bool edits_take(const struct edits *edits, struct bytes name);

/* Whether a field of that name is one that we set. */
bool edits_set(const struct edits *edits, struct bytes name);

/* Appends the fields that are set. */
void edits_write(const struct edits *edits, struct buf *out);

#endif
