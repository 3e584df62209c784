/* pidfile.h: the number of the process that serves, in a file.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_CLI_PIDFILE_H
#define LARDER_CLI_PIDFILE_H

#include "base/fault.h"

/* Writes this process's number; whoever reads the file meanwhile sees the old one or the new one.
 * ERR_DISK: the fault says why. */
enum err pidfile_write(const char *file, struct fault *fault);

/* Removes it, unless another process has written its own since. */
void pidfile_remove(const char *file);

#endif
