/* input_test.c: input that is kept, whatever is left over. SPDX-License-Identifier: MIT */
#include "net/input.h"

#include "base/random.h"
#include "t.h"

enum { SCRATCH = 64 * 1024, MAX = 512 * 1024 };

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 256);
}

static bool fits(struct bytes bytes, size_t at)
{
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] != pattern(at + i))
            return false;
    }
    return true;
}

TEST(a_stream_stays_in_order_however_it_arrives_and_is_consumed)
{
    static uint8_t scratch[SCRATCH];
    struct account account;
    struct input input;
    struct random random;
    size_t arrived = 0, consumed = 0, largest = 0;

    account_init(&account, NULL, 0);
    random_init(&random, 3);
    input_init(&input, &account);
    for (int i = 0; i < 5000; i++) {
        if (input.unread.size < MAX) {
            struct input_room room = input_room(&input, scratch, sizeof scratch, MAX);

            CHECK(room.at != NULL && room.size > 0 && input.unread.size + room.size <= MAX);
            size_t count = (size_t)random_below(&random, i % 3 == 0 ? 50000 : 2000) + 1;

            count = count < room.size ? count : room.size;
            for (size_t k = 0; k < count; k++)
                room.at[k] = pattern(arrived + k);
            input_arrived(&input, room, count);
            arrived += count;
        }
        CHECK(input.unread.size == arrived - consumed);
        CHECK(fits(bytes_slice(input.unread, 0, 300), consumed));
        largest = input.unread.size > largest ? input.unread.size : largest;
        /* Long runs in which little is taken, then everything. */
        size_t some =
            i % 100 < 60 ? (size_t)random_below(&random, 500) : (size_t)random_below(&random, MAX);

        some = some < input.unread.size ? some : input.unread.size;
        input.unread = bytes_skip(input.unread, some);
        consumed += some;
        CHECK(input_keep(&input));
        memset(scratch, 0xee, sizeof scratch); /* another connection had its turn */
        CHECK(account_used(&account) == input.capacity);
    }
    CHECK(largest > 300000);
    CHECK(fits(input.unread, consumed));
    input_fini(&input);
    CHECK(account_used(&account) == 0);
}

TEST(what_is_used_up_leaves_no_memory_behind)
{
    static uint8_t scratch[SCRATCH];
    struct account account;
    struct input input;

    account_init(&account, NULL, 0);
    input_init(&input, &account);
    for (int i = 0; i < 3; i++) {
        struct input_room room = input_room(&input, scratch, sizeof scratch, MAX);

        memset(room.at, 'x', 100);
        input_arrived(&input, room, 100);
        CHECK(input_keep(&input) && account_used(&account) == 256);
        input.unread = bytes_skip(input.unread, 100);
        CHECK(input_keep(&input) && account_used(&account) == 0);
    }
    input_fini(&input);
}
