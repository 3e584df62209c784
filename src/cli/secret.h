/* secret.h: reading a token from a file.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_SECRET_H
#define LARDER_CLI_SECRET_H

#include "base/fault.h"

enum { SECRET_MIN = 8, SECRET_SIZE = 1024 /* with its NUL */ };

/* The first line of the file, without blanks around it. ERR_DISK: it cannot be read. ERR_SYNTAX: it
 * is too short or too long. The fault says what to do. */
enum err secret_read(const char *file, char ret_secret[SECRET_SIZE], struct fault *fault);

#endif
