/* keyring.h: the certificates of a configuration, read and read anew.
 * SPDX-License-Identifier: MIT
 *
 * One `struct tls` for all doors that speak it. Threads: any, one at a time.
 */
#ifndef LARDER_CLI_KEYRING_H
#define LARDER_CLI_KEYRING_H

#include "cli/config.h"
#include "net/tls.h"

/* Whether some door wants TLS. */
bool keyring_is_wanted(const struct config *config);

/* Reads certificates and keys. The fault names the file that is wrong, and the place in the
 * configuration. ERR_SYNTAX: there are none. */
enum err keyring_new(const struct config *config, struct tls **ret_tls, struct fault *fault);

/* The same files, or those of another configuration: used by handshakes from now on. When anything
 * is wrong, what was there stays. */
enum err keyring_reload(const struct config *config, struct tls *tls, struct fault *fault);

#endif
