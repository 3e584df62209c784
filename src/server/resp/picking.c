/* picking.c: replies of scans. SPDX-License-Identifier: MIT */
#include "server/resp/picking.h"

#include "base/glob.h"

void scanned_begin(struct scanned *scanned, const struct scan_options *options)
{
    *scanned = (struct scanned){.options = options};
    buf_init(&scanned->out, SIZE_MAX / 2, NULL);
}

void scanned_add(struct scanned *scanned, struct bytes name, struct bytes value)
{
    scanned->passed++;
    if (!glob_fits(scanned->options->pattern, name))
        return;
    resp_add_bulk(&scanned->out, name);
    scanned->count++;
    if (value.data == NULL)
        return;
    resp_add_bulk(&scanned->out, value);
    scanned->count++;
}

bool scanned_goes_on(struct scanned *scanned, uint64_t cursor)
{
    size_t wanted = (size_t)scanned->options->count;

    /* Empty buckets count a tenth. */
    return cursor != 0 && scanned->passed < wanted && ++scanned->steps / 10 < wanted;
}

void scanned_reply(struct call *call, struct scanned *scanned, uint64_t cursor)
{
    reply_array(call, 2);
    reply_cursor(call, cursor);
    reply_array(call, scanned->count);
    buf_add(call->out, buf_bytes(&scanned->out));
    buf_fini(&scanned->out);
}
