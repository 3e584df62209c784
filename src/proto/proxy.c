/* proxy.c: reading the PROXY protocol's header. SPDX-License-Identifier: MIT */
#include "proto/proxy.h"

#include "base/number.h"

#include <arpa/inet.h>

enum { V1_MAX = 107, V2_HEAD = 16, V4_SIZE = 12, V6_SIZE = 36, LOCAL_SIZE = 216, TEXT_SIZE = 64 };

static const struct bytes v1_start = BYTES_INIT("PROXY ");
static const struct bytes v2_start = BYTES_INIT("\r\n\r\n\0\r\nQUIT\n");

/* ---- version 1 ---------------------------------------------------------------------------- */

static bool read_address(struct bytes text, int family, uint8_t ret_address[16])
{
    char copy[TEXT_SIZE];

    if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, 0, text.size) != NULL)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return inet_pton(family, copy, ret_address) == 1;
}

static bool read_port(struct bytes text, uint16_t *ret_port)
{
    uint64_t port = 0;

    if (text.size == 0 || (text.size > 1 && text.data[0] == '0') ||
        number_u64(text, &port) != ERR_OK || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* One word and the blank behind it, of which there must be exactly one; the last has none. */
static bool next_word(struct bytes *rest, bool is_last, struct bytes *ret_word)
{
    size_t end = bytes_find(*rest, ' ');

    if ((end == rest->size) != is_last)
        return false;
    *ret_word = bytes_slice(*rest, 0, end);
    *rest = bytes_skip(*rest, is_last ? end : end + 1);
    return true;
}

/* "TCP4 192.0.2.1 192.0.2.9 51234 443" */
static enum err read_line(struct bytes line, struct proxy_header *ret_header)
{
    struct bytes words[5];
    struct proxy_header header = {.family = PROXY_ITSELF};
    uint8_t unused[16];
    uint16_t unused_port;

    if (bytes_equal(line, BYTES("UNKNOWN")) || bytes_begin_with(line, BYTES("UNKNOWN "))) {
        *ret_header = header;
        return ERR_OK;
    }
    for (size_t i = 0; i < 5; i++) {
        if (!next_word(&line, i == 4, &words[i]))
            return ERR_SYNTAX;
    }
    if (bytes_equal(words[0], BYTES("TCP4")))
        header.family = PROXY_V4;
    else if (bytes_equal(words[0], BYTES("TCP6")))
        header.family = PROXY_V6;
    else
        return ERR_SYNTAX;
    int family = header.family == PROXY_V4 ? AF_INET : AF_INET6;

    if (!read_address(words[1], family, header.address) ||
        !read_address(words[2], family, unused) || !read_port(words[3], &header.port) ||
        !read_port(words[4], &unused_port))
        return ERR_SYNTAX;
    *ret_header = header;
    return ERR_OK;
}

static enum err parse_v1(struct bytes input, struct proxy_header *ret_header, size_t *ret_size)
{
    struct bytes line = bytes_slice(input, 0, V1_MAX);
    size_t end = bytes_find(line, '\r');

    if (end + 1 >= line.size)
        return line.size == V1_MAX ? ERR_SYNTAX : ERR_AGAIN;
    if (line.data[end + 1] != '\n' || bytes_find(line, '\n') != end + 1)
        return ERR_SYNTAX;
    TRY(read_line(bytes_slice(line, v1_start.size, end), ret_header));
    *ret_size = end + 2;
    return ERR_OK;
}

/* ---- version 2 ---------------------------------------------------------------------------- */

static size_t number_at(struct bytes bytes, size_t at)
{
    return (size_t)bytes.data[at] << 8 | bytes.data[at + 1];
}

/* A kind, a length, and as many bytes; until the end, exactly. */
static bool are_extras_whole(struct bytes extras)
{
    while (extras.size > 0) {
        if (extras.size < 3 || extras.size - 3 < number_at(extras, 1))
            return false;
        extras = bytes_skip(extras, 3 + number_at(extras, 1));
    }
    return true;
}

/* The family's byte: what, and how many bytes of addresses. */
static bool read_family(uint8_t byte, enum proxy_family *ret_family, size_t *ret_size)
{
    switch (byte) {
    case 0x00:
        *ret_family = PROXY_ITSELF;
        *ret_size = 0;
        return true;
    case 0x11:
        *ret_family = PROXY_V4;
        *ret_size = V4_SIZE;
        return true;
    case 0x21:
        *ret_family = PROXY_V6;
        *ret_size = V6_SIZE;
        return true;
    case 0x31:
        *ret_family = PROXY_LOCAL;
        *ret_size = LOCAL_SIZE;
        return true;
    default:
        return false;
    }
}

static enum err read_addresses(struct bytes head, struct bytes body,
                               struct proxy_header *ret_header)
{
    struct proxy_header header = {.family = PROXY_ITSELF};
    size_t size = 0;

    /* LOCAL: the proxy asks for itself, and what it says of addresses is to be skipped. */
    if (head.data[12] == 0x20) {
        *ret_header = header;
        return ERR_OK;
    }
    if (head.data[12] != 0x21 || !read_family(head.data[13], &header.family, &size) ||
        body.size < size ||
        (header.family != PROXY_ITSELF && !are_extras_whole(bytes_skip(body, size))))
        return ERR_SYNTAX;
    if (header.family == PROXY_V4) {
        memcpy(header.address, body.data, 4);
        header.port = (uint16_t)number_at(body, 8);
    } else if (header.family == PROXY_V6) {
        memcpy(header.address, body.data, 16);
        header.port = (uint16_t)number_at(body, 32);
    }
    *ret_header = header;
    return ERR_OK;
}

static enum err parse_v2(struct bytes input, struct proxy_header *ret_header, size_t *ret_size)
{
    if (input.size < V2_HEAD)
        return ERR_AGAIN;
    size_t size = number_at(input, 14);

    if (size > PROXY_HEADER_MAX - V2_HEAD)
        return ERR_TOO_BIG;
    if (input.size - V2_HEAD < size)
        return ERR_AGAIN;
    TRY(read_addresses(input, bytes_slice(input, V2_HEAD, V2_HEAD + size), ret_header));
    *ret_size = V2_HEAD + size;
    return ERR_OK;
}

/* Whether it begins so, as far as it has come. */
static bool may_be(struct bytes input, struct bytes start)
{
    size_t size = input.size < start.size ? input.size : start.size;

    return memcmp(input.data, start.data, size) == 0;
}

enum err proxy_parse(struct bytes input, struct proxy_header *ret_header, size_t *ret_size)
{
    if (input.size == 0)
        return ERR_AGAIN;
    if (may_be(input, v1_start))
        return input.size < v1_start.size ? ERR_AGAIN : parse_v1(input, ret_header, ret_size);
    if (may_be(input, v2_start))
        return parse_v2(input, ret_header, ret_size);
    return ERR_SYNTAX;
}
