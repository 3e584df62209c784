/* The promises of base/buf.h, base/arena.h and base/account.h. SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "t.h"

static bool holds(const struct buf *buf, const char *text)
{
    return bytes_equal(buf_bytes(buf), bytes_of_text(text));
}

TEST(text_is_appended_piece_by_piece)
{
    struct buf buf;

    buf_init(&buf, 1000, NULL);
    buf_add_text(&buf, "a=");
    buf_add_u64(&buf, 0);
    buf_add_byte(&buf, ' ');
    buf_add_i64(&buf, INT64_MIN);
    buf_printf(&buf, " %03d", 7);
    CHECK(holds(&buf, "a=0 -9223372036854775808 007"));
    buf_consume(&buf, 4);
    CHECK(holds(&buf, "-9223372036854775808 007"));
    CHECK(buf_failed(&buf) == ERR_OK);
    buf_fini(&buf);
}

TEST(beyond_its_limit_it_fails_once_and_for_all_and_keeps_what_it_has)
{
    struct buf buf;

    buf_init(&buf, 8, NULL);
    buf_add_text(&buf, "12345");
    buf_add_text(&buf, "6789");
    CHECK(buf_failed(&buf) == ERR_FULL);
    buf_add_byte(&buf, 'x');
    CHECK(holds(&buf, "12345"));
    buf_clear(&buf);
    buf_add_text(&buf, "12345678");
    CHECK(buf_failed(&buf) == ERR_OK);
    buf_fini(&buf);
}

TEST(a_buffer_charges_its_account_and_pays_back)
{
    struct account whole, part;
    struct buf buf;

    account_init(&whole, NULL, 1000);
    account_init(&part, &whole, 0);
    buf_init(&buf, 100000, &part);
    for (int i = 0; i < 500; i++)
        buf_add_byte(&buf, 'x');
    CHECK(buf_failed(&buf) == ERR_OK);
    CHECK(account_used(&part) == buf.capacity && account_used(&whole) == buf.capacity);
    for (int i = 0; i < 2000; i++)
        buf_add_byte(&buf, 'x');
    CHECK(buf_failed(&buf) == ERR_FULL);
    CHECK(account_used(&whole) <= 1000);
    buf_fini(&buf);
    CHECK(account_used(&part) == 0 && account_used(&whole) == 0);
}

TEST(json_is_escaped_and_always_valid_utf8)
{
    struct buf buf;

    buf_init(&buf, 1000, NULL);
    buf_add_json(&buf, BYTES("a\"\\\n\t\x01\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x8d\x8e"));
    CHECK(holds(&buf,
                "a\\\"\\\\\\n\\t\\u0001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                "\xf0\x9f\x8d\x8e"));
    buf_fini(&buf);
}

#ifdef LARDER_DEBUG
TEST(a_refused_allocation_is_remembered_and_nothing_is_charged)
{
    struct account whole;
    struct buf buf;

    account_init(&whole, NULL, 0);
    buf_init(&buf, 1000, &whole);
    mem_fail_at(1);
    buf_add_text(&buf, "lost");
    mem_fail_at(0);
    CHECK(buf_failed(&buf) == ERR_FULL && account_used(&whole) == 0 && buf.size == 0);
    buf_fini(&buf);
}
#endif

TEST(an_account_refuses_at_its_own_ceiling_and_at_the_wholes)
{
    struct account whole, part;

    account_init(&whole, NULL, 100);
    account_init(&part, &whole, 60);
    CHECK(!account_charge(&part, 61));
    CHECK(account_charge(&part, 60));
    CHECK(!account_charge(&part, 1));
    CHECK(account_charge(&whole, 40));
    account_refund(&part, 10);
    CHECK(account_charge(&part, 10));
    account_force(&part, 1000);
    CHECK(account_used(&whole) == 1100);
}

TEST(an_arena_gives_aligned_memory_up_to_its_limit_and_all_of_it_back)
{
    struct arena arena;

    arena_init(&arena, 10000);
    for (int round = 0; round < 3; round++) {
        size_t taken = 0;
        void *place = NULL;

        while ((place = arena_take(&arena, 100)) != NULL) {
            CHECK(((uintptr_t)place & 15) == 0);
            memset(place, round, 100);
            taken += 112;
        }
        CHECK(taken <= 10000 && taken > 5000);
        arena_clear(&arena);
    }
    CHECK(bytes_equal(arena_copy(&arena, BYTES("kept")), BYTES("kept")));
    CHECK(arena_copy(&arena, bytes_of("x", 100000)).data == NULL);
    arena_fini(&arena);
}
