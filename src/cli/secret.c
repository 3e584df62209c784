/* secret.c: the first line of a file. SPDX-License-Identifier: MIT */
#include "cli/secret.h"

#include "base/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum err secret_read(const char *file, char ret_secret[SECRET_SIZE], struct fault *fault)
{
    char text[SECRET_SIZE + 2];
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t count = fd < 0 ? -1 : read(fd, text, sizeof text);
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    if (count < 0)
        return fault_say(fault, ERR_DISK, "the token file %s cannot be read: %s", file,
                         strerror(why));
    struct bytes rest = bytes_of(text, (size_t)count);
    struct bytes line = bytes_cut(&rest, '\n');

    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    line = bytes_trim(line);
    if (line.size < SECRET_MIN || line.size >= SECRET_SIZE)
        return fault_say(fault, ERR_SYNTAX,
                         "the first line of the token file %s must be a token of %d to %d bytes, "
                         "such as what openssl rand -hex 32 prints",
                         file, SECRET_MIN, SECRET_SIZE - 1);
    memcpy(ret_secret, line.data, line.size);
    ret_secret[line.size] = '\0';
    return ERR_OK;
}
