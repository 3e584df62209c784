/* verb.c: reading the table, and finding in it. SPDX-License-Identifier: MIT */
#include "server/resp/verb.h"

#include "base/mem.h"
#include "base/must.h"
#include "base/number.h"

enum { SLOTS = 1024 /* of the table by name: at most a quarter is taken */ };

struct verbs {
    struct verb items[VERB_MAX];
    size_t count;
    uint8_t slots[SLOTS]; /* number + 1 */
};

/* clang-format off */
struct row {
    verb_fn *run;
    const char *name;
    int arity;
    enum verb_need need;
    const char *flags, *categories;
    int first_key, last_key, key_step;
    const char *specs, *tips, *group, *since, *complexity, *summary;
};

static const struct row rows[] = {
#define COMMAND(handler, name, arity, need, ...) {handler, name, arity, NEED_##need, __VA_ARGS__},
#include "server/resp/commands.def"
#undef COMMAND
};
/* clang-format on */

_Static_assert(sizeof rows / sizeof rows[0] < VERB_MAX, "commands have numbers of a byte");

/* The ends of a name, four letters each: all of it when it has no more than eight. */
enum { WORD_SIZE = 8 };

static inline uint64_t word_of(struct bytes name)
{
    uint32_t head = 0, tail = 0;

    if (name.size < WORD_SIZE / 2)
        return name.data[0] | (uint32_t)name.data[name.size / 2] << 8 |
               (uint32_t)name.data[name.size - 1] << 16;
    memcpy(&head, name.data, sizeof head);
    memcpy(&tail, name.data + name.size - sizeof tail, sizeof tail);
    return head | (uint64_t)tail << 32;
}

#define ANY_CASE 0x2020202020202020u

static inline size_t slot_of(uint64_t word, size_t size)
{
    return ((word | ANY_CASE) + size) * 0x9e3779b97f4a7c15u >> 54;
}

_Static_assert(SLOTS == 1 << 10, "a slot is the highest ten bits");

static bool same_name(struct bytes a, struct bytes b)
{
    for (size_t i = 0; i < a.size; i++) {
        if (byte_lower(a.data[i]) != b.data[i])
            return false;
    }
    return true;
}

const struct verb *verbs_find(const struct verbs *verbs, struct bytes name)
{
    if (name.size == 0 || name.size > VERB_NAME_MAX)
        return NULL;
    uint64_t word = word_of(name);

    for (size_t slot = slot_of(word, name.size); verbs->slots[slot] != 0;
         slot = (slot + 1) % SLOTS) {
        const struct verb *verb = &verbs->items[verbs->slots[slot] - 1];

        if (verb->full_name.size == name.size && verb->word == (word | verb->case_bits) &&
            (name.size <= WORD_SIZE || same_name(name, verb->full_name)))
            return verb;
    }
    return NULL;
}

static const struct verb *verbs_find_child(const struct verbs *verbs, const struct verb *parent,
                                           struct bytes name)
{
    uint8_t whole[2 * VERB_NAME_MAX];
    size_t size = parent->full_name.size;

    if (name.size > VERB_NAME_MAX - size - 1 || bytes_find(name, '|') < name.size)
        return NULL;
    memcpy(whole, parent->full_name.data, size);
    whole[size] = '|';
    memcpy(whole + size + 1, name.data, name.size);
    return verbs_find(verbs, bytes_of(whole, size + 1 + name.size));
}

const struct verb *verbs_resolve(const struct verbs *verbs, const struct bytes *words, size_t count,
                                 const struct verb **ret_parent)
{
    const struct verb *verb = verbs_find(verbs, words[0]);

    if (verb != NULL && verb->is_child)
        return NULL;
    if (ret_parent != NULL)
        *ret_parent = verb;
    if (verb == NULL || !verb->has_children || count < 2)
        return verb;
    return verbs_find_child(verbs, verb, words[1]);
}

size_t verbs_count(const struct verbs *verbs)
{
    return verbs->count;
}

const struct verb *verbs_at(const struct verbs *verbs, size_t number)
{
    must(number < verbs->count);
    return &verbs->items[number];
}

/* ---- reading rows -----------------------------------------------------------------------------
 */

static unsigned flag_bits(const char *names)
{
    static const struct {
        struct bytes name;
        unsigned bit;
    } known[] = {
        {BYTES_INIT("write"), VERB_WRITE},
        {BYTES_INIT("readonly"), VERB_READONLY},
        {BYTES_INIT("denyoom"), VERB_DENYOOM},
        {BYTES_INIT("no_auth"), VERB_NO_AUTH},
        {BYTES_INIT("movablekeys"), VERB_MOVABLE_KEYS},
        {BYTES_INIT("no_multi"), VERB_NO_MULTI},
        {BYTES_INIT("fast"), VERB_FAST},
    };
    struct bytes rest = bytes_of_text(names);
    unsigned bits = 0;

    while (rest.size > 0) {
        struct bytes name = bytes_cut(&rest, ' ');

        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            bits |= bytes_equal(name, known[i].name) ? known[i].bit : 0;
    }
    return bits;
}

/* Numbers of the table itself: what is no number there is a fault of ours. */
static int cut_number(struct bytes *rest)
{
    int64_t number = 0;

    must(number_i64(bytes_cut(rest, ' '), &number) == ERR_OK);
    return (int)number;
}

/* "RW access update @ 1 range 0 1 0" */
static struct key_spec read_spec(struct bytes text)
{
    struct key_spec spec = {0};
    size_t at = bytes_find(text, '@');

    must(at < text.size);
    spec.flags = bytes_trim(bytes_slice(text, 0, at));
    text = bytes_trim(bytes_skip(text, at + 1));
    spec.begin = (size_t)cut_number(&text);
    spec.counted = bytes_equal(bytes_cut(&text, ' '), BYTES("keynum"));
    spec.last = cut_number(&text);
    if (spec.counted) {
        spec.first = cut_number(&text);
        spec.step = cut_number(&text);
    } else {
        spec.step = cut_number(&text);
        spec.limit = cut_number(&text);
    }
    return spec;
}

/* The bit that tells the cases of a letter apart, in each byte that is one. */
static uint64_t case_bits_of(uint64_t word)
{
    uint64_t bits = 0;

    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint64_t byte = word >> shift & 0xff;

        bits |= byte >= 'a' && byte <= 'z' ? (uint64_t)0x20 << shift : 0;
    }
    return bits;
}

static void read_row(struct verb *verb, const struct row *row)
{
    struct bytes specs = bytes_of_text(row->specs);

    *verb = (struct verb){
        .run = row->run,
        .name = row->name,
        .flag_names = row->flags,
        .categories = row->categories,
        .tips = row->tips,
        .group = row->group,
        .since = row->since,
        .complexity = row->complexity,
        .summary = row->summary,
        .arity = row->arity,
        .first_key = row->first_key,
        .last_key = row->last_key,
        .key_step = row->key_step,
        .flags = flag_bits(row->flags),
        .need = row->need,
        .full_name = bytes_of_text(row->name),
    };
    verb->word = word_of(verb->full_name);
    verb->case_bits = case_bits_of(verb->word);
    verb->is_child = strchr(row->name, '|') != NULL;
    while (specs.size > 0) {
        must(verb->spec_count < VERB_SPECS_MAX);
        verb->specs[verb->spec_count++] = read_spec(bytes_trim(bytes_cut(&specs, ';')));
    }
}

static void index_name(struct verbs *verbs, size_t number)
{
    size_t slot = slot_of(verbs->items[number].word, verbs->items[number].full_name.size);

    while (verbs->slots[slot] != 0)
        slot = (slot + 1) % SLOTS;
    verbs->slots[slot] = (uint8_t)(number + 1);
}

struct verbs *verbs_new(void)
{
    struct verbs *verbs = mem_new(1, sizeof *verbs);
    struct verb *parent = NULL;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verb *verb = &verbs->items[i];

        read_row(verb, &rows[i]);
        verb->number = (unsigned)i;
        must(verb->full_name.size > 0);
        must(verb->full_name.size <= VERB_NAME_MAX);
        if (!verb->is_child)
            parent = verb;
        must(parent != NULL);
        parent->has_children |= verb->is_child;
        index_name(verbs, i);
        verbs->count++;
    }
    return verbs;
}

void verbs_free(struct verbs **owner)
{
    mem_free(owner);
}

/* ---- keys -------------------------------------------------------------------------------------
 */

static enum err spec_keys(const struct key_spec *spec, const struct bytes *words, size_t count,
                          verb_key_fn *each, void *context)
{
    size_t at = spec->begin, last = 0;
    uint64_t keys = 0;

    if (at >= count)
        return ERR_SYNTAX;
    if (spec->counted) {
        size_t first = at + (size_t)spec->first;

        if (number_u64(words[at + (size_t)spec->last], &keys) != ERR_OK || keys == 0 ||
            keys > (count - first) / (size_t)spec->step)
            return ERR_SYNTAX;
        for (uint64_t i = 0; i < keys; i++)
            each(context, first + i * (size_t)spec->step, spec);
        return ERR_OK;
    }
    last = spec->last >= 0 ? at + (size_t)spec->last : count - (size_t)-spec->last;
    for (; at <= last && at < count; at += (size_t)spec->step)
        each(context, at, spec);
    return ERR_OK;
}

enum err verb_keys(const struct verb *verb, const struct bytes *words, size_t count,
                   verb_key_fn *each, void *context)
{
    for (size_t i = 0; i < verb->spec_count; i++)
        TRY(spec_keys(&verb->specs[i], words, count, each, context));
    return ERR_OK;
}
