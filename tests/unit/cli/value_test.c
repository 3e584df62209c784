/* The promises of cli/value.h. SPDX-License-Identifier: MIT */
#include "cli/value.h"
#include "t.h"

static bool reads(enum value_kind kind, const char *text)
{
    const struct setting setting = {"x", kind, "", "", "", "", 0};
    struct fault fault = {.line = 0};
    struct arena arena;
    char record[64] = {0};

    arena_init(&arena, 1 << 20);
    enum err err = value_read(&setting, bytes_of_text(text), &arena, record, &fault);

    arena_fini(&arena);
    CHECK(err == ERR_OK || fault.text[0] != '\0');
    return err == ERR_OK;
}

/* Reads a text and prints the value again. */
static bool prints(enum value_kind kind, const char *text, const char *printed)
{
    const char *lowest = kind == VALUE_ONE_OF ? "off|origin|force" : "";
    const struct setting setting = {"x", kind, text, lowest, "", "", 8};
    struct arena arena;
    struct buf buf;
    char record[64] = {0};

    arena_init(&arena, 1 << 20);
    buf_init(&buf, 1 << 16, NULL);
    value_reset(&setting, &arena, record);
    value_print(&setting, record, &buf);
    bool is_equal = bytes_equal(buf_bytes(&buf), bytes_of_text(printed));

    buf_fini(&buf);
    arena_fini(&arena);
    return is_equal;
}

TEST(a_value_is_printed_as_it_would_be_written)
{
    CHECK(prints(VALUE_SWITCH, "on", "on"));
    CHECK(prints(VALUE_SWITCH, "false", "off"));
    CHECK(prints(VALUE_COUNT, "42", "42"));
    CHECK(prints(VALUE_SHARE, "0.05", "5%"));
    CHECK(prints(VALUE_SIZE, "65536", "64KiB"));
    CHECK(prints(VALUE_DURATION, "90s", "1m30s"));
    CHECK(prints(VALUE_TEXT, "a b", "a b"));
    CHECK(prints(VALUE_ONE_OF, "force", "force"));
    CHECK(prints(VALUE_LIST, "a, b\"", "[\"a\", \"b\\\"\"]"));
    CHECK(prints(VALUE_LIST, "", ""));
    CHECK(prints(VALUE_TEXT, "", ""));
}

TEST(addresses_have_a_host_and_a_port)
{
    CHECK(reads(VALUE_ADDRESS, "127.0.0.1:8080"));
    CHECK(reads(VALUE_ADDRESS, "[::1]:8080"));
    CHECK(reads(VALUE_ADDRESS, ":8080"));
    CHECK(reads(VALUE_ADDRESS, "localhost:0"));
    CHECK(reads(VALUE_ADDRESS, "unix:/run/larder.sock"));
    CHECK(reads(VALUE_ADDRESS, "off"));
    CHECK(!reads(VALUE_ADDRESS, "8080"));
    CHECK(!reads(VALUE_ADDRESS, "::1:8080"));
    CHECK(!reads(VALUE_ADDRESS, "localhost"));
    CHECK(!reads(VALUE_ADDRESS, "localhost:"));
    CHECK(!reads(VALUE_ADDRESS, "localhost:65536"));
    CHECK(!reads(VALUE_ADDRESS, "local host:80"));
    CHECK(!reads(VALUE_ADDRESS, "http://localhost:80"));
    CHECK(!reads(VALUE_ADDRESS, "unix:"));
}

TEST(urls_of_origins_have_no_path)
{
    CHECK(reads(VALUE_URL, "http://127.0.0.1:8000"));
    CHECK(reads(VALUE_URL, "http://127.0.0.1:8000/"));
    CHECK(reads(VALUE_URL, "http://shop.example"));
    CHECK(reads(VALUE_URL, "http://[::1]:80"));
    CHECK(reads(VALUE_URL, "https://shop.example"));
    CHECK(!reads(VALUE_URL, "ftp://shop.example"));
    CHECK(!reads(VALUE_URL, "shop.example:80"));
    CHECK(!reads(VALUE_URL, "http://shop.example/api"));
    CHECK(!reads(VALUE_URL, "http://"));
    CHECK(!reads(VALUE_URL, "http://:80"));
    CHECK(!reads(VALUE_URL, "http://a:b"));
}

TEST(texts_are_not_empty_and_not_endless)
{
    static char text[10000];

    CHECK(reads(VALUE_TEXT, "x"));
    CHECK(!reads(VALUE_TEXT, ""));
    memset(text, 'x', sizeof text - 1);
    CHECK(!reads(VALUE_TEXT, text));
}
