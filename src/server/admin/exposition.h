/* exposition.h: numbers in Prometheus' text format, version 0.0.4.
 * SPDX-License-Identifier: MIT
 *
 * A family begins with its help and type, its samples follow. The format wants one family in one
 * piece: all samples of a name behind its one begin.
 */
#ifndef LARDER_SERVER_ADMIN_EXPOSITION_H
#define LARDER_SERVER_ADMIN_EXPOSITION_H

#include "base/buf.h"

struct exposition_label {
    const char *name;
    struct bytes value;
};

/* `kind` is "counter", "gauge" or "histogram". */
void exposition_begin(struct buf *out, const char *name, const char *kind, const char *help);

/* `suffix` is "" or what histograms add: "_bucket", "_sum", "_count". Labels with a NULL name are
 * left out; label values are escaped. */
void exposition_count(struct buf *out, const char *name, const char *suffix,
                      const struct exposition_label labels[2], uint64_t value);
void exposition_number(struct buf *out, const char *name, const char *suffix,
                       const struct exposition_label labels[2], double value);

#endif
