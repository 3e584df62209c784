/* head.h: heads for the tests of proto/, made of text. SPDX-License-Identifier: MIT */
#ifndef LARDER_TESTS_PROTO_HEAD_H
#define LARDER_TESTS_PROTO_HEAD_H

#include "proto/http.h"
#include "t.h"

/* Copies without a NUL; returns how many bytes. */
static inline size_t put(void *to, struct bytes text)
{
    memcpy(to, text.data, text.size);
    return text.size;
}

/* The text has to be a good message: its fields are those of the head. */
static inline void head_of_request(struct http_head *head, struct bytes text)
{
    static const struct http_limits limits = {16384, 4096, HTTP_FIELDS_MAX};
    struct http_complaint complaint;
    size_t size = 0;

    CHECK(http_parse_request(text, &limits, head, &size, &complaint) == ERR_OK);
}

static inline void head_of_response(struct http_head *head, struct bytes text)
{
    static const struct http_limits limits = {16384, 4096, HTTP_FIELDS_MAX};
    struct http_complaint complaint;
    size_t size = 0;

    CHECK(http_parse_response(text, &limits, false, head, &size, &complaint) == ERR_OK);
}

#define GET(lines)       BYTES("GET / HTTP/1.1\r\nHost: a\r\n" lines "\r\n")
#define ANSWER(lines)    BYTES("HTTP/1.1 200 OK\r\n" lines "\r\n")
#define STATUS(n, lines) BYTES("HTTP/1.1 " #n " X\r\n" lines "\r\n")

#endif
