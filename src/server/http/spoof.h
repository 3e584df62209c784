/* spoof.h: fields by which a request pretends to be another one, or to come from somebody else.
 * SPDX-License-Identifier: MIT
 *
 * Frameworks believe some fields more than the request line and Host: another URL, another method,
 * another client. A cache that passes them on stores the pretended request's answer under the key
 * of the real one. And CGI, WSGI and PHP know X_Forwarded_For and X-Forwarded-For by one name: a
 * field whose name is a known one's but for underscores is one of these, too.
 *
 * Threads: any. Memory: none.
 */
#ifndef LARDER_SERVER_HTTP_SPOOF_H
#define LARDER_SERVER_HTTP_SPOOF_H

#include "proto/http.h"

/* Of a field that the house does not know by an id. */
bool spoof_is(struct bytes name);

#endif
