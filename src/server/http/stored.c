/* stored.c: markers of variants. SPDX-License-Identifier: MIT */
#include "server/http/stored.h"

#include "base/must.h"

struct bytes marker_names(const struct cache_view *view)
{
    uint64_t count = 0;

    if (view->kind != STORED_MARKER || view->value.size < sizeof count)
        return BYTES("");
    memcpy(&count, view->value.data, sizeof count);
    must(count <= MARKER_SLOTS_MAX);
    return bytes_skip(view->value, sizeof count + count * sizeof(struct marker_slot));
}

bool marker_read(const struct cache_view *view, struct marker *ret_marker)
{
    ret_marker->names = marker_names(view);
    if (ret_marker->names.size == 0)
        return false;
    memcpy(&ret_marker->count, view->value.data, sizeof ret_marker->count);
    memcpy(ret_marker->slots, view->value.data + sizeof ret_marker->count,
           ret_marker->count * sizeof ret_marker->slots[0]);
    return true;
}

void marker_write(const struct marker *marker, struct buf *out)
{
    buf_add(out, bytes_of(&marker->count, sizeof marker->count));
    buf_add(out, bytes_of(marker->slots, marker->count * sizeof marker->slots[0]));
    buf_add(out, marker->names);
}

bool marker_admit(struct marker *marker, uint64_t hash, int64_t until_ms, int64_t now_ms,
                  size_t slots_max)
{
    struct marker_slot *place = NULL;

    for (size_t i = 0; i < marker->count; i++) {
        struct marker_slot *slot = &marker->slots[i];

        if (slot->hash == hash) {
            place = slot;
            break;
        }
        if (slot->until_ms <= now_ms && place == NULL)
            place = slot;
    }
    if (place == NULL) {
        if (marker->count >= slots_max || marker->count >= MARKER_SLOTS_MAX)
            return false;
        place = &marker->slots[marker->count++];
    }
    *place = (struct marker_slot){hash, until_ms};
    return true;
}
