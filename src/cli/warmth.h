/* warmth.h: many requests to a gateway, and what came of them.
 * SPDX-License-Identifier: MIT
 *
 * So many at a time, so many a second, over connections that are kept. What became of each is read
 * from Cache-Status.
 *
 * Memory: of the requests under way. Threads: one.
 */
#ifndef LARDER_CLI_WARMTH_H
#define LARDER_CLI_WARMTH_H

#include "cli/errand.h"
#include "proto/http.h"
#include "upstream/origin.h"

enum { WARMTH_CONCURRENCY_MAX = 256, WARMTH_REASONS_MAX = 64, WARMTH_HEADERS_MAX = 32 };

struct warmth_reason {
    char text[64];
    uint64_t count;
};

struct warmth_counts {
    uint64_t started, done;
    uint64_t hits;
    uint64_t stored;
    uint64_t passed; /* answered well, and not stored */
    uint64_t failed;
    uint64_t bytes;
    size_t reason_count; /* why not stored, or failed */
    struct warmth_reason reasons[WARMTH_REASONS_MAX];
};

struct warmth_plan {
    const char *gateway; /* "127.0.0.1:8080", "unix:/path", "https://127.0.0.1:8443" */
    const char *name;    /* of its certificate; NULL: what is in `gateway` */
    bool is_insecure;    /* whatever certificate it has */
    unsigned concurrency;
    double rate; /* requests a second; 0: as fast as they are answered */
    const struct http_field *headers;
    size_t header_count;
};

/* Asks for all of them. `tell` is called a few times a second. ERR_SYNTAX: no such address;
 * ERR_SYSTEM. */
enum err warmth_run(const struct warmth_plan *plan, const struct errands *errands,
                    void (*tell)(void *context, const struct warmth_counts *counts), void *context,
                    struct warmth_counts *ret_counts, struct fault *fault);

/* Asks for one, and appends the body of what came to `out`. ERR_PEER_BROKEN: the status is not 200;
 * others as above and of exchanges. */
enum err warmth_fetch(const struct warmth_plan *plan, const char *url, struct buf *out,
                      struct fault *fault);

#endif
