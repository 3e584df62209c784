/* The promises of base/glob.h, base/guess.h and base/err.h. SPDX-License-Identifier: MIT */
#include "t.h"
#include "base/err.h"
#include "base/glob.h"
#include "base/guess.h"

#include <string.h>

static bool fits(const char *pattern, const char *text)
{
    return glob_fits(bytes_of_text(pattern), bytes_of_text(text));
}

TEST(patterns_fit_the_whole_text)
{
    CHECK(fits("*", "") && fits("*", "anything") && fits("", "") && !fits("", "a"));
    CHECK(fits("utm_*", "utm_source") && !fits("utm_*", "xutm_source"));
    CHECK(fits("h?llo", "hello") && !fits("h?llo", "hllo"));
    CHECK(fits("h[ae]llo", "hallo") && !fits("h[ae]llo", "hillo"));
    CHECK(fits("h[^e]llo", "hallo") && !fits("h[^e]llo", "hello"));
    CHECK(fits("h[a-c]llo", "hbllo") && fits("h[c-a]llo", "hbllo") && !fits("h[a-c]llo", "hdllo"));
    CHECK(fits("a\\*b", "a*b") && !fits("a\\*b", "axb"));
    CHECK(fits("*a*b*c", "xxaxxbxxc") && !fits("*a*b*c", "xxaxxcxxb"));
    CHECK(fits("[", "[") == false);
}

TEST(a_hostile_pattern_costs_text_times_pattern_at_the_worst)
{
    char pattern[201], text[20001];

    for (size_t i = 0; i < 200; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(text, 'a', 20000);
    text[20000] = '\0';
    CHECK(!fits(pattern, text));
}

TEST(a_near_word_is_guessed_and_a_far_one_is_not)
{
    static const char *const words[] = {"memory", "policy", "listen", "routes", "ttl"};

    CHECK(strcmp(guess(BYTES("memroy"), words, 5), "memory") == 0);
    CHECK(strcmp(guess(BYTES("Route"), words, 5), "routes") == 0);
    CHECK(strcmp(guess(BYTES("tll"), words, 5), "ttl") == 0);
    CHECK(guess(BYTES("zebra"), words, 5) == NULL);
    CHECK(guess(BYTES(""), words, 5) == NULL);
}

static enum err refuse(void)
{
    return ERR_TOO_BIG;
}

static enum err pass_on(int *ret_reached)
{
    TRY(refuse());
    *ret_reached = 1;
    return ERR_OK;
}

TEST(try_leaves_at_the_first_error_and_touches_no_result)
{
    int reached = 0;

    CHECK(pass_on(&reached) == ERR_TOO_BIG);
    CHECK(reached == 0);
}

TEST(every_error_has_a_name_a_text_and_a_class)
{
    for (unsigned err = 0; err < ERR_COUNT; err++) {
        CHECK(strlen(err_name((enum err)err)) > 0);
        CHECK(strlen(err_text((enum err)err)) > 0);
        CHECK((err_class((enum err)err) == ERR_CLASS_NONE) == (err == ERR_OK));
    }
}
