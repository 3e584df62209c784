/* Cache-Control: more text never takes a restriction away. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/cachecontrol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_seconds(int64_t seconds)
{
    must(seconds >= CACHE_UNSET && seconds <= CACHE_SECONDS_MAX);
}

static void check(const struct cache_control *control)
{
    check_seconds(control->max_age_s);
    check_seconds(control->s_maxage_s);
    check_seconds(control->stale_while_revalidate_s);
    check_seconds(control->stale_if_error_s);
    check_seconds(control->max_stale_s);
    check_seconds(control->min_fresh_s);
    must(control->private_lists.count <= CACHE_LISTS_MAX);
    (void)cache_lists_have(&control->private_lists, BYTES("set-cookie"));
    (void)cache_lists_have(&control->no_cache_lists, BYTES("x"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[4096];
    struct bytes value = {data, size};
    struct bytes more = BYTES(", no-store, max-age=7");
    struct cache_control control, longer, targeted;

    if (size > sizeof text - more.size)
        return 0;
    cache_control_init(&control);
    cache_control_add(&control, value);
    check(&control);

    if (size > 0)
        memcpy(text, data, size);
    memcpy(text + size, more.data, more.size);
    cache_control_init(&longer);
    cache_control_add(&longer, bytes_of(text, size + more.size));
    check(&longer);
    must(longer.no_store);
    must(longer.max_age_s <= 7 && longer.max_age_s != CACHE_UNSET);
    must(longer.is_private || !control.is_private);
    must(longer.no_cache || !control.no_cache);
    must(longer.must_revalidate || !control.must_revalidate);

    cache_control_init(&targeted);
    if (cache_control_add_targeted(&targeted, value) == ERR_OK)
        check(&targeted);
    (void)cache_use_of(&control, &targeted, 5, 10);
    return 0;
}
