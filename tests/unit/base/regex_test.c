/* The promises of base/regex.h. SPDX-License-Identifier: MIT */
#include "base/regex.h"
#include "t.h"

#include <string.h>

static bool fits(const char *pattern, const char *text)
{
    struct fault fault = {.line = 0};
    struct regex *regex = NULL;

    CHECK(regex_new(bytes_of_text(pattern), &regex, &fault) == ERR_OK);
    bool is_fit = regex_fits(regex, bytes_of_text(text));

    regex_free(&regex);
    return is_fit;
}

TEST(a_part_that_fits_is_enough_unless_anchored)
{
    CHECK(fits("/products/[0-9]+", "http://a/products/7?x=1"));
    CHECK(!fits("/products/[0-9]+$", "http://a/products/7?x=1"));
    CHECK(!fits("^/products", "http://a/products/7"));
    CHECK(fits("\\.(png|jpe?g)$", "http://a/b.jpeg"));
    CHECK(!fits("x", ""));
}

TEST(a_mistake_is_told_with_its_place)
{
    struct fault fault = {.line = 0};
    struct regex *regex = NULL;

    CHECK(regex_new(BYTES("a(b"), &regex, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "character 4") != NULL);
    CHECK(regex_new(BYTES(""), &regex, &fault) == ERR_SYNTAX);
}

TEST(an_expression_that_is_too_long_is_refused)
{
    struct fault fault = {.line = 0};
    struct regex *regex = NULL;
    char text[REGEX_SIZE_MAX + 1];

    memset(text, 'a', sizeof text);
    CHECK(regex_new(bytes_of(text, sizeof text), &regex, &fault) == ERR_TOO_BIG);
}

TEST(what_would_run_for_ages_counts_as_a_fit)
{
    CHECK(fits("^(a|aa|a?a)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
}
