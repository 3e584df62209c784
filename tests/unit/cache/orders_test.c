/* Every order of what two to four actors do with one key: who asks, who loads, who waits, who
 * leaves, who fails, who invalidates. A scenario is a line of words for each actor; all orders of
 * these words are played, and after each word the engine must be where a few plain variables say,
 * by these rules:
 *
 *   - who asked after an invalidation had returned never takes an older value for fresh;
 *   - there is one load at a time, and who asks meanwhile waits for it or gets the stale value;
 *   - a fill is stored if and only if its lease is still the leader's and nothing that concerns it
 *     was invalidated since the load began; a put wins;
 *   - who leaves ends his own wait; a leader that gives up or is silent is followed by the first
 *     who waits; a failure is shared by all who wait;
 *   - everybody who waits is answered, once.
 *
 * What a word means for one who is not in the place for it (a fill by one who waits) is: nothing.
 * A failure prints the order. SPDX-License-Identifier: MIT */
#include "actors.h"
#include "base/sanitizer.h"

#include <string.h>

enum { WORDS_MAX = 6, ORDER_MAX = 16 };

/* The released build plays all orders; where the program is slow every so many of them are enough,
 * and more so under the thread sanitizer, for all of this is one thread. */
#if SANITIZER_THREAD
enum { ORDERS_SHARE = 37 };
#elif defined(LARDER_DEBUG)
enum { ORDERS_SHARE = 5 };
#else
enum { ORDERS_SHARE = 1 };
#endif

/* ---- scenarios --------------------------------------------------------------------------- */

enum { KEY_ONLY = 1 << BY_KEY, TAG_ONLY = 1 << BY_TAG, EVERY_KIND = (1 << KINDS) - 1 };
enum {
    IF_ABSENT = 1 << ABSENT,
    IF_FRESH = 1 << FRESH,
    IF_STALE = 1 << STALE,
    IF_GRACE = 1 << GRACE
};
enum { ANYHOW = IF_ABSENT | IF_FRESH | IF_STALE | IF_GRACE };

struct scenario {
    unsigned befores;
    unsigned kinds; /* of "purge", hard and soft; 0: there is none */
    const char *lines[ACTORS_MAX];
};

struct script {
    void (*acts[WORDS_MAX])(struct actor *actor);
    unsigned count;
};

struct play {
    const struct scenario *scenario;
    struct cache *cache;
    struct cache_thread *threads[ACTORS_MAX];
    struct script scripts[ACTORS_MAX];
    unsigned actor_count;
    enum before before;
    enum kind kind;
    bool soft;
    uint8_t order[ORDER_MAX];
    unsigned size;
    unsigned orders;
    unsigned runs;
    unsigned played; /* words of the order, so far */
};

/* For the line that a failure prints. */
static const struct play *playing;

static void read_script(const char *line, struct script *script)
{
    struct bytes rest = bytes_of_text(line);

    script->count = 0;
    while (rest.size > 0) {
        struct bytes word = bytes_cut(&rest, ' ');
        unsigned i = 0;

        while (!bytes_equal(word, bytes_of_text(actor_words[i].word)))
            i++;
        script->acts[script->count++] = actor_words[i].act;
    }
}

static const char *word_of(void (*act)(struct actor *actor))
{
    unsigned i = 0;

    while (actor_words[i].act != act)
        i++;
    return actor_words[i].word;
}

void print_order(void)
{
    static const char *const befores[] = {"absent", "fresh", "stale", "grace"};
    static const char *const kinds[] = {"key",     "remove", "tag", "prefix",
                                        "pattern", "space",  "all", "put"};
    unsigned at[ACTORS_MAX] = {0};

    if (playing == NULL)
        return;
    (void)printf("         %s, purge by %s%s:", befores[playing->before], kinds[playing->kind],
                 playing->soft ? ", soft" : "");
    for (unsigned i = 0; i < playing->played; i++) {
        unsigned who = playing->order[i];

        (void)printf(" %c:%s", 'A' + (int)who, word_of(playing->scripts[who].acts[at[who]++]));
    }
    (void)printf("%s\n", playing->played == playing->size ? " (and to the end)" : " <- here");
}

static void play_order(struct play *play)
{
    struct name name = name_of((int)++play->runs);
    unsigned at[ACTORS_MAX] = {0};
    struct world world = {.cache = play->cache,
                          .key = cache_key(play->cache, 5, name_bytes(&name)),
                          .name = name_bytes(&name),
                          .now_ms = 1000000 + (int64_t)play->runs * 10000,
                          .source = 1,
                          .kind = play->kind,
                          .soft = play->soft};

    for (unsigned i = 0; i < play->actor_count; i++) {
        world.actors[i].world = &world;
        world.actors[i].thread = play->threads[i];
    }
    world_begin(&world, play->before);
    for (play->played = 0; play->played < play->size;) {
        unsigned who = play->order[play->played++];

        play->scripts[who].acts[at[who]++](&world.actors[who]);
    }
    world_finish(&world, play->actor_count);
    world_check(&world, play->actor_count);
    /* Some runs meet a sweep, some a rule that stands; of two soft purges the times are kept. */
    for (unsigned i = 0; (play->soft || play->runs % 16 == 0) && i < 2 * play->actor_count; i++)
        (void)cache_turn(play->threads[i % play->actor_count], world.now_ms);
}

/* All orders of the words that are left. Its depth is their number.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void play_orders(struct play *play, const unsigned *left)
{
    bool any = false;

    for (unsigned who = 0; who < play->actor_count; who++) {
        unsigned rest[ACTORS_MAX];

        if (left[who] == 0)
            continue;
        any = true;
        memcpy(rest, left, sizeof rest);
        rest[who]--;
        play->order[play->size++] = (uint8_t)who;
        play_orders(play, rest);
        play->size--;
    }
    if (!any && play->orders++ % ORDERS_SHARE == 0)
        play_order(play);
}

static void play_kind(struct play *play)
{
    unsigned left[ACTORS_MAX] = {0};

    for (unsigned i = 0; i < play->actor_count; i++)
        left[i] = play->scripts[i].count;
    play_orders(play, left);
}

static void play_scenario(const struct scenario *scenario)
{
    struct cache_settings settings = room_settings(64 << 20, "s3fifo");
    struct play play = {.scenario = scenario, .cache = cache_new(&settings, 1)};
    unsigned kinds = scenario->kinds == 0 ? KEY_ONLY : scenario->kinds;

    playing = &play;
    while (play.actor_count < ACTORS_MAX && scenario->lines[play.actor_count] != NULL) {
        read_script(scenario->lines[play.actor_count], &play.scripts[play.actor_count]);
        play.threads[play.actor_count++] = cache_join(play.cache);
    }
    for (play.before = 0; play.before < BEFORES; play.before++) {
        for (play.kind = 0; play.kind < KINDS; play.kind++) {
            if ((scenario->befores >> play.before & 1) == 0 || (kinds >> play.kind & 1) == 0)
                continue;
            play.soft = false;
            play_kind(&play);
            play.soft = true;
            if (scenario->kinds != 0 && play.kind != BY_REMOVE && play.kind != BY_PUT)
                play_kind(&play);
        }
    }
    for (unsigned i = 0; i < play.actor_count; i++)
        cache_leave(&play.threads[i]);
    cache_free(&play.cache);
    playing = NULL;
}

#define PLAY(...) play_scenario(&(struct scenario){__VA_ARGS__})

/* ---- 1: an invalidation against loads in flight -------------------------------------------- */

TEST(no_order_of_callers_and_an_invalidation_shows_an_old_value)
{
    PLAY(ANYHOW, EVERY_KIND, {"ask read fill", "write purge"});
    PLAY(ANYHOW, EVERY_KIND, {"ask read fill", "ask read fill", "write purge"});
    PLAY(IF_FRESH | IF_STALE, EVERY_KIND, {"refresh read fill", "ask read fill", "write purge"});
}

TEST(nor_of_two_invalidations)
{
    PLAY(IF_ABSENT, EVERY_KIND, {"ask read fill", "ask read fill", "write purge write purge-tag"});
    PLAY(IF_ABSENT, TAG_ONLY, {"ask read fill", "ask read fill", "write purge", "write purge"});
}

TEST(nor_of_three_callers)
{
    PLAY(IF_ABSENT, 0, {"ask read fill", "ask read fill", "ask read fill", "write purge-tag"});
    PLAY(IF_STALE, EVERY_KIND, {"ask read fill", "ask read fill", "ask", "write purge"});
}

TEST(a_put_during_a_load_wins)
{
    PLAY(ANYHOW, 0, {"ask read fill", "ask read fill", "put"});
    PLAY(ANYHOW, 0, {"refresh read fill", "ask", "put", "ask"});
}

TEST(a_refresh_replaces_only_the_entry_that_it_was_started_for)
{
    PLAY(ANYHOW, 0, {"ask read fill", "ask read fill", "tag"});
    PLAY(IF_FRESH | IF_STALE, EVERY_KIND, {"refresh read fill", "tag", "write purge"});
}

TEST(nobody_joins_a_stream_that_an_invalidation_overtook)
{
    PLAY(IF_ABSENT | IF_STALE, EVERY_KIND,
         {"ask read share fill", "join read fill", "write purge"});
    PLAY(IF_ABSENT, TAG_ONLY, {"ask read share fill", "join", "ask read fill", "write purge"});
}

/* ---- 2: who owns a load, who owns a wait --------------------------------------------------- */

TEST(who_leaves_ends_only_his_own_wait)
{
    PLAY(IF_ABSENT | IF_GRACE, 0, {"ask read fill", "ask cancel", "ask", "ask cancel"});
    PLAY(IF_ABSENT, EVERY_KIND, {"ask read fill", "ask cancel", "write purge"});
}

TEST(a_leader_that_gives_up_is_followed_by_the_first_who_waits)
{
    PLAY(ANYHOW, 0, {"ask abandon", "ask read fill", "ask read fill"});
    PLAY(IF_ABSENT, EVERY_KIND, {"ask abandon", "ask read fill", "write purge"});
}

TEST(a_silent_leader_is_replaced_and_its_late_fill_dropped)
{
    PLAY(ANYHOW, 0, {"ask read fill", "ask read fill", "late", "ask"});
    PLAY(IF_ABSENT | IF_STALE, 0, {"ask read fill", "late ask read fill", "late"});
    PLAY(IF_ABSENT, EVERY_KIND, {"ask read fill", "ask read fill", "late", "write purge"});
    PLAY(IF_ABSENT, TAG_ONLY, {"ask read share fill", "join read fill", "late", "write purge"});
}

/* ---- 3: when the leader fails -------------------------------------------------------------- */

TEST(a_failure_is_shared_and_the_next_try_waits_where_there_is_a_stale_value)
{
    PLAY(ANYHOW, 0, {"ask fail", "ask read fill", "ask"});
    PLAY(ANYHOW, 0, {"ask fail", "ask fail", "late", "ask read fill"});
    PLAY(ANYHOW, EVERY_KIND, {"ask fail", "ask read fill", "write purge"});
}

TEST(what_is_not_for_sharing_sends_everybody_on_his_own_way)
{
    PLAY(ANYHOW, 0, {"ask disperse", "ask read fill", "ask", "late"});
    PLAY(ANYHOW, EVERY_KIND, {"ask disperse", "ask read fill", "write purge"});
}

/* ---- stale while it is refreshed ----------------------------------------------------------- */

TEST(a_stale_value_is_served_while_exactly_one_refreshes)
{
    PLAY(IF_STALE, 0, {"ask read fill", "ask read fill", "ask read fill"});
    PLAY(IF_STALE | IF_GRACE, EVERY_KIND, {"ask read unchanged", "ask", "write purge"});
    PLAY(IF_FRESH | IF_STALE, EVERY_KIND, {"refresh read unchanged", "tag", "write purge"});
    PLAY(IF_STALE | IF_GRACE, 0, {"ask read unchanged", "ask read unchanged", "late"});
}
