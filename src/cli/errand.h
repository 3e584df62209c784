/* errand.h: the URLs that `larder warm` asks for: from a list, a sitemap or an access log.
 * SPDX-License-Identifier: MIT
 *
 * Each URL once, those that were named most often first: what is asked for most is warm earliest.
 *
 * Memory: its texts and a table of them. Limits: ERRANDS_MAX URLs; more are counted and left out.
 */
#ifndef LARDER_CLI_ERRAND_H
#define LARDER_CLI_ERRAND_H

#include "base/buf.h"
#include "base/fault.h"

enum { ERRANDS_MAX = 1000000, ERRAND_URL_MAX = 8192 };

struct errand {
    const char *url; /* "http://host/path?query" */
    uint64_t count;  /* how often it was named */
    size_t line;     /* the first time, for the order */
};

struct errands {
    size_t count;
    struct errand *items;
    uint64_t left_out; /* lines that named no URL to GET, or too many of them */

    size_t room;        /* of items */
    uint32_t *places;   /* by hash: index + 1 */
    size_t place_count; /* a power of two */
};

void errands_init(struct errands *errands);
void errands_fini(struct errands *errands);

/* One more time this URL, or this path at `host` ("" when none is known). False: it is neither. */
bool errands_add(struct errands *errands, struct bytes url, struct bytes host);

/* A URL a line; empty lines and those with # are passed over. */
void errands_read_list(struct errands *errands, struct bytes text, struct bytes host);

/* An access log: JSON lines, or Apache's combined format (the host is `host=`, or else `host`).
 * GET only; what is masked is left out. */
void errands_read_log(struct errands *errands, struct bytes text, struct bytes host);

/* What stands between <loc> and </loc>. True: it is an index of sitemaps, not one itself. */
bool errands_read_sitemap(struct errands *errands, struct bytes text);

/* By how often each was named. */
void errands_sort(struct errands *errands);

#endif
