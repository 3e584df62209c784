/* url_parts.c: hosts, and URLs in their parts. SPDX-License-Identifier: MIT */
#include "proto/chars.h"
#include "proto/url.h"

#include <arpa/inet.h>

enum { NAME_MAX_SIZE = 255 /* bytes of a host name, RFC 1035 §2.3.4 */ };

/* ---- hosts ------------------------------------------------------------------------------- */

static bool is_name(struct bytes name)
{
    uint8_t before = '.';

    for (size_t i = 0; i < name.size; i++) {
        if (!char_is(name.data[i], CHAR_HOST) || (name.data[i] == '.' && before == '.'))
            return false;
        before = name.data[i];
    }
    return name.size > 0 && name.size <= NAME_MAX_SIZE;
}

/* "[::1]" and the like. */
static bool is_ipv6(struct bytes text, struct in6_addr *ret_address)
{
    char copy[INET6_ADDRSTRLEN];

    if (text.size < 4 || text.size - 2 >= sizeof copy || text.data[text.size - 1] != ']')
        return false;
    memcpy(copy, text.data + 1, text.size - 2);
    copy[text.size - 2] = '\0';
    return memchr(copy, '\0', text.size - 2) == NULL && inet_pton(AF_INET6, copy, ret_address) == 1;
}

/* Cuts "name" or "name:port"; a missing port is 0. */
static enum err cut_port(struct bytes host, struct bytes *ret_name, uint16_t *ret_port)
{
    bool bracket = host.size > 0 && host.data[0] == '[';
    size_t end = bracket ? bytes_find(host, ']') + 1 : bytes_find(host, ':');
    unsigned port = 0;

    *ret_name = bytes_slice(host, 0, end);
    *ret_port = 0;
    if (end >= host.size)
        return ERR_OK;
    struct bytes digits = bytes_skip(host, end + 1);

    if (host.data[end] != ':' || digits.size > 5)
        return ERR_SYNTAX;
    for (size_t i = 0; i < digits.size; i++) {
        if (!char_is(digits.data[i], CHAR_DIGIT))
            return ERR_SYNTAX;
        port = port * 10 + digits.data[i] - '0';
    }
    if (port < 1 || port > UINT16_MAX)
        return ERR_SYNTAX;
    *ret_port = (uint16_t)port;
    return ERR_OK;
}

bool url_is_host(struct bytes host)
{
    struct in6_addr address;
    struct bytes name;
    uint16_t port = 0;

    if (cut_port(host, &name, &port) != ERR_OK)
        return false;
    return host.size > 0 && host.data[0] == '[' ? is_ipv6(name, &address) : is_name(name);
}

/* An IPv6 address has many spellings; this writes the one of RFC 5952. */
static size_t write_ipv6(struct bytes name, uint8_t *out)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN];

    if (!is_ipv6(name, &address) || inet_ntop(AF_INET6, &address, text, sizeof text) == NULL)
        return 0;
    struct bytes written = bytes_of_text(text);

    out[0] = '[';
    memcpy(out + 1, written.data, written.size);
    out[written.size + 1] = ']';
    return written.size + 2;
}

static size_t write_name(struct bytes name, uint8_t *out)
{
    if (!is_name(name))
        return 0;
    if (name.data[name.size - 1] == '.')
        name.size--;
    for (size_t i = 0; i < name.size; i++)
        out[i] = byte_lower(name.data[i]);
    return name.size;
}

static size_t write_port(uint16_t port, uint8_t *out)
{
    uint8_t digits[5];
    size_t at = sizeof digits;

    for (unsigned left = port; left > 0; left /= 10)
        digits[--at] = (uint8_t)('0' + left % 10);
    out[0] = ':';
    memcpy(out + 1, digits + at, sizeof digits - at);
    return 1 + sizeof digits - at;
}

enum err url_host_normalise(struct bytes host, uint16_t default_port, uint8_t out[URL_HOST_MAX],
                            struct url_host *ret_host)
{
    struct bytes name;
    uint16_t port = 0;

    TRY(cut_port(host, &name, &port));
    size_t size =
        name.size > 0 && name.data[0] == '[' ? write_ipv6(name, out) : write_name(name, out);
    if (size == 0)
        return ERR_SYNTAX;
    ret_host->name = (struct bytes){out, size};
    ret_host->port = port == 0 ? default_port : port;
    if (ret_host->port != default_port)
        size += write_port(port, out + size);
    ret_host->whole = (struct bytes){out, size};
    return ERR_OK;
}

/* ---- URLs -------------------------------------------------------------------------------- */

/* Takes "scheme:" off the front (RFC 3986 §3.1). False: there is none. */
static bool cut_scheme(struct bytes *text, struct bytes *ret_scheme)
{
    size_t end = 0;

    while (end < text->size && (char_is(text->data[end], CHAR_HOST) || text->data[end] == '+') &&
           text->data[end] != '_')
        end++;
    if (end == 0 || end == text->size || text->data[end] != ':' ||
        byte_lower(text->data[0]) < 'a' || byte_lower(text->data[0]) > 'z')
        return false;
    *ret_scheme = bytes_slice(*text, 0, end);
    *text = bytes_skip(*text, end + 1);
    return true;
}

/* `text` begins with "//". */
static enum err split_authority(struct bytes text, bool tls, struct url_parts *ret_parts)
{
    size_t end = 2;

    if (!bytes_begin_with(text, BYTES("//")))
        return ERR_SYNTAX;
    while (end < text.size && text.data[end] != '/' && text.data[end] != '?')
        end++;
    struct bytes host = bytes_slice(text, 2, end);

    if (!url_is_host(host) || bytes_find(text, '#') < text.size)
        return ERR_SYNTAX;
    *ret_parts = (struct url_parts){tls, host, bytes_skip(text, end)};
    return ERR_OK;
}

enum err url_split(struct bytes text, struct url_parts *ret_parts)
{
    struct bytes scheme;

    if (!cut_scheme(&text, &scheme))
        return ERR_SYNTAX;
    bool tls = bytes_equal_nocase(scheme, BYTES("https"));

    if (!tls && !bytes_equal_nocase(scheme, BYTES("http")))
        return ERR_UNSUPPORTED;
    return split_authority(text, tls, ret_parts);
}

/* Appends to the `*size` bytes that are there. */
static enum err append(uint8_t *out, size_t out_max, size_t *size, struct bytes text)
{
    if (text.size > out_max - *size)
        return ERR_TOO_BIG;
    if (text.size > 0)
        memcpy(out + *size, text.data, text.size);
    *size += text.size;
    return ERR_OK;
}

enum err url_resolve(const struct url_parts *base, struct bytes reference, uint8_t *out,
                     size_t out_max, struct url_parts *ret_parts)
{
    struct bytes text = bytes_slice(reference, 0, bytes_find(reference, '#'));
    struct bytes after_scheme = text, scheme;

    if (cut_scheme(&after_scheme, &scheme))
        return url_split(text, ret_parts);
    if (bytes_begin_with(text, BYTES("//")))
        return split_authority(text, base->tls, ret_parts);

    struct bytes target = text;

    if (text.size == 0) {
        target = base->target;
    } else if (text.data[0] != '/') {
        struct bytes path = bytes_slice(base->target, 0, bytes_find(base->target, '?'));
        size_t size = 0;

        while (text.data[0] != '?' && path.size > 0 && path.data[path.size - 1] != '/')
            path.size--;
        TRY(append(out, out_max, &size, path.size == 0 ? BYTES("/") : path));
        TRY(append(out, out_max, &size, text));
        target = (struct bytes){out, size};
    }
    *ret_parts = (struct url_parts){base->tls, base->host, target};
    return ERR_OK;
}
