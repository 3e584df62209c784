/* verb.h: the command table: finding a command, its arity, its keys.
 * SPDX-License-Identifier: MIT
 *
 * Every command is one row of commands.def. At birth the rows are read once into what dispatch
 * needs: bits for flags, numbers for key positions, a table by name.
 *
 * Threads: made once, only read afterwards.
 */
#ifndef LARDER_SERVER_RESP_VERB_H
#define LARDER_SERVER_RESP_VERB_H

#include "base/bytes.h"
#include "base/err.h"
#include "server/resp/handlers.h"

/* What a command needs of the engine, see commands.def. */
enum verb_need { NEED_NONE, NEED_FREE, NEED_LOCK, NEED_WHOLE };

/* Number of a command in the table, in the order of commands.def. */
enum {
    VERB_MAX = 256,
    VERB_KEYS_MAX = 1 << 20,
    VERB_NAME_MAX = 32,
    VERB_SPECS_MAX = 2,
};

enum verb_flag {
    VERB_WRITE = 1,
    VERB_READONLY = 2,
    VERB_DENYOOM = 4,
    VERB_NO_AUTH = 8,
    VERB_MOVABLE_KEYS = 16,
    VERB_NO_MULTI = 32,
    VERB_FAST = 64,
};

struct key_spec {
    struct bytes flags; /* "RW access update" */
    size_t begin;       /* word from which it counts */
    bool counted;       /* a word says how many keys there are */
    int last;  /* counted: distance of that word; else of the last key, < 0: from the end */
    int first; /* counted only: distance of the first key */
    int step;
    int limit;
};

struct verb {
    /* What each call of it asks for, together. */
    verb_fn *run;       /* NULL: it only has subcommands */
    uint64_t word;      /* its name as verbs_find compares it */
    uint64_t case_bits; /* of the word: set in letters of lower case only */
    int arity;          /* words with the name; negative: at least so many */
    int first_key;
    int last_key;
    unsigned flags;
    enum verb_need need;
    unsigned number;
    struct bytes full_name; /* "client|id" */
    bool is_child;
    bool has_children;

    const char *name;
    const char *flag_names;
    const char *categories;
    const char *tips;
    const char *group;
    const char *since;
    const char *complexity;
    const char *summary;
    int key_step;
    size_t spec_count;
    struct key_spec specs[VERB_SPECS_MAX];
};

struct verbs;

struct verbs *verbs_new(void);
void verbs_free(struct verbs **owner);

/* In any case of letters; NULL: there is none. Subcommands by their full names. */
const struct verb *verbs_find(const struct verbs *verbs, struct bytes name);

/* The command that these words call: a subcommand where there is one. NULL: unknown;
 * `ret_parent` says whether only the subcommand is (may be NULL). */
const struct verb *verbs_resolve(const struct verbs *verbs, const struct bytes *words, size_t count,
                                 const struct verb **ret_parent);

size_t verbs_count(const struct verbs *verbs);
const struct verb *verbs_at(const struct verbs *verbs, size_t number);

static inline bool verb_takes(const struct verb *verb, size_t word_count)
{
    return verb->arity >= 0 ? word_count == (size_t)verb->arity
                            : word_count >= (size_t)-verb->arity;
}

/* Calls `each` with the number of every word that is a key. ERR_SYNTAX: the words make no sense. */
typedef void verb_key_fn(void *context, size_t word, const struct key_spec *spec);
enum err verb_keys(const struct verb *verb, const struct bytes *words, size_t count,
                   verb_key_fn *each, void *context);

#endif
