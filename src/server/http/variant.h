/* variant.h: answers of one URL that differ by what the request says (Vary).
 * SPDX-License-Identifier: MIT
 *
 * A fetch that began under the URL's lease learns only at the answer's header that the URL has
 * variants. It then takes the lease of its variant, checks that nothing was invalidated since the
 * miss, and ends the first lease with a marker: all who waited find the marker, look for their own
 * variant, and join it or fetch theirs.
 *
 * Threads: the fetch's worker's own.
 */
#ifndef LARDER_SERVER_HTTP_VARIANT_H
#define LARDER_SERVER_HTTP_VARIANT_H

#include "server/http/fetch.h"

/* For an answer that may be shared: moves the fetch to the key of its variant. Where that cannot be
 * done (somebody else fetches it, too many variants, invalidated meanwhile) the verdict changes. */
void variant_settle(struct fetch *fetch, const struct http_head *response);

#endif
