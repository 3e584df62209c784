/* version.h: which Larder this is.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_VERSION_H
#define LARDER_CLI_VERSION_H

#define LARDER_VERSION "0.1.0"

#endif
