/* The promises of server/http/history.h. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "server/http/history.h"
#include "t.h"

#include <stdio.h>
#include <string.h>

static const struct bytes url = BYTES_INIT("http://a.example/x");

TEST(of_a_url_that_never_came_nothing_is_known)
{
    struct history *history = history_new();
    struct history_url what;

    CHECK(!history_find(history, url, &what));
    history_free(&history);
    CHECK(history == NULL);
}

TEST(storing_and_refusing_are_remembered_beside_each_other)
{
    struct history *history = history_new();
    const struct bytes tags[] = {BYTES_INIT("a"), BYTES_INIT("b")};
    struct history_url what;

    history_stored(history, url, &(struct history_url){.stored_ms = 10, .fresh_until_ms = 70}, tags,
                   2);
    history_refused(history, url, 200, REASON_SET_COOKIE, 20);
    history_invalidated(history, url, 30);
    CHECK(history_find(history, url, &what));
    CHECK(what.stored_ms == 10 && what.fresh_until_ms == 70);
    CHECK(what.refused_ms == 20 && what.reason == REASON_SET_COOKIE && what.status == 200);
    CHECK(what.invalidated_ms == 30);
    CHECK(history_had_tag(&what, BYTES("b")));
    CHECK(!history_had_tag(&what, BYTES("c")));
    CHECK(!what.has_more_tags);
    history_free(&history);
}

TEST(a_table_that_is_full_forgets_the_older_of_two_and_mixes_none)
{
    struct history *history = history_new();
    struct history_url what;
    unsigned known = 0;
    char text[32];

    for (unsigned i = 0; i < 3 * HISTORY_URLS; i++) {
        (void)snprintf(text, sizeof text, "http://a/%u", i);
        history_refused(history, bytes_of_text(text), 200, REASON_PRIVATE, i + 1);
    }
    for (unsigned i = 0; i < 3 * HISTORY_URLS; i++) {
        (void)snprintf(text, sizeof text, "http://a/%u", i);
        if (!history_find(history, bytes_of_text(text), &what))
            continue;
        known++;
        CHECK(what.refused_ms == i + 1);
    }
    CHECK(known > HISTORY_URLS / 2 && known <= HISTORY_URLS);
    history_free(&history);
}

TEST(purges_are_told_the_latest_first_and_the_oldest_are_forgotten)
{
    struct history *history = history_new();
    struct history_purge *purges = mem_new(HISTORY_PURGES, sizeof *purges);

    CHECK(history_purges(history, purges) == 0);
    for (unsigned i = 0; i < HISTORY_PURGES + 10; i++) {
        struct history_purge purge = {.wall_ms = i, .by = HISTORY_BY_TAG, .door = "admin"};

        history_purge_init(&purge, BYTES("127.0.0.1:5"), BYTES("product:7"));
        history_purged(history, &purge);
    }
    CHECK(history_purges(history, purges) == HISTORY_PURGES);
    CHECK(purges[0].wall_ms == HISTORY_PURGES + 9);
    CHECK(purges[HISTORY_PURGES - 1].wall_ms == 10);
    CHECK(strcmp(purges[0].text, "product:7") == 0 && !purges[0].is_cut);
    mem_free(&purges);
    history_free(&history);
}

TEST(a_text_that_is_too_long_is_cut_and_says_so)
{
    struct history_purge purge = {.by = HISTORY_BY_URL};
    char text[HISTORY_TEXT_MAX + 10];

    memset(text, 'x', sizeof text);
    history_purge_init(&purge, BYTES(""), bytes_of(text, sizeof text));
    CHECK(purge.is_cut && strlen(purge.text) == HISTORY_TEXT_MAX - 1);
}
