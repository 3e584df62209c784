/* idle.c: a ring of lanes with room. SPDX-License-Identifier: MIT */
#include "bench/idle.h"

#include "base/mem.h"
#include "base/must.h"

void idle_init(struct idle *idle, struct lane *lanes, unsigned lane_count, unsigned flights_max)
{
    must(lane_count > 0);
    *idle = (struct idle){
        .lanes = lanes,
        .numbers = mem_new(lane_count, sizeof *idle->numbers),
        .lane_count = lane_count,
        .flights_max = flights_max,
    };
}

void idle_fini(struct idle *idle)
{
    mem_free(&idle->numbers);
}

static unsigned place(const struct idle *idle, unsigned at)
{
    return at < idle->lane_count ? at : at - idle->lane_count;
}

void idle_offer(struct idle *idle, struct lane *lane)
{
    if (lane->offered || lane->count >= idle->flights_max)
        return;
    must(idle->count < idle->lane_count);
    idle->numbers[place(idle, idle->first + idle->count++)] = (unsigned)(lane - idle->lanes);
    lane->offered = true;
}

struct lane *idle_take(struct idle *idle)
{
    while (idle->count > 0) {
        struct lane *lane = &idle->lanes[idle->numbers[idle->first]];

        idle->first = place(idle, idle->first + 1);
        idle->count--;
        lane->offered = false;
        if (lane->state == LANE_UP && lane->count < idle->flights_max)
            return lane;
    }
    return NULL;
}
