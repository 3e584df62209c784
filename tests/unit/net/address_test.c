/* address_test.c: addresses as people write them. SPDX-License-Identifier: MIT */
#include "net/address.h"

#include "t.h"

#include <stdio.h>

static bool reads(const char *text, const char *back, unsigned port)
{
    struct address address;
    struct fault fault = {0};
    char told[ADDRESS_TEXT_SIZE];

    if (address_parse(bytes_of_text(text), &address, &fault) != ERR_OK)
        return false;
    address_text(&address, told);
    return strcmp(told, back) == 0 && address_port(&address) == port;
}

static bool refuses(const char *text, const char *hint)
{
    struct address address;
    struct fault fault = {0};
    enum err err = address_parse(bytes_of_text(text), &address, &fault);

    return err != ERR_OK && strstr(fault.text, hint) != NULL;
}

TEST(hosts_with_ports_are_read_and_told_the_same)
{
    CHECK(reads("127.0.0.1:8080", "127.0.0.1:8080", 8080));
    CHECK(reads("0.0.0.0:0", "0.0.0.0:0", 0));
    CHECK(reads("[::1]:65535", "[::1]:65535", 65535));
    CHECK(reads("[2001:db8::1]:1", "[2001:db8::1]:1", 1));
}

TEST(a_port_alone_is_for_this_machine_only)
{
    CHECK(reads(":8080", "127.0.0.1:8080", 8080));
}

TEST(a_path_is_a_unix_socket)
{
    CHECK(reads("unix:/run/larder.sock", "unix:/run/larder.sock", 0));
    CHECK(reads("unix:relative", "unix:relative", 0));
    CHECK(refuses("unix:", "path"));
    CHECK(refuses("unix:/0123456789012345678901234567890123456789012345678901234567890123456789"
                  "0123456789012345678901234567890123456789",
                  "107"));
}

TEST(what_is_no_address_is_refused_with_a_hint)
{
    CHECK(refuses("", "host:port"));
    CHECK(refuses("8080", "host:port"));
    CHECK(refuses("localhost", "host:port"));
    CHECK(refuses("127.0.0.1:", "no port"));
    CHECK(refuses("127.0.0.1:65536", "no port"));
    CHECK(refuses("127.0.0.1:http", "no port"));
    CHECK(refuses("127.0.0.1:-1", "no port"));
    CHECK(refuses("127.0.0.1: 80", "no port"));
    CHECK(refuses("::1:8080", "brackets"));
    CHECK(refuses("[::g]:8080", "no IPv6"));
    CHECK(refuses("[127.0.0.1]:8080", "no IPv6"));
    CHECK(refuses("[]:8080", "host:port"));
    CHECK(refuses("http://127.0.0.1:80", "URL"));
    CHECK(refuses("127.0.0.1/x:80", "host:port"));
}

TEST(a_name_that_nobody_can_know_is_told)
{
    CHECK(refuses("a..b:80", "a..b cannot be looked up")); /* no name server is asked */
}

TEST(an_unnamed_end_can_be_told)
{
    struct address address = {.local = {.sun_family = AF_UNIX}, .size = sizeof(sa_family_t)};
    char told[ADDRESS_TEXT_SIZE];

    address_text(&address, told);
    CHECK(strcmp(told, "unix:") == 0);
    address = (struct address){.size = 0};
    address_text(&address, told);
    CHECK(strcmp(told, "unknown") == 0);
}

static bool is_local(const char *text)
{
    struct address address = {.size = 0};
    struct fault fault = {0};

    return address_parse(bytes_of_text(text), &address, &fault) == ERR_OK &&
           address_is_local(&address);
}

TEST(what_only_this_machine_reaches_is_local)
{
    CHECK(is_local("127.0.0.1:80") && is_local("127.9.9.9:80") && is_local("[::1]:80"));
    CHECK(is_local(":80") && is_local("unix:/run/larder.sock"));
    CHECK(!is_local("0.0.0.0:80") && !is_local("[::]:80") && !is_local("10.0.0.1:80"));
}
