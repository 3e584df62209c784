/* The promises of server/http/stream.h. SPDX-License-Identifier: MIT */
#include "server/http/stream.h"

#include "base/mem.h"
#include "t.h"

#include <string.h>

static unsigned wakes;
static unsigned frees;
static unsigned attended;

static void count_free(struct stream *stream)
{
    stream_fini(stream);
    frees++;
}

static void count_attend(struct stream *stream)
{
    (void)stream;
    attended++;
}

static void count_wake(struct reader *reader)
{
    (void)reader;
    wakes++;
}

struct place {
    struct loop *loop;
    struct account account;
    struct stream stream;
};

static void place_init(struct place *place)
{
    wakes = frees = attended = 0;
    CHECK(loop_new(NULL, &place->loop) == ERR_OK);
    account_init(&place->account, NULL, 0);
    stream_init(&place->stream, place->loop, &place->account);
    place->stream.over = count_free;
    place->stream.attend = count_attend;
    place->stream.window = 1000;
}

static void place_fini(struct place *place)
{
    stream_orphan(&place->stream);
    loop_turn(place->loop, 0);
    stream_drop(&place->stream);
    CHECK(frees == 1);
    CHECK(account_used(&place->account) == 0);
    loop_free(&place->loop);
}

static void attach(struct place *place, struct reader *reader)
{
    reader_init(reader, place->loop, count_wake);
    stream_hold(&place->stream);
    CHECK(reader_attach(reader, &place->stream));
}

/* Reads all that is there and checks that it is the count of bytes from `from` on. */
static size_t read_all(struct reader *reader, size_t from)
{
    struct bytes piece;

    while (reader_peek(reader, &piece)) {
        for (size_t i = 0; i < piece.size; i++)
            CHECK(piece.data[i] == (uint8_t)(from + i));
        from += piece.size;
        reader_advance(reader, piece.size);
    }
    return from;
}

static void write_some(struct place *place, size_t from, size_t count)
{
    uint8_t bytes[5000];

    CHECK(count <= sizeof bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(from + i);
    CHECK(stream_add(&place->stream, bytes_of(bytes, count), false) == count);
}

TEST(every_reader_gets_every_byte_at_its_own_pace)
{
    struct place place;
    struct reader early;
    struct reader late;

    place_init(&place);
    attach(&place, &early);
    for (size_t at = 0; at < 50000; at += 5000) {
        write_some(&place, at, 5000);
        CHECK(read_all(&early, at) == at + 5000);
    }
    attach(&place, &late);
    CHECK(read_all(&late, 0) == 50000);
    CHECK(!reader_peek(&early, &(struct bytes){NULL, 0}));
    reader_detach(&early);
    reader_detach(&late);
    place_fini(&place);
}

TEST(readers_are_woken_once_a_turn_by_bytes_and_by_stages)
{
    struct place place;
    struct reader reader;

    place_init(&place);
    attach(&place, &reader);
    write_some(&place, 0, 10);
    write_some(&place, 10, 10);
    stream_set_stage(&place.stream, STREAM_WHOLE);
    loop_turn(place.loop, 0);
    CHECK(wakes == 1);
    CHECK(stream_stage(&place.stream) == STREAM_WHOLE);
    reader_detach(&reader);
    place_fini(&place);
}

TEST(a_cut_stream_keeps_only_what_is_not_read_yet)
{
    struct place place;
    struct reader reader;
    struct reader late;

    place_init(&place);
    attach(&place, &reader);
    write_some(&place, 0, 100);
    stream_cut(&place.stream);
    for (size_t at = 0; at < 3000000; at += 5000) {
        if (at > 0)
            write_some(&place, at, 5000);
        else
            write_some(&place, 100, 4900);
        CHECK(read_all(&reader, at) == at + 5000);
    }
    CHECK(account_used(&place.account) < 600000);
    reader_init(&late, place.loop, count_wake);
    stream_hold(&place.stream);
    CHECK(!reader_attach(&late, &place.stream));
    reader_detach(&reader);
    place_fini(&place);
}

TEST(a_chunk_that_was_held_outlives_its_stream)
{
    struct place place;
    struct reader reader;
    struct bytes piece;

    place_init(&place);
    attach(&place, &reader);
    write_some(&place, 0, 100);
    CHECK(reader_peek(&reader, &piece));
    struct chunk *chunk = reader_hold_chunk(&reader);

    reader_detach(&reader);
    stream_orphan(&place.stream);
    loop_turn(place.loop, 0);
    stream_drop(&place.stream);
    CHECK(frees == 1);
    CHECK(piece.data[99] == 99);
    chunk_drop(chunk);
    CHECK(account_used(&place.account) == 0);
    loop_free(&place.loop);
}

TEST(an_account_that_is_full_takes_no_more_unless_forced)
{
    struct place place;
    uint8_t bytes[5000] = {0};

    place_init(&place);
    atomic_store(&place.account.max, (size_t)6000);
    CHECK(stream_add(&place.stream, bytes_of(bytes, 4000), false) == 4000);
    CHECK(stream_add(&place.stream, bytes_of(bytes, 5000), false) < 5000);
    CHECK(stream_reserve(&place.stream, 100000) == ERR_FULL);
    CHECK(stream_add(&place.stream, bytes_of(bytes, 5000), true) == 5000);
    place_fini(&place);
}

TEST(the_owner_is_called_when_a_reader_leaves_or_comes_near)
{
    struct place place;
    struct reader reader;
    struct bytes piece;

    place_init(&place);
    attach(&place, &reader);
    write_some(&place, 0, 2000);
    atomic_store(&place.stream.is_paused, true);
    CHECK(reader_peek(&reader, &piece));
    reader_advance(&reader, 1000);
    loop_turn(place.loop, 0);
    CHECK(attended == 0);
    reader_advance(&reader, 600);
    loop_turn(place.loop, 0);
    CHECK(attended == 1);
    reader_detach(&reader);
    loop_turn(place.loop, 0);
    CHECK(attended == 2);
    place_fini(&place);
}

TEST(the_whole_can_be_copied_from_many_chunks)
{
    struct place place;
    struct bytes piece;
    uint8_t *copy = mem_new(1, 20000);

    place_init(&place);
    for (size_t at = 0; at < 20000; at += 5000)
        write_some(&place, at, 5000);
    CHECK(!stream_is_one_piece(&place.stream, &piece));
    stream_copy(&place.stream, copy);
    for (size_t i = 0; i < 20000; i++)
        CHECK(copy[i] == (uint8_t)i);
    mem_free(&copy);
    place_fini(&place);
}
