/* SPDX-License-Identifier: MIT */
#include "t.h"
#include "bench/template.h"

#include <stdio.h>

static bool writes(const struct template *template, struct template_fill fill, struct bytes text)
{
    struct buf out;

    buf_init(&out, 1 << 20, NULL);
    template_write(template, &fill, &out);
    bool same = bytes_equal(buf_bytes(&out), text);

    if (!same)
        (void)printf("         wrote %.*s\n", BYTES_ARG(buf_bytes(&out)));
    buf_fini(&out);
    return same;
}

static const struct template_rules plain = {.exponent = 0};
static const struct template_rules resp = {.key_width = 12, .values = true};

TEST(a_key_stands_wherever_it_is_named)
{
    struct template template;
    struct fault fault;

    template_init(&template);
    CHECK(template_add(&template, BYTES("/a/{key}?again={key}"), &plain, &fault) == ERR_OK);
    CHECK(template.has_key);
    CHECK(writes(&template, (struct template_fill){.key = 0}, BYTES("/a/0?again=0")));
    CHECK(writes(&template, (struct template_fill){.key = 98765}, BYTES("/a/98765?again=98765")));
    CHECK(writes(&template, (struct template_fill){.key = 7, .key_width = 3},
                 BYTES("/a/007?again=007")));
}

TEST(a_range_draws_every_number_in_it_and_no_other)
{
    struct template template;
    struct fault fault;
    struct random random;
    unsigned seen[10] = {0};

    random_init(&random, 1);
    template_init(&template);
    CHECK(template_add(&template, BYTES("x{3-5}"), &plain, &fault) == ERR_OK);
    CHECK(!template.has_key);
    for (unsigned i = 0; i < 300; i++) {
        struct buf out;

        buf_init(&out, 4096, NULL);
        template_write(&template, &(struct template_fill){.random = &random}, &out);
        CHECK(out.size == 2 && out.data[0] == 'x');
        CHECK(out.data[1] >= '3' && out.data[1] <= '5');
        seen[out.data[1] - '0']++;
        buf_fini(&out);
    }
    CHECK(seen[3] > 50 && seen[4] > 50 && seen[5] > 50);
}

TEST(a_command_is_written_word_by_word_with_lengths)
{
    struct template template;
    struct fault fault;

    template_init(&template);
    CHECK(template_add_plain(&template, BYTES("*3\r\n"), &fault) == ERR_OK);
    CHECK(template_add_word(&template, BYTES("SET"), &resp, &fault) == ERR_OK);
    CHECK(template_add_word(&template, BYTES("key:{key}"), &resp, &fault) == ERR_OK);
    CHECK(template_add_word(&template, BYTES("{value}"), &resp, &fault) == ERR_OK);
    CHECK(template.has_value);
    CHECK(writes(&template,
                 (struct template_fill){.key = 5, .key_width = 12, .value = BYTES("xyz")},
                 BYTES("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000005\r\n$3\r\nxyz\r\n")));
    CHECK(writes(&template, (struct template_fill){.key = 12345, .key_width = 12},
                 BYTES("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$0\r\n\r\n")));
}

TEST(a_set_of_memcached_ends_with_size_and_bytes)
{
    struct template template;
    struct fault fault;

    template_init(&template);
    CHECK(template_add(&template, BYTES("set k{key} 0 0 "), &plain, &fault) == ERR_OK);
    CHECK(template_add_block(&template, &fault) == ERR_OK);
    CHECK(template.has_value);
    CHECK(writes(&template, (struct template_fill){.key = 12, .value = BYTES("hello")},
                 BYTES("set k12 0 0 5\r\nhello\r\n")));
    CHECK(writes(&template, (struct template_fill){.key = 0}, BYTES("set k0 0 0 0\r\n\r\n")));
}

TEST(numbers_of_every_length_are_written_whole)
{
    struct template template;
    struct fault fault;
    uint64_t power = 1;

    template_init(&template);
    CHECK(template_add(&template, BYTES("{key}"), &plain, &fault) == ERR_OK);
    for (unsigned digits = 1; digits <= 19; digits++, power *= 10) {
        for (uint64_t number = power - 1; number <= power + 1; number++) {
            char text[32];
            int size = snprintf(text, sizeof text, "%llu", (unsigned long long)number);

            CHECK(writes(&template, (struct template_fill){.key = number},
                         bytes_of(text, (size_t)size)));
            size = snprintf(text, sizeof text, "%012llu", (unsigned long long)number);
            CHECK(writes(&template, (struct template_fill){.key = number, .key_width = 12},
                         bytes_of(text, (size_t)size)));
        }
    }
}

TEST(a_key_of_fixed_width_gives_the_same_command_as_one_that_is_measured)
{
    static const struct template_rules fixed = {.key_width = 4, .key_max = 9999, .values = true};
    static const struct template_rules loose = {.key_width = 4, .key_max = 10000, .values = true};
    struct template known, measured;
    struct fault fault;

    template_init(&known);
    template_init(&measured);
    CHECK(template_add_word(&known, BYTES("a{key}b{key}"), &fixed, &fault) == ERR_OK);
    CHECK(template_add_word(&measured, BYTES("a{key}b{key}"), &loose, &fault) == ERR_OK);
    CHECK(known.pieces[0].kind == PIECE_TEXT && measured.pieces[0].kind == PIECE_WORD);
    struct template_fill fill = {.key = 42, .key_width = 4};

    CHECK(writes(&known, fill, BYTES("$10\r\na0042b0042\r\n")));
    CHECK(writes(&measured, fill, BYTES("$10\r\na0042b0042\r\n")));
    fill.key = 10000;
    CHECK(writes(&measured, fill, BYTES("$12\r\na10000b10000\r\n")));
}

TEST(keys_of_every_length_have_all_their_digits)
{
    struct template template;
    struct fault fault;
    char wanted[32];

    template_init(&template);
    CHECK(template_add(&template, BYTES("<{key}>"), &plain, &fault) == ERR_OK);
    for (uint64_t number = 1; number < UINT64_C(1) << 60; number = number * 3 + 1) {
        (void)snprintf(wanted, sizeof wanted, "<%llu>", (unsigned long long)number);
        CHECK(writes(&template, (struct template_fill){.key = number}, bytes_of_text(wanted)));
        (void)snprintf(wanted, sizeof wanted, "<%019llu>", (unsigned long long)number);
        CHECK(writes(&template, (struct template_fill){.key = number, .key_width = 19},
                     bytes_of_text(wanted)));
    }
}

TEST(long_texts_are_not_copied_and_come_out_whole)
{
    static char text[5000];
    struct template template;
    struct fault fault;

    memset(text, 't', sizeof text - 1);
    template_init(&template);
    CHECK(template_add_plain(&template, BYTES("a"), &fault) == ERR_OK);
    CHECK(template_add_plain(&template, bytes_of_text(text), &fault) == ERR_OK);
    CHECK(template.pieces[1].text.data == (uint8_t *)text);
    struct buf out;

    buf_init(&out, 1 << 20, NULL);
    template_write(&template, &(struct template_fill){.key = 0}, &out);
    CHECK(out.size == sizeof text);
    buf_fini(&out);
}

TEST(long_words_get_long_lengths)
{
    struct template template;
    struct fault fault;
    char word[121] = {0}, wanted[200];

    memset(word, 'w', 120);
    (void)snprintf(wanted, sizeof wanted, "$120\r\n%s\r\n", word);
    template_init(&template);
    CHECK(template_add_word(&template, bytes_of_text(word), &resp, &fault) == ERR_OK);
    CHECK(writes(&template, (struct template_fill){.key = 0}, bytes_of_text(wanted)));
}

TEST(what_is_no_gap_is_refused_with_a_sentence)
{
    static const char *const wrong[] = {"{",       "{key",
                                        "{}",      "{1-}",
                                        "{-1}",    "{5-3}",
                                        "{a-b}",   "{1-99999999999999999999}",
                                        "{Key}",   "{0-281474976710656}",
                                        "{value}", "x{1-2}{3"};

    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct template template;
        struct fault fault = {.text = ""};

        template_init(&template);
        CHECK(template_add(&template, bytes_of_text(wrong[i]), &plain, &fault) == ERR_SYNTAX);
        CHECK(fault.text[0] != '\0');
    }
}

TEST(too_many_gaps_are_refused)
{
    struct template template;
    struct fault fault;
    enum err err = ERR_OK;

    template_init(&template);
    for (unsigned i = 0; i < 1000 && err == ERR_OK; i++)
        err = template_add(&template, BYTES("{key}"), &plain, &fault);
    CHECK(err == ERR_FULL);
}
