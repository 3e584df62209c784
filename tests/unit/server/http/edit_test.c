/* edit_test.c: fields that a route edits. SPDX-License-Identifier: MIT */
#include "server/http/edit.h"

#include "t.h"

#include <string.h>

static enum err compile(const char *set, const char *removed, struct edits *ret_edits)
{
    static struct fault fault;
    const char *sets[] = {set};
    const char *removes[] = {removed};
    const struct text_list set_list = {sets, set != NULL};
    const struct text_list removed_list = {removes, removed != NULL};

    return edits_compile(&set_list, &removed_list, "r", "headers", ret_edits, &fault);
}

TEST(what_is_set_stands_in_the_place_of_the_others)
{
    struct edits edits;
    struct buf out;

    CHECK(compile("X-A:  b: c ", "X-D", &edits) == ERR_OK);
    CHECK(edits_take(&edits, BYTES("x-a")));
    CHECK(edits_take(&edits, BYTES("x-d")));
    CHECK(!edits_take(&edits, BYTES("x")));
    CHECK(edits_set(&edits, BYTES("X-a")));
    CHECK(!edits_set(&edits, BYTES("X-D")));
    buf_init(&out, 100, NULL);
    edits_write(&edits, &out);
    CHECK(bytes_equal(buf_bytes(&out), BYTES("X-A: b: c\r\n")));
    buf_fini(&out);
}

TEST(what_cannot_be_a_field_is_refused)
{
    struct edits edits;

    CHECK(compile("no colon", NULL, &edits) == ERR_SYNTAX);
    CHECK(compile(": value", NULL, &edits) == ERR_SYNTAX);
    CHECK(compile("X A: value", NULL, &edits) == ERR_SYNTAX);
    CHECK(compile("X-A: a\r\nX-B: c", NULL, &edits) == ERR_SYNTAX);
    CHECK(compile(NULL, "X-A:", &edits) == ERR_SYNTAX);
    CHECK(compile(NULL, "", &edits) == ERR_SYNTAX);
}

TEST(the_frame_of_a_message_is_not_edited)
{
    struct edits edits;

    CHECK(compile("Content-Length: 1", NULL, &edits) == ERR_SYNTAX);
    CHECK(compile("transfer-encoding: chunked", NULL, &edits) == ERR_SYNTAX);
    CHECK(compile(NULL, "Connection", &edits) == ERR_SYNTAX);
    CHECK(compile(NULL, "Host", &edits) == ERR_SYNTAX);
}

TEST(more_than_there_is_room_for_are_refused)
{
    const char *names[EDITS_MAX + 1];
    struct edits edits;
    struct fault fault;
    struct text_list none = {NULL, 0};

    for (size_t i = 0; i <= EDITS_MAX; i++)
        names[i] = "X-A";
    CHECK(edits_compile(&none, &(struct text_list){names, EDITS_MAX}, "r", "headers", &edits,
                        &fault) == ERR_OK);
    CHECK(edits_compile(&none, &(struct text_list){names, EDITS_MAX + 1}, "r", "headers", &edits,
                        &fault) == ERR_SYNTAX);
}
