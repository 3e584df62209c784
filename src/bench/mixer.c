/* mixer.c: routes by weight, keys by law. SPDX-License-Identifier: MIT */
#include "bench/mixer.h"

#include "base/mem.h"

#include <math.h>

void mixer_init(struct mixer *mixer, const struct plan *plan, uint64_t seed)
{
    *mixer = (struct mixer){.plan = plan, .values = mem_new(1, plan->value_high + 1)};
    random_init(&mixer->random, seed);
    buf_init(&mixer->out, MIXER_BYTES_MAX, NULL);
    for (uint64_t i = 0; i < plan->value_high; i++)
        mixer->values[i] = (uint8_t)('a' + random_below(&mixer->random, 26));
}

void mixer_fini(struct mixer *mixer)
{
    buf_fini(&mixer->out);
    mem_free(&mixer->values);
}

void mixer_clear(struct mixer *mixer)
{
    buf_clear(&mixer->out);
}

uint32_t mixer_route(struct mixer *mixer)
{
    const struct plan *plan = mixer->plan;

    if (plan->route_count == 1)
        return 0;
    uint64_t draw = random_below(&mixer->random, plan->weight_sum);
    uint32_t route = 0;

    while (draw >= plan->routes[route].weight)
        draw -= plan->routes[route++].weight;
    return route;
}

/* Log-uniform between the bounds: as many between 16 and 32 bytes as between 16 and 32 KiB. */
static struct bytes draw_value(struct mixer *mixer)
{
    const struct plan *plan = mixer->plan;
    double low = (double)plan->value_low + 1, high = (double)plan->value_high + 1;
    uint64_t size = plan->value_low;

    if (plan->value_low < plan->value_high)
        size = (uint64_t)(low * pow(high / low, random_unit(&mixer->random))) - 1;
    if (size > plan->value_high)
        size = plan->value_high;
    return bytes_of(mixer->values, size);
}

static void add(struct mixer *mixer, const struct template *template, uint64_t rank)
{
    struct template_fill fill = {
        .key = mixer->plan->first_key + rank,
        .key_width = (unsigned)mixer->plan->key_width,
        .random = &mixer->random,
    };

    if (template->has_value)
        fill.value = draw_value(mixer);
    template_write(template, &fill, &mixer->out);
}

uint32_t mixer_add(struct mixer *mixer)
{
    uint32_t route = mixer_route(mixer);
    const struct template *template = &mixer->plan->routes[route].template;

    add(mixer, template, template->has_key ? zipf_draw(&mixer->plan->key_law, &mixer->random) : 0);
    return route;
}

void mixer_add_fill(struct mixer *mixer, uint64_t rank)
{
    add(mixer, &mixer->plan->fill_template, rank);
}
