/* mixture.c: sequences of requests from a recipe. SPDX-License-Identifier: MIT */
#include "bench/mixture.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"
#include "bench/zipf.h"

#include <math.h>

/* Of a mixture, in shares of a thousand requests; what is left over is drawn by Zipf's law. */
struct recipe {
    const char *name;
    const char *text;
    double exponent;       /* of Zipf's law */
    uint32_t keys;         /*   and what it is about */
    uint32_t drift;        /* requests after which the favourites move by one key; 0: never */
    uint32_t once;         /* share of objects that are asked for once */
    uint32_t loop;         /* share of a loop */
    uint32_t loop_keys;    /*   over so many keys */
    uint32_t scan_every;   /* requests between scans; 0: none */
    uint32_t scan_keys;    /*   of so many keys, of as many that follow one another */
    bool popular_is_small; /* sizes grow with the rank */
};

static const struct recipe recipes[] = {
    {.name = "zipf", .text = "Zipf 0.9 over 100,000", .keys = 100000, .exponent = 0.9},
    {.name = "drift",
     .text = "Zipf 1.0 over 100,000, the favourites move on",
     .keys = 100000,
     .exponent = 1.0,
     .drift = 50},
    {.name = "scans",
     .text = "Zipf 0.9 over 50,000, and now and then a scan of 10,000",
     .keys = 50000,
     .exponent = 0.9,
     .scan_every = 40000,
     .scan_keys = 10000},
    {.name = "loop",
     .text = "a loop over 20,000 for 60 % of the requests, Zipf 0.9 over 20,000 for the others",
     .keys = 20000,
     .exponent = 0.9,
     .loop = 600,
     .loop_keys = 20000},
    {.name = "once",
     .text = "40 % asked for only once, Zipf 0.9 over 50,000",
     .keys = 50000,
     .exponent = 0.9,
     .once = 400},
    {.name = "small-hot",
     .text = "Zipf 0.9 over 100,000, popular objects are smaller",
     .keys = 100000,
     .exponent = 0.9,
     .popular_is_small = true},
};

enum { RECIPES = sizeof recipes / sizeof recipes[0] };

#define SIZE_MEDIAN  600.0
#define SIZE_SPREAD  1.48 /* of its logarithm: the mean is three times the median */
#define SIZE_LARGEST (64.0 * 1024 * 1024)

size_t mixture_count(void)
{
    return RECIPES;
}

const char *mixture_name(size_t number)
{
    must(number < RECIPES);
    return recipes[number].name;
}

const char *mixture_text(size_t number)
{
    must(number < RECIPES);
    return recipes[number].text;
}

/* Keys as the recipe counts them: first those of Zipf's law, then the loop's, then the rest. */
struct maker {
    const struct recipe *recipe;
    struct trace_maker trace;
    struct random random;
    struct zipf zipf;
    uint32_t *ids; /* of keys that come again; 0: not yet */
    uint32_t ids_used;
    uint64_t seed;
    uint64_t scan_left;
    uint64_t scan_at;
    uint64_t loop_at;
};

/* A normal deviate (Box and Muller) that depends on the key alone. */
static double deviate(const struct maker *maker, uint64_t key)
{
    struct random random;

    random_init(&random, hash_mix(key, maker->seed));
    return sqrt(-2.0 * log(random_unit(&random))) *
           cos(2.0 * 3.14159265358979323846 * random_unit(&random));
}

static uint32_t size_of(const struct maker *maker, uint64_t key)
{
    double size = SIZE_MEDIAN * exp(SIZE_SPREAD * deviate(maker, key));

    if (maker->recipe->popular_is_small)
        size *= 2.0 * sqrt((double)(key + 1) / maker->recipe->keys);
    if (size < 1.0)
        return 1;
    return (uint32_t)(size < SIZE_LARGEST ? size : SIZE_LARGEST);
}

static enum err request_again(struct maker *maker, uint64_t key, struct fault *fault)
{
    if (maker->ids[key] == 0)
        maker->ids[key] = ++maker->ids_used;
    return trace_add(&maker->trace, maker->ids[key], size_of(maker, key), fault);
}

static enum err request_once(struct maker *maker, struct fault *fault)
{
    uint32_t id = ++maker->ids_used;

    return trace_add(&maker->trace, id, size_of(maker, ((uint64_t)1 << 40) + id), fault);
}

static enum err request_next(struct maker *maker, size_t done, struct fault *fault)
{
    const struct recipe *recipe = maker->recipe;
    uint64_t draw = random_below(&maker->random, 1000);
    uint64_t moved = recipe->drift == 0 ? 0 : done / recipe->drift;

    if (recipe->scan_every > 0 && done % recipe->scan_every == recipe->scan_every - 1)
        maker->scan_left = recipe->scan_keys;
    if (maker->scan_left > 0) {
        maker->scan_left--;
        return request_again(maker, maker->scan_at++ % recipe->keys, fault);
    }
    if (draw < recipe->once)
        return request_once(maker, fault);
    if (draw < recipe->once + recipe->loop)
        return request_again(maker, recipe->keys + maker->loop_at++ % recipe->loop_keys, fault);
    return request_again(maker, (zipf_draw(&maker->zipf, &maker->random) + moved) % recipe->keys,
                         fault);
}

enum err mixture_make(size_t number, size_t requests, uint64_t seed, struct trace *trace,
                      struct fault *fault)
{
    struct maker maker = {.recipe = &recipes[number], .seed = seed};
    enum err err = ERR_OK;

    must(number < RECIPES);
    must(requests > 0);
    trace_begin(&maker.trace, trace, maker.recipe->name);
    random_init(&maker.random, hash_mix(number, seed));
    zipf_init(&maker.zipf, maker.recipe->keys, maker.recipe->exponent);
    maker.ids = mem_new((size_t)maker.recipe->keys + maker.recipe->loop_keys, sizeof *maker.ids);
    for (size_t done = 0; done < requests && err == ERR_OK; done++)
        err = request_next(&maker, done, fault);
    if (err == ERR_OK)
        err = trace_finish(&maker.trace, fault);
    mem_free(&maker.ids);
    return err;
}
