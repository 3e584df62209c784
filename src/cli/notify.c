/* notify.c: datagrams to $NOTIFY_SOCKET. SPDX-License-Identifier: MIT */
#include "cli/notify.h"

#include "base/bytes.h"
#include "base/number.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024 };

static bool send_to(const char *path, const char *message, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    if (length < 2 || length >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return false;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') /* a name without a file */
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    bool is_sent = sendto(fd, message, size, MSG_NOSIGNAL, (const struct sockaddr *)&address,
                          address_size) == (ssize_t)size;

    (void)close(fd);
    return is_sent;
}

bool notify_say(const char *format, ...)
{
    const char *path = getenv("NOTIFY_SOCKET");
    char message[MESSAGE_MAX];
    va_list values;

    if (path == NULL)
        return false;
    va_start(values, format);
    int size = vsnprintf(message, sizeof message, format, values);

    va_end(values);
    if (size < 0)
        return false;
    return send_to(path, message,
                   (size_t)size < sizeof message ? (size_t)size : sizeof message - 1);
}

int64_t notify_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    const char *whom = getenv("WATCHDOG_PID");
    uint64_t usec = 0, pid = 0;

    if (text == NULL || number_u64(bytes_of_text(text), &usec) != ERR_OK)
        return 0;
    if (whom != NULL &&
        (number_u64(bytes_of_text(whom), &pid) != ERR_OK || pid != (uint64_t)getpid()))
        return 0;
    return (int64_t)(usec / 2000);
}
