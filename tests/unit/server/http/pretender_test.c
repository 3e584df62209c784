/* The promises of server/http/pretender.h. SPDX-License-Identifier: MIT */
#include "server/http/pretender.h"
#include "t.h"

TEST(what_names_another_url_method_or_client_is_a_pretender)
{
    static const char *const pretenders[] = {
        "X-Original-URI", "x-http-method",        "X-Method-Override", "X-Host",   "X-Real-IP",
        "X-Forwarded",    "X-Forwarded-Anything", "X_Forwarded_Whim",  "X-REAL_ip"};

    for (size_t i = 0; i < sizeof pretenders / sizeof pretenders[0]; i++)
        CHECK(pretender_is(bytes_of_text(pretenders[i])));
}

TEST(a_known_name_with_underscores_is_a_pretender)
{
    CHECK(pretender_is(BYTES("Content_Length")) && pretender_is(BYTES("transfer_encoding")));
    CHECK(pretender_is(BYTES("X_Original_URL")) && pretender_is(BYTES("x_forwarded_for")));
    CHECK(pretender_is(BYTES("User_Agent")) && pretender_is(BYTES("If_None-Match")));
}

TEST(other_names_are_left_alone)
{
    static const char *const others[] = {
        "X-Own",       "X_Own",           "X-Request-Id",
        "Proxy-Thing", "X-Forward",       "Cookie_",
        "_",           "X-Original-URLs", "A-Name-That-Is-Longer-Than-Any-Pretender"};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK(!pretender_is(bytes_of_text(others[i])));
}
