/* probe.h: finds out whether the answers of a URL can be shared again.
 * SPDX-License-Identifier: MIT
 *
 * For a while after an answer that was not for sharing everybody asks for himself (cache_disperse),
 * so that nobody waits in vain. One of them at a time, without conditions of its own, probes: if
 * its answer can be stored, the while is over and the answer is stored as any other.
 *
 * The probe holds a lease of a key beside the URL's, which also says when it left: what was
 * invalidated since is not stored.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_PROBE_H
#define LARDER_SERVER_HTTP_PROBE_H

#include "server/http/fetch.h"
#include "server/http/look.h"

/* Makes a probe of a fetch for the look's request. False: it is none that could be stored, or
 * somebody else probes. The key stands in the gate's text until the fetch is made. */
bool probe_lead(const struct look *look, struct fetch_ask *fetch_ask);

/* At the answer's head, when its verdict and tags are known: moves the probe to the URL's own key,
 * or takes back that it may be shared. Does nothing for other fetches. */
void probe_settle(struct fetch *fetch);

#endif
