/* picking.h: what several types need: choosing some of many at random, and replies of scans.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_PICKING_H
#define LARDER_SERVER_RESP_PICKING_H

#include "server/resp/call.h"

/* Chooses `wanted` of `left` while they pass by once, each choice equally likely (Knuth's
 * algorithm S). */
struct picking {
    size_t left;   /* still to pass by */
    size_t wanted; /* still to be chosen; at the beginning: of all */
};

static inline void picking_begin(struct picking *picking, size_t have, size_t wanted)
{
    *picking = (struct picking){have, wanted < have ? wanted : have};
}

/* So few are wanted that drawing is cheaper than passing by all. */
static inline bool picking_is_sparse(const struct picking *picking)
{
    return picking->wanted < picking->left / 4;
}

static inline bool picking_takes(struct picking *picking, struct random *random)
{
    bool takes = picking->wanted > 0 && random_below(random, picking->left) < picking->wanted;

    picking->left--;
    picking->wanted -= takes;
    return takes;
}

/* What a scan of one value found. */
struct scanned {
    struct buf out;
    size_t count;  /* elements of the reply */
    size_t passed; /* members that were looked at */
    size_t steps;
    const struct scan_options *options;
};

void scanned_begin(struct scanned *scanned, const struct scan_options *options);

/* One member, with its value if it has one (data not NULL). */
void scanned_add(struct scanned *scanned, struct bytes name, struct bytes value);

/* Whether COUNT was not reached yet and there is more. */
bool scanned_goes_on(struct scanned *scanned, uint64_t cursor);
void scanned_reply(struct call *call, struct scanned *scanned, uint64_t cursor);

#endif
