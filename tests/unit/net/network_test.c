/* The promises of net/network.h. SPDX-License-Identifier: MIT */
#include "net/network.h"
#include "t.h"

static bool has(const char *network_text, const char *address_text)
{
    struct network network;
    struct address address;
    struct fault fault;

    CHECK(network_parse(bytes_of_text(network_text), &network, &fault) == ERR_OK);
    CHECK(network_read_address(bytes_of_text(address_text), &address));
    return network_has(&network, &address);
}

TEST(a_network_has_the_addresses_that_begin_like_it)
{
    CHECK(has("10.0.0.0/8", "10.255.1.2") && !has("10.0.0.0/8", "11.0.0.0"));
    CHECK(has("192.0.2.128/25", "192.0.2.129") && !has("192.0.2.128/25", "192.0.2.127"));
    CHECK(has("192.0.2.1", "192.0.2.1") && !has("192.0.2.1", "192.0.2.2"));
    CHECK(has("0.0.0.0/0", "1.2.3.4") && !has("0.0.0.0/0", "2001:db8::1"));
    CHECK(has("2001:db8::/32", "2001:db8:ffff::1") && !has("2001:db8::/32", "2001:db9::1"));
    CHECK(has("::/0", "2001:db8::1") && has("::1", "::1"));
    CHECK(has("10.0.0.0/8", "::ffff:10.1.1.1"));
}

TEST(what_is_no_network_is_told)
{
    static const char *const wrong[] = {
        "",          "10.0.0.0/33", "10.0.0.1/8",     "10.0.0/8",
        "a.example", "10.0.0.0/",   "2001:db8::/129", "10.0.0.0/-1"};
    struct network network;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fault fault = {.line = 0};

        CHECK(network_parse(bytes_of_text(wrong[i]), &network, &fault) == ERR_SYNTAX);
        CHECK(fault.text[0] != '\0');
    }
}

TEST(unix_sockets_are_a_network_of_their_own)
{
    struct network local, all;
    struct fault fault;
    struct address address = {.local = {.sun_family = AF_UNIX}, .size = sizeof(sa_family_t)};

    CHECK(network_parse(BYTES("unix"), &local, &fault) == ERR_OK && network_has(&local, &address));
    CHECK(network_parse(BYTES("::/0"), &all, &fault) == ERR_OK && !network_has(&all, &address));
}

TEST(addresses_are_read_with_and_without_a_port)
{
    struct address address;

    CHECK(network_read_address(BYTES("192.0.2.1"), &address) && address.any.sa_family == AF_INET);
    CHECK(network_read_address(BYTES("192.0.2.1:80"), &address));
    CHECK(network_read_address(BYTES("2001:db8::1"), &address));
    CHECK(network_read_address(BYTES("[2001:db8::1]"), &address));
    CHECK(network_read_address(BYTES("[2001:db8::1]:443"), &address));
    static const char *const wrong[] = {"",         "unknown",    "_hidden",
                                        "192.0.2",  "192.0.2.1:", "[::1",
                                        "[::1]x",   "[1.2.3.4]",  "1.2.3.4:99999",
                                        "localhost"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK(!network_read_address(bytes_of_text(wrong[i]), &address));
}

TEST(a_visitor_is_an_address_of_four_bytes_or_a_network_of_eight)
{
    struct address address;
    uint8_t one[16], other[16];

    CHECK(network_read_address(BYTES("192.0.2.1"), &address));
    CHECK(network_visitor(&address, one) == 4);
    CHECK(network_read_address(BYTES("::ffff:192.0.2.1"), &address));
    CHECK(network_visitor(&address, other) == 4 && memcmp(one, other, 4) == 0);
    CHECK(network_read_address(BYTES("2001:db8::1"), &address));
    CHECK(network_visitor(&address, one) == 8);
    CHECK(network_read_address(BYTES("2001:db8::ffff"), &address));
    CHECK(network_visitor(&address, other) == 8 && memcmp(one, other, 8) == 0);
}
