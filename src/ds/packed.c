/* packed.c: heads, backs and moving bytes. SPDX-License-Identifier: MIT */
#include "ds/packed.h"

#include "base/must.h"

enum { LARGE = 16 << 10 /* bytes */ };

struct packed {
    uint32_t capacity;
    uint32_t size;
    uint32_t count;
    uint8_t data[];
};

static size_t varint_size(size_t number)
{
    size_t size = 1;

    while (number >= 0x80) {
        number >>= 7;
        size++;
    }
    return size;
}

static size_t put_front(uint8_t *at, size_t number)
{
    size_t size = 0;

    while (number >= 0x80) {
        at[size++] = (uint8_t)(number | 0x80);
        number >>= 7;
    }
    at[size++] = (uint8_t)number;
    return size;
}

/* As put_front, but in the other direction: the byte at the end is the first to be read. */
static size_t put_back(uint8_t *at, size_t number)
{
    size_t size = varint_size(number);

    for (size_t i = size; i-- > 0; number >>= 7)
        at[i] = (uint8_t)(number < 0x80 ? number : number | 0x80);
    return size;
}

static inline size_t get_front(const uint8_t *at, size_t *ret_number)
{
    size_t number = at[0] & 0x7f, size = 1;

    while (__builtin_expect(at[size - 1] & 0x80, 0)) {
        number |= (size_t)(at[size] & 0x7f) << (7 * size);
        size++;
    }
    *ret_number = number;
    return size;
}

static size_t get_back(const uint8_t *end, size_t *ret_number)
{
    size_t number = end[-1] & 0x7f, size = 1;

    while (end[-(ptrdiff_t)size] & 0x80) {
        number |= (size_t)(end[-(ptrdiff_t)size - 1] & 0x7f) << (7 * size);
        size++;
    }
    *ret_number = number;
    return size;
}

/* As much as a block of this capacity can hold. */
static size_t fitting(size_t capacity)
{
    size_t fit = heap_fit(sizeof(struct packed) + capacity) - sizeof(struct packed);

    return fit < PACKED_SIZE_MAX ? fit : PACKED_SIZE_MAX;
}

struct packed *packed_new(struct heap *heap, size_t capacity)
{
    struct packed *packed = NULL;

    must(capacity <= PACKED_SIZE_MAX);
    capacity = fitting(capacity);
    packed = heap_take(heap, sizeof *packed + capacity);
    if (packed != NULL)
        *packed = (struct packed){.capacity = (uint32_t)capacity};
    return packed;
}

void packed_free(struct packed **owner)
{
    heap_give(owner);
}

size_t packed_count(const struct packed *packed)
{
    return packed->count;
}

size_t packed_size(const struct packed *packed)
{
    return packed->size;
}

size_t packed_cost(const struct packed *packed)
{
    return heap_cost(packed);
}

size_t packed_element_size(size_t size)
{
    size_t front = varint_size(size) + size;

    return front + varint_size(front);
}

/* Makes `new_size` bytes of the `old_size` at `place`. */
static enum err make_gap(struct packed **owner, size_t place, size_t old_size, size_t new_size)
{
    struct packed *packed = *owner;
    size_t size = packed->size - old_size + new_size;

    must(place + old_size <= packed->size);
    if (size > PACKED_SIZE_MAX)
        return ERR_FULL;
    if (size > packed->capacity) {
        size_t more = size < LARGE ? size / 8 : size / 2;
        size_t capacity = fitting(size + more < PACKED_SIZE_MAX ? size + more : PACKED_SIZE_MAX);
        struct packed *larger = heap_resize(packed, sizeof *packed + capacity);

        if (larger == NULL)
            return ERR_FULL;
        *owner = packed = larger;
        packed->capacity = (uint32_t)capacity;
    }
    memmove(packed->data + place + new_size, packed->data + place + old_size,
            packed->size - place - old_size);
    packed->size = (uint32_t)size;
    return ERR_OK;
}

static void put_element(uint8_t *at, struct bytes value)
{
    size_t front = put_front(at, value.size);

    if (value.size > 0)
        memcpy(at + front, value.data, value.size);
    (void)put_back(at + front + value.size, front + value.size);
}

enum err packed_insert(struct packed **owner, size_t place, struct bytes value)
{
    TRY(make_gap(owner, place, 0, packed_element_size(value.size)));
    put_element((*owner)->data + place, value);
    (*owner)->count++;
    return ERR_OK;
}

enum err packed_replace(struct packed **owner, size_t place, struct bytes value)
{
    size_t old_size = packed_next(*owner, place) - place;

    TRY(make_gap(owner, place, old_size, packed_element_size(value.size)));
    put_element((*owner)->data + place, value);
    return ERR_OK;
}

/* Gives back memory when less than a third of it is used. */
static void shrink(struct packed **owner)
{
    struct packed *packed = *owner;
    size_t capacity = fitting(packed->size + packed->size / 8);

    if (packed->capacity < 256 || packed->size > packed->capacity / 3)
        return;
    packed = heap_resize(packed, sizeof *packed + capacity);
    if (packed == NULL)
        return;
    packed->capacity = (uint32_t)capacity;
    *owner = packed;
}

void packed_remove(struct packed **owner, size_t place, size_t count)
{
    struct packed *packed = *owner;
    size_t end = place;

    for (size_t i = 0; i < count; i++)
        end = packed_next(packed, end);
    memmove(packed->data + place, packed->data + end, packed->size - end);
    packed->size -= (uint32_t)(end - place);
    packed->count -= (uint32_t)count;
    shrink(owner);
}

struct bytes packed_get(const struct packed *packed, size_t place)
{
    size_t size = 0;

    must(place < packed->size);
    size_t front = get_front(packed->data + place, &size);

    return bytes_of(packed->data + place + front, size);
}

size_t packed_next(const struct packed *packed, size_t place)
{
    struct bytes value = packed_get(packed, place);
    size_t front = (size_t)(value.data + value.size - packed->data) - place;

    return place + front + varint_size(front);
}

size_t packed_prev(const struct packed *packed, size_t place)
{
    size_t front = 0;

    must(place > 0);
    size_t back = get_back(packed->data + place, &front);

    return place - back - front;
}

size_t packed_at(const struct packed *packed, size_t index)
{
    size_t place = 0;

    must(index < packed->count);
    if (index <= packed->count / 2) {
        while (index-- > 0)
            place = packed_next(packed, place);
        return place;
    }
    place = packed->size;
    for (size_t left = packed->count - index; left > 0; left--)
        place = packed_prev(packed, place);
    return place;
}

size_t packed_find(const struct packed *packed, struct bytes value, size_t step)
{
    size_t place = 0;

    for (size_t i = 0; place < packed->size; i++) {
        struct bytes here = packed_get(packed, place);

        if (i % step == 0 && bytes_equal(here, value))
            break;
        size_t front = (size_t)(here.data + here.size - packed->data) - place;

        place += front + varint_size(front);
    }
    return place;
}
