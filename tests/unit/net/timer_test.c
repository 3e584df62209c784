/* timer_test.c: the wheel against a list that is simply searched. SPDX-License-Identifier: MIT */
#include "net/timer.h"

#include "base/random.h"
#include "t.h"

enum { TIMERS = 300 };

struct probe {
    struct timer timer;
    int64_t expected_ms; /* 0: not set */
    int fired;
    struct model *model;
};

struct model {
    struct timer_wheel wheel;
    struct probe probes[TIMERS];
    int64_t to_ms;   /* where the present advance goes */
    int64_t last_ms; /* of the last that fired in it */
    bool sets_again;
};

static void fire(struct timer *timer)
{
    struct probe *probe = (struct probe *)(void *)timer;
    struct model *model = probe->model;

    CHECK(!timer_is_set(timer));
    CHECK(probe->expected_ms != 0 && probe->expected_ms <= model->to_ms);
    CHECK(probe->expected_ms >= model->last_ms);
    model->last_ms = probe->expected_ms;
    probe->expected_ms = 0;
    probe->fired++;
}

static void model_init(struct model *model, int64_t now_ms)
{
    timer_wheel_init(&model->wheel, now_ms);
    for (int i = 0; i < TIMERS; i++) {
        model->probes[i] = (struct probe){.model = model};
        timer_init(&model->probes[i].timer, fire);
    }
}

static void set(struct model *model, int which, int64_t at_ms)
{
    timer_wheel_set(&model->wheel, &model->probes[which].timer, at_ms);
    model->probes[which].expected_ms = at_ms;
}

static void clear(struct model *model, int which)
{
    timer_wheel_clear(&model->wheel, &model->probes[which].timer);
    model->probes[which].expected_ms = 0;
}

static int64_t earliest_ms(const struct model *model)
{
    int64_t earliest = INT64_MAX;

    for (int i = 0; i < TIMERS; i++) {
        int64_t at_ms = model->probes[i].expected_ms;

        if (at_ms != 0 && at_ms < earliest)
            earliest = at_ms;
    }
    return earliest;
}

static void advance(struct model *model, int64_t to_ms)
{
    model->to_ms = to_ms;
    model->last_ms = 0;
    timer_wheel_advance(&model->wheel, to_ms);
    CHECK(earliest_ms(model) > to_ms);
}

/* Distances as servers have them: most are near, some far, a few absurd. */
static int64_t distance(struct random *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return 1;
    case 1:
        return (int64_t)random_below(random, INT64_C(1) << 50) + 1;
    case 2:
        return (int64_t)random_below(random, INT64_C(10) * 24 * 3600 * 1000) + 1;
    case 3:
        return (int64_t)(UINT64_C(1) << random_below(random, 40));
    default:
        return (int64_t)random_below(random, 70000) + 1;
    }
}

TEST(every_timer_fires_once_in_order_not_early_and_at_the_first_turn_after_its_time)
{
    static struct model model;
    struct random random;
    int64_t now_ms = INT64_C(1) << 41;

    random_init(&random, 7);
    model_init(&model, now_ms);
    for (int step = 0; step < 30000; step++) {
        int which = (int)random_below(&random, TIMERS);

        switch (random_below(&random, 4)) {
        case 0:
        case 1:
            set(&model, which, now_ms + distance(&random));
            break;
        case 2:
            clear(&model, which);
            break;
        default:
            now_ms += random_below(&random, 20) == 0 ? distance(&random) % (INT64_C(1) << 42)
                                                     : (int64_t)random_below(&random, 100);
            advance(&model, now_ms);
        }
    }
}

TEST(going_from_wake_up_to_wake_up_meets_every_timer_at_its_very_time)
{
    static struct model model;
    struct random random;
    int64_t now_ms = 123456789;
    int wakes = 0, fired = 0;

    random_init(&random, 8);
    model_init(&model, now_ms);
    for (int i = 0; i < TIMERS; i++)
        set(&model, i, now_ms + distance(&random));
    while (timer_wheel_next_ms(&model.wheel) != INT64_MAX) {
        int64_t next_ms = timer_wheel_next_ms(&model.wheel);

        CHECK(next_ms > now_ms && next_ms <= earliest_ms(&model));
        now_ms = next_ms;
        advance(&model, now_ms);
        wakes++;
    }
    for (int i = 0; i < TIMERS; i++)
        fired += model.probes[i].fired;
    CHECK(fired == TIMERS);
    CHECK(wakes <= TIMERS * TIMER_LEVELS);
}

TEST(what_is_past_is_due_at_once)
{
    static struct model model;

    model_init(&model, 1000);
    set(&model, 0, 999);
    set(&model, 1, 1000);
    CHECK(timer_wheel_next_ms(&model.wheel) == 1000);
    advance(&model, 1000);
    CHECK(model.probes[0].fired == 1 && model.probes[1].fired == 1);
    CHECK(timer_wheel_next_ms(&model.wheel) == INT64_MAX);
}

TEST(times_at_the_end_of_time_are_no_special_case)
{
    static struct model model;

    model_init(&model, 0);
    set(&model, 0, INT64_MAX - 1);
    set(&model, 1, INT64_MAX - 2);
    advance(&model, INT64_MAX - 3);
    CHECK(model.probes[0].fired == 0 && model.probes[1].fired == 0);
    advance(&model, INT64_MAX - 2);
    CHECK(model.probes[1].fired == 1);
    advance(&model, INT64_MAX - 1);
    CHECK(model.probes[0].fired == 1);
}

TEST(clearing_twice_is_harmless_and_setting_anew_moves)
{
    static struct model model;

    model_init(&model, 5);
    clear(&model, 0);
    set(&model, 0, 100);
    set(&model, 0, 200);
    advance(&model, 150);
    CHECK(model.probes[0].fired == 0);
    clear(&model, 0);
    clear(&model, 0);
    advance(&model, 300);
    CHECK(model.probes[0].fired == 0);
    CHECK(timer_wheel_next_ms(&model.wheel) == INT64_MAX);
}

struct chain {
    struct timer timer;
    struct timer *victim;
    struct timer_wheel *wheel;
    int fired;
};

static void fire_chain(struct timer *timer)
{
    struct chain *chain = (struct chain *)(void *)timer;

    chain->fired++;
    if (chain->victim != NULL)
        timer_wheel_clear(chain->wheel, chain->victim);
    timer_wheel_set(chain->wheel, timer, chain->wheel->now_ms); /* itself, at once */
}

TEST(a_timer_that_sets_itself_again_fires_once_an_advance)
{
    struct timer_wheel wheel;
    struct chain chain = {.wheel = &wheel};

    timer_wheel_init(&wheel, 10);
    timer_init(&chain.timer, fire_chain);
    timer_wheel_set(&wheel, &chain.timer, 11);
    for (int i = 0; i < 5; i++)
        timer_wheel_advance(&wheel, 11);
    CHECK(chain.fired == 5);
    timer_wheel_clear(&wheel, &chain.timer);
    CHECK(timer_wheel_next_ms(&wheel) == INT64_MAX);
}

TEST(a_timer_that_is_due_can_be_cleared_by_one_that_fires_before_it)
{
    struct timer_wheel wheel;
    struct chain first = {.wheel = &wheel}, second = {.wheel = &wheel};

    timer_wheel_init(&wheel, 10);
    timer_init(&first.timer, fire_chain);
    timer_init(&second.timer, fire_chain);
    first.victim = &second.timer;
    timer_wheel_set(&wheel, &first.timer, 11);
    timer_wheel_set(&wheel, &second.timer, 12);
    timer_wheel_advance(&wheel, 20);
    CHECK(first.fired == 1 && second.fired == 0 && !timer_is_set(&second.timer));
}
