/* The promises of the types, against plain arrays: packed, grown, and across the change of form.
 * SPDX-License-Identifier: MIT
 */
#include "t.h"
#include "types/fields.h"
#include "types/members.h"
#include "types/ranking.h"

#include <math.h>
#include <stdio.h>

enum { NAMES = 300, STEPS = 20000 };

static struct type_rules *rules(size_t entries)
{
    struct type_rules *limits = type_rules_new(NULL, 1);

    limits->hash_entries = limits->set_numbers = limits->zset_entries = entries;
    limits->set_entries = entries;
    limits->hash_value = limits->zset_value = limits->set_value = 64;
    limits->secret = (struct hash_secret){{1, 2}};
    return limits;
}

/* Every seventh name is too long for the packed form. */
static struct bytes name_of(unsigned number, bool numbers_only)
{
    static char text[100];
    bool is_long = !numbers_only && number % 7 == 0;
    int size = snprintf(text, sizeof text, is_long ? "%080u" : "%u", number + 1);

    return bytes_of(text, (size_t)size);
}

static struct bytes value_of(unsigned number, char text[32])
{
    int size = snprintf(text, 32, "value %u", number);

    return bytes_of(text, (size_t)size);
}

/* ---- hashes -----------------------------------------------------------------------------------
 */

struct hash_model {
    unsigned values[NAMES]; /* 0: not there */
    size_t count;
};

static void check_fields(const struct fields *fields, const struct hash_model *model)
{
    struct fields_walk walk = {0};
    struct bytes name, value, found;
    size_t seen = 0;
    char text[32];

    CHECK(fields_count(fields) == model->count);
    for (unsigned i = 0; i < NAMES; i++) {
        CHECK(fields_get(fields, name_of(i, false), &found) == (model->values[i] != 0));
        if (model->values[i] != 0)
            CHECK(bytes_equal(found, value_of(model->values[i], text)));
    }
    while (fields_next(fields, &walk, &name, &value)) {
        CHECK(fields_get(fields, name, &found) && bytes_equal(found, value));
        seen++;
    }
    CHECK(seen == model->count);
}

static void run_fields(size_t entries)
{
    struct type_rules *limits = rules(entries);
    struct fields *fields = fields_new(limits);
    struct hash_model model = {.count = 0};
    struct random random;
    char text[32];
    bool added = false;

    random_init(&random, entries);
    for (unsigned step = 1; step < STEPS; step++) {
        /* Small at first, so that the packed form lives for a while. */
        unsigned i = (unsigned)random_below(&random, step < STEPS / 4 ? 6 : NAMES);

        if (step < STEPS / 4 && i % 7 == 0)
            i++;
        if (random_below(&random, 2) == 0) {
            CHECK(fields_set(fields, name_of(i, false), value_of(step, text), &added) == ERR_OK);
            CHECK(added == (model.values[i] == 0));
            model.count += added;
            model.values[i] = step;
        } else {
            bool removed = fields_remove(fields, name_of(i, false));

            CHECK(removed == (model.values[i] != 0));
            model.count -= removed;
            model.values[i] = 0;
        }
        if (step % 500 == 0)
            check_fields(fields, &model);
    }
    CHECK(!fields_are_packed(fields));
    fields_free(&fields);
    type_rules_close(&limits);
}

TEST(a_hash_holds_what_an_array_would_hold_in_both_forms)
{
    run_fields(0);
    run_fields(4);
    run_fields(100);
}

TEST(a_hash_stays_packed_up_to_the_threshold_and_not_beyond)
{
    struct type_rules *limits = rules(3);
    struct fields *fields = fields_new(limits);
    char text[32];
    bool added = false;

    for (unsigned i = 1; i <= 3; i++)
        CHECK(fields_set(fields, name_of(i, false), value_of(i, text), &added) == ERR_OK);
    CHECK(fields_are_packed(fields));
    CHECK(fields_set(fields, name_of(4, false), value_of(4, text), &added) == ERR_OK);
    CHECK(!fields_are_packed(fields));
    fields_free(&fields);
    type_rules_close(&limits);
}

/* ---- sets -------------------------------------------------------------------------------------
 */

static void run_members(size_t entries, bool numbers_only)
{
    static bool there[NAMES];
    struct type_rules *limits = rules(entries);
    struct members *members = members_new(limits);
    struct random random;
    size_t count = 0;
    bool added = false;

    memset(there, 0, sizeof there);
    random_init(&random, entries);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)random_below(&random, NAMES);
        struct bytes name = name_of(i, numbers_only);

        CHECK(members_has(members, name) == there[i]);
        if (random_below(&random, 2) == 0) {
            CHECK(members_add(members, name, &added) == ERR_OK);
            CHECK(added == !there[i]);
            count += added;
            there[i] = true;
        } else {
            CHECK(members_remove(members, name) == there[i]);
            count -= there[i];
            there[i] = false;
        }
        CHECK(members_count(members) == count);
    }
    struct members_walk walk = {0};
    struct bytes member;
    size_t seen = 0;

    while (members_next(members, &walk, &member)) {
        CHECK(members_has(members, member));
        seen++;
    }
    CHECK(seen == count);
    members_free(&members);
    type_rules_close(&limits);
}

TEST(a_set_holds_what_an_array_would_hold_in_both_forms)
{
    run_members(512, true);
    run_members(10, true);
    run_members(512, false);
}

static struct bytes word_of(unsigned number, char text[32])
{
    int size = snprintf(text, 32, "word %u", number);

    return bytes_of(text, (size_t)size);
}

TEST(a_set_of_few_words_costs_little_and_holds_the_same_when_it_grows)
{
    enum { WORDS = 60, PACKED = 40 };
    struct type_rules *limits = rules(PACKED);
    struct random random;
    char text[32];
    bool added = false;

    random_init(&random, 8);
    for (int round = 0; round < 50; round++) {
        struct members *members = members_new(limits);
        bool there[WORDS] = {false};
        size_t count = 0, bytes = 0;

        for (int step = 0; step < 40 + 6 * round; step++) {
            unsigned i = (unsigned)random_below(&random, WORDS);

            if (random_below(&random, 3) > 0) {
                CHECK(members_add(members, word_of(i, text), &added) == ERR_OK);
                CHECK(added == !there[i]);
                count += added;
                there[i] = true;
            } else {
                CHECK(members_remove(members, word_of(i, text)) == there[i]);
                count -= there[i];
                there[i] = false;
            }
            CHECK(members_count(members) == count);
        }
        for (unsigned i = 0; i < WORDS; i++) {
            CHECK(members_has(members, word_of(i, text)) == there[i]);
            bytes += there[i] ? word_of(i, text).size : 0;
        }
        if (round == 0)
            CHECK(members_cost(members) < bytes + count * 3 + 100);
        members_free(&members);
    }
    type_rules_close(&limits);
}

TEST(a_set_is_numbers_until_the_first_word)
{
    struct type_rules *limits = rules(512);
    struct members *members = members_new(limits);
    bool added = false;

    CHECK(members_add(members, BYTES("10"), &added) == ERR_OK && added);
    CHECK(members_add(members, BYTES("-3"), &added) == ERR_OK && added);
    CHECK(members_are_numbers(members));
    CHECK(members_add(members, BYTES("007"), &added) == ERR_OK && added);
    CHECK(!members_are_numbers(members));
    CHECK(members_has(members, BYTES("10")) && members_has(members, BYTES("-3")));
    CHECK(!members_has(members, BYTES("7")));
    members_free(&members);
    type_rules_close(&limits);
}

/* ---- sorted sets ------------------------------------------------------------------------------
 */

struct zset_model {
    double scores[NAMES];
    bool there[NAMES];
    size_t count;
};

/* How many of the model's members come before this one. */
static size_t model_rank(const struct zset_model *model, unsigned number)
{
    size_t rank = 0;
    char copy[100];
    struct bytes name = name_of(number, false), mine = bytes_of(copy, name.size);

    memcpy(copy, name.data, name.size);
    for (unsigned i = 0; i < NAMES; i++) {
        if (!model->there[i] || i == number)
            continue;
        rank += model->scores[i] < model->scores[number] ||
                (model->scores[i] == model->scores[number] &&
                 bytes_compare(name_of(i, false), mine) < 0);
    }
    return rank;
}

static void check_ranking(const struct ranking *ranking, const struct zset_model *model)
{
    size_t rank = 0;
    double score = 0, at_rank = 0;

    CHECK(ranking_count(ranking) == model->count);
    for (unsigned i = 0; i < NAMES; i++) {
        CHECK(ranking_score(ranking, name_of(i, false), &score) == model->there[i]);
        CHECK(ranking_rank(ranking, name_of(i, false), &rank) == model->there[i]);
        if (!model->there[i])
            continue;
        CHECK(score == model->scores[i]);
        CHECK(rank == model_rank(model, i));
        CHECK(bytes_equal(ranking_get(ranking, ranking_at(ranking, rank), &at_rank),
                          name_of(i, false)));
        CHECK(at_rank == score);
    }
}

static void run_ranking(size_t entries, unsigned names)
{
    struct type_rules *limits = rules(entries);
    struct ranking *ranking = ranking_new(limits);
    static struct zset_model model;
    struct random random;
    bool added = false;

    memset(&model, 0, sizeof model);
    random_init(&random, entries);
    for (unsigned step = 0; step < STEPS / 2; step++) {
        unsigned i = (unsigned)random_below(&random, names);
        double score = (double)random_below(&random, 20) - 10;

        if (random_below(&random, 3) > 0) {
            CHECK(ranking_set(ranking, name_of(i, false), score, &added) == ERR_OK);
            CHECK(added == !model.there[i]);
            model.count += added;
            model.there[i] = true;
            model.scores[i] = score;
        } else {
            CHECK(ranking_remove(ranking, name_of(i, false)) == model.there[i]);
            model.count -= model.there[i];
            model.there[i] = false;
        }
        if (step % 500 == 0)
            check_ranking(ranking, &model);
    }
    check_ranking(ranking, &model);
    ranking_remove_ranks(ranking, 1, model.count - 2);
    CHECK(ranking_count(ranking) == 2);
    ranking_free(&ranking);
    type_rules_close(&limits);
}

TEST(a_sorted_set_is_ordered_as_its_model_in_both_forms)
{
    run_ranking(0, NAMES);
    run_ranking(128, 60);
    run_ranking(20, NAMES);
}

static bool is_below_zero(const void *context, double score, struct bytes member)
{
    (void)context;
    (void)member;
    return score < 0;
}

TEST(a_packed_sorted_set_counts_and_steps_as_a_grown_one)
{
    for (size_t entries = 0; entries <= 128; entries += 128) {
        struct type_rules *limits = rules(entries);
        struct ranking *ranking = ranking_new(limits);
        bool added = false;
        double score = 0;

        for (unsigned i = 1; i < 6; i++)
            CHECK(ranking_set(ranking, name_of(i, false), (double)i - 3, &added) == ERR_OK);
        CHECK(ranking_is_packed(ranking) == (entries > 0));
        CHECK(ranking_count_before(ranking, is_below_zero, NULL) == 2);
        struct ranking_cursor cursor = ranking_at(ranking, 2);

        ranking_step(ranking, &cursor, true);
        (void)ranking_get(ranking, cursor, &score);
        CHECK(score == -1);
        ranking_step(ranking, &cursor, false);
        ranking_step(ranking, &cursor, false);
        (void)ranking_get(ranking, cursor, &score);
        CHECK(score == 1);
        ranking_free(&ranking);
        type_rules_close(&limits);
    }
}

TEST(a_large_set_that_ends_is_freed_a_little_at_a_time)
{
    struct type_rules *limits = rules(4);
    struct members *members = members_new(limits);
    char text[32];
    bool added = false;
    size_t steps = 1;

    for (unsigned i = 0; i < 20000; i++)
        CHECK(members_add(members, value_of(i, text), &added) == ERR_OK && added);
    members_free(&members);
    CHECK(type_rules_have_graves(limits));
    while (type_rules_dig(limits, 1000))
        steps++;
    CHECK(steps >= 20);
    CHECK(!type_rules_have_graves(limits));
    type_rules_close(&limits);
}

TEST(what_would_make_the_buried_too_much_is_freed_at_once)
{
    struct type_rules *limits = rules(4);
    char text[32];
    bool added = false;

    limits->buried_max = (size_t)1 << 20;
    for (unsigned round = 0; round < 10; round++) {
        struct fields *fields = fields_new(limits);

        for (unsigned i = 0; i < 3000; i++)
            CHECK(fields_set(fields, value_of(i, text), BYTES("x"), &added) == ERR_OK && added);
        fields_free(&fields);
        CHECK(limits->buried_bytes > 0);
        CHECK(limits->buried_bytes <= limits->buried_max);
    }
    while (type_rules_dig(limits, 1000))
        continue;
    CHECK(limits->buried_bytes == 0);
    type_rules_close(&limits);
}

TEST(values_may_outlive_the_maker_of_their_rules)
{
    struct type_rules *limits = rules(4);
    struct fields *fields = fields_new(limits);
    struct members *members = members_new(limits);
    char text[32];
    bool added = false;

    for (unsigned i = 0; i < 3000; i++) {
        CHECK(members_add(members, value_of(i, text), &added) == ERR_OK && added);
        CHECK(fields_set(fields, value_of(i, text), BYTES("x"), &added) == ERR_OK && added);
    }
    members_free(&members);
    type_rules_close(&limits);
    fields_free(&fields);
}

TEST(a_packed_score_comes_back_as_it_was)
{
    static const double scores[] = {0,
                                    -0.0,
                                    1,
                                    -1,
                                    127,
                                    128,
                                    -128,
                                    -129,
                                    32767,
                                    32768,
                                    -32768,
                                    -32769,
                                    1e9,
                                    2147483647,
                                    2147483648,
                                    -2147483648.0,
                                    -2147483649.0,
                                    1.5,
                                    -0.1,
                                    1e300,
                                    -1e-300,
                                    INFINITY,
                                    -INFINITY};
    struct type_rules *limits = rules(100);
    struct ranking *ranking = ranking_new(limits);
    bool added = false;

    for (unsigned i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        struct bytes member = bytes_of(&i, sizeof i);
        double score = 7;

        CHECK(ranking_set(ranking, member, scores[i], &added) == ERR_OK);
        CHECK(added && ranking_is_packed(ranking));
        CHECK(ranking_score(ranking, member, &score));
        CHECK(score == scores[i] && signbit(score) == signbit(scores[i]));
    }
    ranking_free(&ranking);
    type_rules_close(&limits);
}
