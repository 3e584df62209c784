/* input.c: the scratch and what is kept. SPDX-License-Identifier: MIT */
#include "net/input.h"

#include "base/mem.h"
#include "base/must.h"

enum {
    COPIED_MAX = 32 * 1024, /* a larger rest grows where it lies */
    KEPT_MIN = 256,
    GROW_MIN = 16 * 1024
};

void input_init(struct input *input, struct account *account)
{
    *input = (struct input){.account = account};
}

static void count_capacity(struct input *input, size_t capacity)
{
    if (input->account != NULL && capacity > input->capacity)
        account_force(input->account, capacity - input->capacity);
    if (input->account != NULL && capacity < input->capacity)
        account_refund(input->account, input->capacity - capacity);
    input->capacity = capacity;
}

void input_fini(struct input *input)
{
    mem_free(&input->kept);
    count_capacity(input, 0);
    input->unread = (struct bytes){0};
}

static bool is_kept(const struct input *input)
{
    return input->kept != NULL && input->unread.data >= input->kept &&
           input->unread.data < input->kept + input->capacity;
}

/* Room behind the kept bytes; they move to the front first. */
static struct input_room kept_room(struct input *input, size_t max)
{
    size_t size = input->unread.size;
    size_t wanted = size + (size / 2 > GROW_MIN ? size / 2 : GROW_MIN);

    if (wanted > max)
        wanted = max;
    if (input->unread.data != input->kept)
        memmove(input->kept, input->unread.data, size);
    if (wanted > input->capacity) {
        uint8_t *kept = mem_resize(input->kept, wanted);

        if (kept == NULL) {
            input->unread.data = input->kept;
            return (struct input_room){0};
        }
        input->kept = kept;
        count_capacity(input, wanted);
    }
    input->unread.data = input->kept;
    size_t end = input->capacity < max ? input->capacity : max;

    return (struct input_room){input->kept + size, end - size};
}

struct input_room input_room(struct input *input, uint8_t *scratch, size_t scratch_size, size_t max)
{
    size_t size = input->unread.size;

    must(size < max);
    if (size > COPIED_MAX)
        return kept_room(input, max);
    if (size > 0)
        memcpy(scratch, input->unread.data, size);
    return (struct input_room){scratch + size, (max < scratch_size ? max : scratch_size) - size};
}

void input_arrived(struct input *input, struct input_room room, size_t count)
{
    must(count > 0 && count <= room.size);
    /* What was unread stands in front of the room, here as there. */
    input->unread.data = room.at - input->unread.size;
    input->unread.size += count;
}

bool input_keep(struct input *input)
{
    if (input->unread.size == 0) {
        if (input->kept != NULL)
            input_fini(input);
        return true;
    }
    if (is_kept(input))
        return true;
    size_t size = input->unread.size;

    if (size > input->capacity) {
        size_t capacity = size > KEPT_MIN ? size : KEPT_MIN;

        mem_free(&input->kept);
        count_capacity(input, 0);
        input->kept = mem_try(capacity);
        if (input->kept == NULL) {
            input_fini(input);
            return false;
        }
        count_capacity(input, capacity);
    }
    memcpy(input->kept, input->unread.data, size);
    input->unread.data = input->kept;
    return true;
}
