/* The promises of server/http/spoof.h. SPDX-License-Identifier: MIT */
#include "server/http/spoof.h"
#include "t.h"

TEST(what_names_another_url_method_or_client_is_spoofing)
{
    static const char *const spoofs[] = {
        "X-Original-URI", "x-http-method",        "X-Method-Override", "X-Host",   "X-Real-IP",
        "X-Forwarded",    "X-Forwarded-Anything", "X_Forwarded_Whim",  "X-REAL_ip"};

    for (size_t i = 0; i < sizeof spoofs / sizeof spoofs[0]; i++)
        CHECK(spoof_is(bytes_of_text(spoofs[i])));
}

TEST(a_known_name_with_underscores_is_spoofing)
{
    CHECK(spoof_is(BYTES("Content_Length")) && spoof_is(BYTES("transfer_encoding")));
    CHECK(spoof_is(BYTES("X_Original_URL")) && spoof_is(BYTES("x_forwarded_for")));
    CHECK(spoof_is(BYTES("User_Agent")) && spoof_is(BYTES("If_None-Match")));
}

TEST(other_names_are_left_alone)
{
    static const char *const others[] = {
        "X-Own",       "X_Own",           "X-Request-Id",
        "Proxy-Thing", "X-Forward",       "Cookie_",
        "_",           "X-Original-URLs", "A-Name-That-Is-Longer-Than-Any-Known-One"};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK(!spoof_is(bytes_of_text(others[i])));
}
