/* The promises of proto/proxy.h. SPDX-License-Identifier: MIT */
#include "proto/proxy.h"
#include "t.h"

static const uint8_t signature[12] = {'\r', '\n', '\r', '\n', 0,   '\r',
                                      '\n', 'Q',  'U',  'I',  'T', '\n'};

static struct proxy_header header;
static size_t used;

static enum err read(struct bytes input)
{
    return proxy_parse(input, &header, &used);
}

static enum err read_text(const char *text)
{
    return read(bytes_of_text(text));
}

static bool is_address(const uint8_t *wanted, size_t size)
{
    return memcmp(header.address, wanted, size) == 0;
}

TEST(a_line_of_version_1_tells_address_and_port_and_ends_behind_its_line)
{
    const uint8_t four[] = {192, 0, 2, 1};

    CHECK(read_text("PROXY TCP4 192.0.2.1 192.0.2.9 51234 443\r\nGET /") == ERR_OK);
    CHECK(header.family == PROXY_V4 && header.port == 51234 && used == 42);
    CHECK(is_address(four, 4));
    CHECK(read_text("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n") == ERR_OK);
    CHECK(header.family == PROXY_V6 && header.address[0] == 0x20 && header.address[15] == 1);
}

TEST(unknown_leaves_the_address_as_it_is)
{
    CHECK(read_text("PROXY UNKNOWN\r\n") == ERR_OK && header.family == PROXY_ITSELF && used == 15);
    CHECK(read_text("PROXY UNKNOWN ffff::1 ffff::1 1 2\r\n") == ERR_OK);
    CHECK(header.family == PROXY_ITSELF);
}

TEST(every_beginning_of_a_header_wants_more)
{
    const char *text = "PROXY TCP4 192.0.2.1 192.0.2.9 51234 443\r\n";

    for (size_t size = 0; size < strlen(text); size++)
        CHECK(read(bytes_of(text, size)) == ERR_AGAIN);
}

TEST(lines_of_version_1_that_are_not_exactly_so_are_refused)
{
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.1 192.0.2.9 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 1 2\n\r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.9 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 -1 2\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.9 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.9 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.9 1 2\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.9 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.9 1 2\rX",
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        CHECK(read_text(lines[i]) == ERR_SYNTAX);
}

TEST(a_line_of_version_1_that_does_not_end_is_refused_at_107_bytes)
{
    char line[200] = "PROXY UNKNOWN ";

    memset(line + 14, 'x', sizeof line - 14);
    CHECK(read(bytes_of(line, 106)) == ERR_AGAIN);
    CHECK(read(bytes_of(line, 107)) == ERR_SYNTAX);
}

/* A header of version 2 with `size` bytes behind its head; those that are not given are 0. */
static struct bytes v2(uint8_t command, uint8_t family, size_t size, const uint8_t *body,
                       size_t body_size)
{
    static uint8_t room[PROXY_HEADER_MAX + 64];

    memset(room, 0, sizeof room);
    memcpy(room, signature, sizeof signature);
    room[12] = command;
    room[13] = family;
    room[14] = (uint8_t)(size >> 8);
    room[15] = (uint8_t)size;
    if (body_size > 0)
        memcpy(room + 16, body, body_size);
    return bytes_of(room, 16 + size);
}

TEST(version_2_tells_addresses_of_both_families)
{
    const uint8_t four[12] = {192, 0, 2, 1, 192, 0, 2, 9, 0xc8, 0x22, 1, 187};
    uint8_t six[36] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1, [32] = 0x12, [33] = 0x34};

    CHECK(read(v2(0x21, 0x11, 12, four, 12)) == ERR_OK && used == 28);
    CHECK(header.family == PROXY_V4 && header.port == 51234 && is_address(four, 4));
    CHECK(read(v2(0x21, 0x21, 36, six, 36)) == ERR_OK && used == 52);
    CHECK(header.family == PROXY_V6 && header.port == 0x1234 && is_address(six, 16));
    CHECK(read(v2(0x21, 0x31, 216, NULL, 0)) == ERR_OK && header.family == PROXY_LOCAL);
}

TEST(a_proxy_that_speaks_for_itself_is_itself_whatever_it_adds)
{
    CHECK(read(v2(0x20, 0x00, 0, NULL, 0)) == ERR_OK && header.family == PROXY_ITSELF);
    CHECK(read(v2(0x20, 0x11, 3, NULL, 0)) == ERR_OK && header.family == PROXY_ITSELF);
    CHECK(read(v2(0x21, 0x00, 7, NULL, 0)) == ERR_OK && header.family == PROXY_ITSELF);
}

TEST(what_stands_behind_the_addresses_must_be_whole)
{
    uint8_t body[12 + 7] = {192, 0, 2, 1, [12] = 4, 0, 4, 'a', 'b', 'c', 'd'};

    CHECK(read(v2(0x21, 0x11, 19, body, 19)) == ERR_OK && used == 35);
    CHECK(read(v2(0x21, 0x11, 18, body, 18)) == ERR_SYNTAX);
    CHECK(read(v2(0x21, 0x11, 14, body, 14)) == ERR_SYNTAX);
}

TEST(headers_of_version_2_that_make_no_sense_are_refused)
{
    CHECK(read(v2(0x11, 0x11, 12, NULL, 0)) == ERR_SYNTAX); /* version 1 */
    CHECK(read(v2(0x22, 0x11, 12, NULL, 0)) == ERR_SYNTAX); /* no such command */
    CHECK(read(v2(0x21, 0x12, 12, NULL, 0)) == ERR_SYNTAX); /* datagrams */
    CHECK(read(v2(0x21, 0x41, 12, NULL, 0)) == ERR_SYNTAX); /* no such family */
    CHECK(read(v2(0x21, 0x11, 11, NULL, 0)) == ERR_SYNTAX); /* too short */
    CHECK(read(v2(0x21, 0x21, 35, NULL, 0)) == ERR_SYNTAX);
}

TEST(a_header_of_version_2_has_a_largest_size)
{
    struct bytes largest = v2(0x20, 0, PROXY_HEADER_MAX - 16, NULL, 0);

    CHECK(read(largest) == ERR_OK && used == PROXY_HEADER_MAX);
    CHECK(read(bytes_slice(largest, 0, largest.size - 1)) == ERR_AGAIN);
    CHECK(read(bytes_slice(v2(0x20, 0, PROXY_HEADER_MAX - 15, NULL, 0), 0, 16)) == ERR_TOO_BIG);
}
