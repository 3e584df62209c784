/* reload_report.h: what a reload tells: what changed, what has to wait for a restart, what is
 * wrong. SPDX-License-Identifier: MIT
 *
 * Everything goes to the log, a line each, and into one JSON object, the answer of the admin door:
 *
 *   {"reloaded": true, "hash": "...", "changes": [{"setting": "routes.a.ttl", "was": "1m",
 *    "is": "2m"}], "restart": [{"setting": "workers", "was": "2", "is": "4", "why": "..."}]}
 *   {"reloaded": false, "error": "...", "errors": [{"file": ..., "line": ..., "column": ...,
 *    "text": ...}]}
 *
 * Threads: one at a time.
 */
#ifndef LARDER_CLI_RELOAD_REPORT_H
#define LARDER_CLI_RELOAD_REPORT_H

#include "base/log.h"
#include "cli/edition.h"

struct reload_report {
    struct buf json;
    struct buf changed, waits; /* the lists within it */
    struct buf lines;          /* for the log: a level's digit, the text, a NUL */
    size_t changes;            /* that are made */
    size_t restarts;           /* that are not */
};

void reload_report_init(struct reload_report *report);
void reload_report_fini(struct reload_report *report);
void reload_report_clear(struct reload_report *report);

/* Compares two editions. A setting that needs a restart gets the value that it has in `was`, so
 * that the edition says what is so. ERR_FULL: the configuration is too large. */
enum err reload_report_compare(struct reload_report *report, const struct edition *was,
                               struct edition *is, struct fault *fault);

/* It is taken: logs each difference. */
void reload_report_done(struct reload_report *report, const struct log *log, uint64_t hash);

/* All that was noted in the configuration, or the one that came up later. `log` may be NULL. */
void reload_report_faults(struct reload_report *report, const struct log *log,
                          const struct config *config);
void reload_report_fault(struct reload_report *report, const struct log *log,
                         const struct fault *fault);

#endif
