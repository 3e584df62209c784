/* index.c: tables of buckets, and how entries make room for each other.
 * SPDX-License-Identifier: MIT
 */
#include "cache/index.h"

#include "base/must.h"

enum {
    FILL_HIGH = 93,  /* percent of the slots when a table grows */
    FILL_FRESH = 80, /* ... in one that has shrunk, at most */
    FILL_LOW = 40,   /* ... when it shrinks */
    PHASES = 16,
    TRAIL_MAX = 512, /* buckets looked at to make room for one entry */
};

/* ---- tables ------------------------------------------------------------------------------ */

size_t table_step(size_t buckets, unsigned phase)
{
    uint64_t step = (1 << 20) + ((1 << 20) / 4 / PHASES) * (uint64_t)(phase % PHASES);

    while (step >> 20 < buckets)
        step += step / 4;
    return step >> 20;
}

static size_t table_bytes(size_t buckets)
{
    return sizeof(struct table) + buckets * sizeof(struct bucket);
}

struct table *table_new(struct shelf *shelf, size_t buckets)
{
    struct table *table = shelf_take(shelf, table_bytes(buckets));

    must(buckets > 0 && buckets >> BUCKETS_BITS == 0);
    table->buckets = (uint32_t)buckets;
    must(word_table(table_word(table)) == table); /* addresses have 48 bits */
    return table;
}

void table_free(struct shelf *shelf, struct table **owner)
{
    struct table *table = *owner;

    *owner = NULL;
    if (table != NULL)
        shelf_give(shelf, table, table_bytes(table->buckets));
}

size_t table_high(const struct table *table)
{
    return (size_t)table->buckets * BUCKET_SLOTS * FILL_HIGH / 100;
}

size_t table_low(const struct table *table)
{
    return table->buckets == 1 ? 0 : (size_t)table->buckets * BUCKET_SLOTS * FILL_LOW / 100;
}

size_t table_fit(size_t entries)
{
    return entries * 100 / ((size_t)BUCKET_SLOTS * FILL_FRESH) + 1;
}

/* ---- buckets ----------------------------------------------------------------------------- */

static void set_meta(struct bucket *bucket, uint32_t meta)
{
    atomic_store_explicit(&bucket->meta, meta, memory_order_release);
}

static uint8_t slot_tag(const struct bucket *bucket, unsigned slot)
{
    return atomic_load_explicit(&bucket->tags[slot], memory_order_acquire);
}

static unsigned bucket_guests(const struct bucket *bucket)
{
    return bucket_meta(bucket) & ((1U << BUCKET_SLOTS) - 1);
}

static bool bucket_is_full(const struct bucket *bucket)
{
    return bucket_match(bucket, 0) == 0;
}

/* False: the bucket is full. */
static bool bucket_put(struct bucket *bucket, uint8_t tag, uint32_t ref, bool guest)
{
    unsigned free = bucket_match(bucket, 0);
    unsigned slot = 0;

    if (free == 0)
        return false;
    slot = (unsigned)__builtin_ctz(free);
    if (guest)
        set_meta(bucket, bucket_meta(bucket) | 1U << slot);
    atomic_store_explicit(&bucket->tags[slot], tag, memory_order_release);
    atomic_store_explicit(&bucket->refs[slot], ref, memory_order_release);
    return true;
}

static void bucket_clear(struct bucket *bucket, unsigned slot)
{
    atomic_store_explicit(&bucket->refs[slot], 0, memory_order_release);
    atomic_store_explicit(&bucket->tags[slot], 0, memory_order_release);
    set_meta(bucket, bucket_meta(bucket) & ~(1U << slot));
}

/* The guests of the same class, which all have the same home. */
static unsigned bucket_guests_of(const struct bucket *bucket, uint8_t tag)
{
    unsigned guests = 0;

    for (unsigned left = bucket_guests(bucket); left != 0; left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctz(left);

        if (slot_tag(bucket, slot) >> CLASS_SHIFT == tag >> CLASS_SHIFT)
            guests |= 1U << slot;
    }
    return guests;
}

/* ---- adding ------------------------------------------------------------------------------ */

/* Shows what the slot shows in its other bucket, where there is room. */
static void move_away(struct table *table, uint32_t number, unsigned slot)
{
    struct bucket *home = &table->at[number];
    uint8_t tag = slot_tag(home, slot);
    struct bucket *other = &table->at[index_other(table->buckets, number, tag)];
    bool moved = bucket_put(other, tag, bucket_ref(home, slot), true);

    must(moved);
    set_meta(home, (bucket_meta(home) | meta_away(tag)) + (1U << MOVES_SHIFT));
    bucket_clear(home, slot);
}

/* A bucket on the way from a full one to one with room. */
struct trail_step {
    uint32_t bucket;
    uint16_t from; /* the step before, */
    uint8_t slot;  /* and the slot there whose entry can move here */
};

struct trail {
    size_t count;
    struct trail_step at[TRAIL_MAX];
};

/* Entries move on, the last one first. */
static void follow_trail(struct table *table, const struct trail *trail, size_t step, unsigned slot)
{
    move_away(table, trail->at[step].bucket, slot);
    while (step != 0) {
        slot = trail->at[step].slot;
        step = trail->at[step].from;
        move_away(table, trail->at[step].bucket, slot);
    }
}

/* Whether moving an entry that is at home here makes room; if not, the trail goes on from there. */
static bool try_step(struct table *table, struct trail *trail, size_t step)
{
    uint32_t number = trail->at[step].bucket;
    const struct bucket *bucket = &table->at[number];

    for (unsigned left = ~bucket_guests(bucket) & ((1U << BUCKET_SLOTS) - 1); left != 0;
         left &= left - 1) {
        unsigned slot = (unsigned)__builtin_ctz(left);
        uint32_t other = index_other(table->buckets, number, slot_tag(bucket, slot));

        if (other == number)
            continue;
        if (!bucket_is_full(&table->at[other])) {
            follow_trail(table, trail, step, slot);
            return true;
        }
        if (trail->count < TRAIL_MAX)
            trail->at[trail->count++] = (struct trail_step){other, (uint16_t)step, (uint8_t)slot};
    }
    return false;
}

/* Breadth first, so that the way found is a shortest one and passes no bucket twice. */
static bool make_room(struct table *table, uint32_t number)
{
    struct trail trail;

    trail.count = 1;
    trail.at[0] = (struct trail_step){.bucket = number};
    for (size_t step = 0; step < trail.count; step++) {
        if (try_step(table, &trail, step))
            return true;
    }
    return false;
}

bool index_add(struct table *table, uint32_t position, uint8_t tag, uint32_t ref)
{
    uint32_t number = index_bucket(table->buckets, position);
    uint32_t other = index_other(table->buckets, number, tag);
    struct bucket *home = &table->at[number];

    if (bucket_put(home, tag, ref, false))
        return true;
    if (other != number && bucket_put(&table->at[other], tag, ref, true)) {
        set_meta(home, bucket_meta(home) | meta_away(tag));
        return true;
    }
    return make_room(table, number) && bucket_put(home, tag, ref, false);
}

/* ---- removing ---------------------------------------------------------------------------- */

/* The home of guests with this tag. */
static uint32_t home_of_guest(const struct table *table, uint32_t number, uint8_t tag)
{
    return (number + table->buckets - index_distance(tag) % table->buckets) % table->buckets;
}

/* After a guest left, or is about to: the home says what is still away. */
static void tell_home(struct table *table, uint32_t number, unsigned slot, uint8_t tag,
                      uint32_t moves)
{
    struct bucket *home = &table->at[home_of_guest(table, number, tag)];
    uint32_t meta = bucket_meta(home) + (moves << MOVES_SHIFT);

    if ((bucket_guests_of(&table->at[number], tag) & ~(1U << slot)) == 0)
        meta &= ~meta_away(tag);
    set_meta(home, meta);
}

/* One of the home's entries that are away takes the slot that is free. */
static void come_home(struct table *table, uint32_t number)
{
    struct bucket *home = &table->at[number];
    unsigned away = bucket_meta(home) >> AWAY_SHIFT & ((1U << CLASSES) - 1);
    uint8_t class_tag = 0;
    uint32_t other = 0;
    unsigned slot = 0;
    uint8_t tag = 0;

    if (away == 0)
        return;
    class_tag = (uint8_t)((unsigned)__builtin_ctz(away) << CLASS_SHIFT);
    other = index_other(table->buckets, number, class_tag);
    slot = (unsigned)__builtin_ctz(bucket_guests_of(&table->at[other], class_tag));
    tag = slot_tag(&table->at[other], slot);
    (void)bucket_put(home, tag, bucket_ref(&table->at[other], slot), false);
    tell_home(table, other, slot, tag, 1);
    bucket_clear(&table->at[other], slot);
}

void index_remove(struct table *table, _Atomic uint32_t *slot_at)
{
    uint32_t number = (uint32_t)((size_t)((const uint8_t *)slot_at - (const uint8_t *)table->at) /
                                 sizeof(struct bucket));
    struct bucket *bucket = &table->at[number];
    unsigned slot = (unsigned)(slot_at - bucket->refs);
    uint8_t tag = slot_tag(bucket, slot);
    bool guest = (bucket_guests(bucket) >> slot & 1) != 0;

    must(number < table->buckets && tag != 0);
    bucket_clear(bucket, slot);
    if (guest)
        tell_home(table, number, slot, tag, 0);
    come_home(table, number);
}

/* ---- finding ----------------------------------------------------------------------------- */

struct spot index_find_away(struct places places, uint64_t word, uint32_t position,
                            const struct cache_key *key)
{
    uint8_t tag = index_tag(key->hash);
    uint32_t number = index_bucket(word_buckets(word), position);
    struct bucket *home = word_home(word, position);
    struct bucket *other = &word_table(word)->at[index_other(word_buckets(word), number, tag)];
    struct spot spot = {NULL, NULL};
    uint32_t meta = 0;

    do {
        meta = bucket_meta(home);
        spot = bucket_find(places, home, tag, key);
        if (spot.slot == NULL && (meta & meta_away(tag)) != 0)
            spot = bucket_find(places, other, tag, key);
    } while (spot.slot == NULL && bucket_has_moved(home, meta));
    return spot;
}

/* ---- walking ----------------------------------------------------------------------------- */

static size_t take_refs(const struct bucket *bucket, unsigned slots, uint32_t *refs)
{
    size_t count = 0;

    for (; slots != 0; slots &= slots - 1) {
        uint32_t ref = bucket_ref(bucket, (unsigned)__builtin_ctz(slots));

        if (ref != 0)
            refs[count++] = ref;
    }
    return count;
}

size_t index_home(const struct table *table, uint32_t number, uint32_t ret_refs[HOME_MAX])
{
    const struct bucket *home = &table->at[number];
    size_t count = 0;
    uint32_t meta = 0;

    do {
        meta = bucket_meta(home);
        count = take_refs(home, ~meta & ((1U << BUCKET_SLOTS) - 1), ret_refs);
        for (unsigned away = meta >> AWAY_SHIFT & ((1U << CLASSES) - 1); away != 0;
             away &= away - 1) {
            uint8_t tag = (uint8_t)((unsigned)__builtin_ctz(away) << CLASS_SHIFT);
            const struct bucket *other = &table->at[index_other(table->buckets, number, tag)];

            count += take_refs(other, bucket_guests_of(other, tag), ret_refs + count);
        }
    } while (bucket_has_moved(home, meta));
    return count;
}

/* The copy reads every entry's key; asking for the entries of the next bucket before those of this
 * one are read hides most of the wait. */
static void prefetch_bucket(struct places places, const struct table *from, uint32_t number)
{
    if (number >= from->buckets)
        return;
    for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
        uint32_t ref = atomic_load_explicit(&from->at[number].refs[i], memory_order_relaxed);

        if (ref != 0)
            __builtin_prefetch(place_entry(places, ref));
    }
}

bool index_copy(struct places places, const struct table *from, struct table *to,
                const struct index_hashes *hashes)
{
    prefetch_bucket(places, from, 0);
    for (uint32_t number = 0; number < from->buckets; number++) {
        const struct bucket *bucket = &from->at[number];

        prefetch_bucket(places, from, number + 1);
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            uint32_t ref = atomic_load_explicit(&bucket->refs[i], memory_order_relaxed);
            uint64_t hash = 0;

            if (ref == 0)
                continue;
            hash = hashes->hash_of(hashes->context, place_entry(places, ref));
            if (!index_add(to, index_position(hash, hashes->shard_bits), index_tag(hash), ref))
                return false;
        }
    }
    return true;
}
