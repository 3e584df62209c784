/* The promises of proto/vary.h. RFC 9110 §12.5 and RFC 9111 §4.1. SPDX-License-Identifier: MIT */
#include "proto/vary.h"

#include "head.h"

static struct http_head head;
static struct vary vary;

static bool written_is(struct bytes wanted)
{
    struct buf out;

    buf_init(&out, 4096, NULL);
    vary_write(&vary, &out);
    bool same = bytes_equal(buf_bytes(&out), wanted);

    buf_fini(&out);
    return same;
}

TEST(names_are_sorted_each_once_without_their_case_12_5_5)
{
    head_of_response(&head, ANSWER("Vary: X-b, accept-encoding ,,Accept\r\nVary: ACCEPT, x-A\r\n"));
    CHECK(vary_of(&head, &vary) == ERR_OK);
    CHECK(!vary.any);
    CHECK(vary.count == 4);
    CHECK(vary.ids[0] == HTTP_ACCEPT && vary.ids[1] == HTTP_ACCEPT_ENCODING);
    CHECK(vary.ids[2] == HTTP_OTHER);
    CHECK(written_is(BYTES("accept,accept-encoding,x-a,x-b")));
    CHECK(vary_parse(BYTES("accept,accept-encoding,x-a,x-b"), &vary) == ERR_OK);
    CHECK(written_is(BYTES("accept,accept-encoding,x-a,x-b")));
    head_of_response(&head, ANSWER(""));
    CHECK(vary_of(&head, &vary) == ERR_OK);
    CHECK(vary.count == 0 && !vary.any);
}

TEST(an_asterisk_anywhere_or_nonsense_fits_no_request_rfc_9111_4_1)
{
    head_of_response(&head, ANSWER("Vary: Accept\r\nVary: Cookie, *\r\n"));
    CHECK(vary_of(&head, &vary) == ERR_OK);
    CHECK(vary.any);
    CHECK(written_is(BYTES("*")));
    CHECK(vary_parse(BYTES("accept encoding"), &vary) == ERR_OK);
    CHECK(vary.any);
    CHECK(vary_parse(BYTES("\"accept\""), &vary) == ERR_OK);
    CHECK(vary.any);
}

TEST(a_vary_that_names_nothing_is_none)
{
    head_of_response(&head, ANSWER(""));
    CHECK(!vary_is_named(&head));
    head_of_response(&head, ANSWER("Vary: \r\nVary: ,\r\n"));
    CHECK(!vary_is_named(&head));
    head_of_response(&head, ANSWER("Vary: ,\r\nVary: Accept\r\n"));
    CHECK(vary_is_named(&head));
    head_of_response(&head, ANSWER("Vary: *\r\n"));
    CHECK(vary_is_named(&head));
}

TEST(more_names_than_the_limit_are_an_error)
{
    CHECK(vary_parse(BYTES("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"), &vary) == ERR_OK);
    CHECK(vary.count == VARY_NAMES_MAX);
    CHECK(vary_parse(BYTES("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,A"), &vary) == ERR_OK);
    CHECK(vary_parse(BYTES("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"), &vary) == ERR_TOO_BIG);
}

static bool value_is(struct bytes request, enum http_name id, struct bytes wanted)
{
    struct buf out;

    head_of_request(&head, request);
    buf_init(&out, 4096, NULL);
    bool found = vary_value(&head, id, http_name_text(id), VARY_NORMALISE, &out);
    bool same = found && bytes_equal(buf_bytes(&out), wanted);

    buf_fini(&out);
    return same;
}

#define ENCODING_IS(lines, wanted) CHECK(value_is(GET(lines), HTTP_ACCEPT_ENCODING, BYTES(wanted)))

TEST(accept_encoding_is_a_set_in_a_fixed_order_12_5_3)
{
    ENCODING_IS("Accept-Encoding: gzip, deflate, br, zstd\r\n", "br, zstd, gzip");
    ENCODING_IS("Accept-Encoding: ZSTD;q=0.5,BR;q=0.1 , gzip;q=1.000\r\n", "br, zstd, gzip");
    ENCODING_IS("Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", "br, gzip");
    ENCODING_IS("Accept-Encoding: x-gzip\r\n", "gzip");
    ENCODING_IS("Accept-Encoding: deflate\r\n", "identity");
    ENCODING_IS("Accept-Encoding: identity\r\n", "identity");
    ENCODING_IS("Accept-Encoding:\r\n", "identity");
    ENCODING_IS("", "identity");
}

TEST(a_weight_of_0_refuses_a_coding_12_5_3)
{
    ENCODING_IS("Accept-Encoding: br;q=0, gzip\r\n", "gzip");
    ENCODING_IS("Accept-Encoding: br; q=0.000, gzip;q=0.001\r\n", "gzip");
    ENCODING_IS("Accept-Encoding: *\r\n", "br, zstd, gzip");
    ENCODING_IS("Accept-Encoding: *, br;q=0\r\n", "zstd, gzip");
    ENCODING_IS("Accept-Encoding: *;q=0\r\n", "identity;q=0");
    ENCODING_IS("Accept-Encoding: gzip, *;q=0\r\n", "gzip, identity;q=0");
    ENCODING_IS("Accept-Encoding: gzip, identity;q=0\r\n", "gzip, identity;q=0");
    ENCODING_IS("Accept-Encoding: identity;q=0.5, *;q=0\r\n", "identity");
    ENCODING_IS("Accept-Encoding: br;q=2, gzip;q=0.0001, zstd;q=x\r\n", "identity");
    ENCODING_IS("Accept-Encoding: br;q=0.x, gzip;q=1.1, zstd;q=, identity\r\n", "identity");
}

#define LANGUAGE_IS(lines, wanted) CHECK(value_is(GET(lines), HTTP_ACCEPT_LANGUAGE, BYTES(wanted)))

TEST(accept_language_is_ordered_by_weight_and_lower_case_12_5_4)
{
    LANGUAGE_IS("Accept-Language: en;q=0.80, da, en-GB ; q=0.9\r\n", "da, en-gb;q=0.9, en;q=0.8");
    LANGUAGE_IS("Accept-Language: DE,en\r\nAccept-Language: fr;q=1.0\r\n", "de, en, fr");
    LANGUAGE_IS("Accept-Language: *, en;q=0\r\n", "*, en;q=0");
    LANGUAGE_IS("Accept-Language: en;q=0.125\r\n", "en;q=0.125");
    LANGUAGE_IS("Accept-Language: en;q=7, de\r\n", "en;q=7, de"); /* makes no sense: as sent */
}

TEST(accept_is_ordered_by_weight_and_keeps_its_parameters_12_5_1)
{
    CHECK(value_is(GET("Accept: text/*;q=0.3, Text/HTML;Level=1; q=0.7,*/*;q=0.5, "
                       "text/x;a=\"b;q=0\"\r\n"),
                   HTTP_ACCEPT,
                   BYTES("text/x;a=\"b;q=0\", text/html;Level=1;q=0.7, */*;q=0.5, text/*;q=0.3")));
    CHECK(value_is(GET("Accept: */*\r\n"), HTTP_ACCEPT, BYTES("*/*")));
    CHECK(value_is(GET("Accept: a/b;c=\"\\\";q=0\";q=0.1, d/e\r\n"), HTTP_ACCEPT,
                   BYTES("d/e, a/b;c=\"\\\";q=0\";q=0.1")));
    /* to put it elsewhere would have the open quote swallow its neighbour */
    CHECK(value_is(GET("Accept: a/b;q=0.1, c\"\r\n"), HTTP_ACCEPT, BYTES("a/b;q=0.1, c\"")));
    head_of_request(&head, GET(""));
    struct buf out;

    buf_init(&out, 64, NULL);
    CHECK(!vary_value(&head, HTTP_ACCEPT, BYTES("Accept"), VARY_NORMALISE, &out));
    CHECK(out.size == 0);
}

TEST(other_fields_are_taken_as_sent)
{
    CHECK(value_is(GET("Cookie: a=b,  c\r\nCookie: D\r\n"), HTTP_COOKIE, BYTES("a=b,  c, D")));
    struct buf out;

    head_of_request(&head, GET("Accept: B, a\r\n"));
    buf_init(&out, 64, NULL);
    CHECK(vary_value(&head, HTTP_ACCEPT, BYTES("Accept"), VARY_EXACT, &out));
    CHECK(bytes_equal(buf_bytes(&out), BYTES("B, a")));
    buf_fini(&out);
}

static bool key_is(struct bytes names, struct bytes request, struct bytes wanted)
{
    struct buf out;

    CHECK(vary_parse(names, &vary) == ERR_OK);
    head_of_request(&head, request);
    buf_init(&out, 4096, NULL);
    vary_key(&vary, &head, &out);
    bool same = bytes_equal(buf_bytes(&out), wanted);

    buf_fini(&out);
    return same;
}

TEST(a_variants_key_tells_absent_from_empty_rfc_9111_4_1)
{
    struct bytes names = BYTES("x-own, Accept-Encoding, Cookie");

    CHECK(key_is(names, GET(""), BYTES("accept-encoding:identity\ncookie\nx-own\n")));
    CHECK(key_is(names, GET("X-OWN:\r\nCookie: a\r\nAccept-Encoding: gzip\r\n"),
                 BYTES("accept-encoding:gzip\ncookie:a\nx-own:\n")));
    CHECK(key_is(BYTES(""), GET("X: y\r\n"), BYTES("")));
}

TEST(codings_tell_which_variants_a_client_takes)
{
    head_of_request(&head, GET("Accept-Encoding: br, identity;q=0\r\n"));
    struct vary_codings codings = vary_codings_of(&head);

    CHECK(codings.br && !codings.zstd && !codings.gzip && !codings.identity);
}

TEST(a_buffer_that_is_full_says_so)
{
    struct buf out;

    CHECK(vary_parse(BYTES("accept-encoding,accept-language"), &vary) == ERR_OK);
    buf_init(&out, 20, NULL);
    vary_write(&vary, &out);
    CHECK(buf_failed(&out) == ERR_FULL);
    buf_fini(&out);
}
