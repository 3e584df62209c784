/* The promises of server/admin/purge_request.h. SPDX-License-Identifier: MIT */
#include "server/admin/purge_request.h"
#include "t.h"

static enum err read_wish(const char *json, struct arena *arena, struct admin_purge *purge,
                          struct fault *fault)
{
    arena_init(arena, 1 << 16);
    return admin_purge_read(bytes_of_text(json), arena, purge, fault);
}

static void check_refused(const char *json, const char *part)
{
    struct fault fault = {.line = 0};
    struct admin_purge purge;
    struct arena arena;

    CHECK(read_wish(json, &arena, &purge, &fault) != ERR_OK);
    CHECK(strstr(fault.text, part) != NULL);
    arena_fini(&arena);
}

TEST(each_way_of_purging_is_understood)
{
    struct fault fault = {.line = 0};
    struct admin_purge purge;
    struct arena arena;

    CHECK(read_wish("{\"tag\": \"product:7\"}", &arena, &purge, &fault) == ERR_OK);
    CHECK(purge.by == ADMIN_PURGE_TAG && bytes_equal(purge.text, BYTES("product:7")));
    CHECK(!purge.soft && !purge.dry_run);
    arena_fini(&arena);
    CHECK(read_wish("{\"url\": \"http://a/b\", \"soft\": true}", &arena, &purge, &fault) == ERR_OK);
    CHECK(purge.by == ADMIN_PURGE_URL && purge.soft);
    arena_fini(&arena);
    CHECK(read_wish("{\"dry_run\": true, \"prefix\": \"http://a/\"}", &arena, &purge, &fault) ==
          ERR_OK);
    CHECK(purge.by == ADMIN_PURGE_PREFIX && purge.dry_run);
    arena_fini(&arena);
    CHECK(read_wish("{\"key\": \"k\", \"db\": 15}", &arena, &purge, &fault) == ERR_OK);
    CHECK(purge.by == ADMIN_PURGE_KEY && purge.database == 15);
    arena_fini(&arena);
    CHECK(read_wish("{\"all\": true}", &arena, &purge, &fault) == ERR_OK);
    CHECK(purge.by == ADMIN_PURGE_ALL);
    arena_fini(&arena);
}

TEST(what_is_not_exactly_a_wish_is_refused)
{
    check_refused("", "no JSON");
    check_refused("{\"tag\": ", "no JSON");
    check_refused("{\"tag\": \"a\"} x", "no JSON");
    check_refused("{\"tag\": \"a\", \"tag\": \"b\"}", "no JSON");
    check_refused("[]", "must be an object");
    check_refused("{}", "say what to purge");
    check_refused("{\"soft\": true}", "say what to purge");
    check_refused("{\"tga\": \"a\"}", "did you mean \"tag\"?");
    check_refused("{\"tag\": \"a\", \"url\": \"http://a/\"}", "exclude each other");
    check_refused("{\"tag\": 7}", "must be a text");
    check_refused("{\"tag\": \"\"}", "must be a text");
    check_refused("{\"all\": false}", "must be true");
    check_refused("{\"tag\": \"a\", \"soft\": 1}", "true or false");
    check_refused("{\"key\": \"a\", \"db\": 16}", "from 0 to 15");
    check_refused("{\"key\": \"a\", \"db\": -1}", "from 0 to 15");
    check_refused("{\"tag\": \"a\", \"db\": 1}", "belongs to");
}

TEST(a_text_that_does_not_fit_is_refused)
{
    struct fault fault = {.line = 0};
    struct admin_purge purge;
    struct arena arena;

    arena_init(&arena, 8);
    CHECK(admin_purge_read(BYTES("{\"tag\": \"0123456789\"}"), &arena, &purge, &fault) == ERR_FULL);
    arena_fini(&arena);
}
