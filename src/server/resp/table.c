/* table.c: COMMAND: the command table, told to clients. SPDX-License-Identifier: MIT */
#include "base/glob.h"
#include "base/must.h"
#include "server/resp/call.h"
#include "server/resp/handlers.h"

static void reply_words(struct call *call, const char *words)
{
    struct bytes rest = bytes_of_text(words), counted = rest;
    size_t count = 0;

    while (counted.size > 0) {
        (void)bytes_cut(&counted, ' ');
        count++;
    }
    reply_set(call, count);
    while (rest.size > 0)
        resp_add_simple(call->out, bytes_cut(&rest, ' '));
}

static void reply_number(struct call *call, const char *name, int64_t number)
{
    reply_text(call, name);
    reply_integer(call, number);
}

static void reply_spec(struct call *call, const struct key_spec *spec)
{
    struct bytes flags = spec->flags, counted = flags;
    size_t count = 0;

    while (counted.size > 0) {
        (void)bytes_cut(&counted, ' ');
        count++;
    }
    reply_map(call, 3);
    reply_text(call, "flags");
    reply_set(call, count);
    while (flags.size > 0)
        resp_add_simple(call->out, bytes_cut(&flags, ' '));
    reply_text(call, "begin_search");
    reply_map(call, 2);
    reply_text(call, "type");
    reply_text(call, "index");
    reply_text(call, "spec");
    reply_map(call, 1);
    reply_number(call, "index", (int64_t)spec->begin);
    reply_text(call, "find_keys");
    reply_map(call, 2);
    reply_text(call, "type");
    reply_text(call, spec->counted ? "keynum" : "range");
    reply_text(call, "spec");
    reply_map(call, 3);
    reply_number(call, spec->counted ? "keynumidx" : "lastkey", spec->last);
    reply_number(call, spec->counted ? "firstkey" : "keystep",
                 spec->counted ? spec->first : spec->step);
    reply_number(call, spec->counted ? "keystep" : "limit",
                 spec->counted ? spec->step : spec->limit);
}

/* Calls `each` with the subcommands, which stand behind their parent in the table. */
static size_t count_children(const struct verbs *verbs, const struct verb *parent)
{
    size_t count = 0, i = parent->number + 1;

    while (i < verbs_count(verbs) && verbs_at(verbs, i)->is_child) {
        count++;
        i++;
    }
    return parent->is_child ? 0 : count;
}

/* The ten parts of COMMAND INFO. One level of children follows in the last part. */
static void reply_head(struct call *call, const struct verb *verb)
{
    struct bytes tips = bytes_of_text(verb->tips), counted = tips;
    size_t count = 0;

    reply_array(call, 10);
    reply_text(call, verb->name);
    reply_integer(call, verb->arity);
    reply_words(call, verb->flag_names);
    reply_integer(call, verb->first_key);
    reply_integer(call, verb->last_key);
    reply_integer(call, verb->key_step);
    reply_words(call, verb->categories);
    while (counted.size > 0) {
        (void)bytes_cut(&counted, ' ');
        count++;
    }
    reply_set(call, count);
    while (tips.size > 0)
        reply_bulk(call, bytes_cut(&tips, ' '));
    reply_set(call, verb->spec_count);
    for (size_t i = 0; i < verb->spec_count; i++)
        reply_spec(call, &verb->specs[i]);
}

static void reply_verb(struct call *call, const struct verb *verb)
{
    size_t children = count_children(call->resp->verbs, verb);

    reply_head(call, verb);
    if (children == 0)
        reply_set(call, 0);
    else
        reply_array(call, children);
    for (size_t i = 1; i <= children; i++) {
        reply_head(call, verbs_at(call->resp->verbs, verb->number + i));
        reply_set(call, 0);
    }
}

static size_t count_parents(const struct verbs *verbs)
{
    size_t count = 0;

    for (size_t i = 0; i < verbs_count(verbs); i++)
        count += !verbs_at(verbs, i)->is_child;
    return count;
}

void on_command_all(struct call *call)
{
    const struct verbs *verbs = call->resp->verbs;

    reply_array(call, count_parents(verbs));
    for (size_t i = 0; i < verbs_count(verbs); i++) {
        if (!verbs_at(verbs, i)->is_child)
            reply_verb(call, verbs_at(verbs, i));
    }
}

void on_command_info(struct call *call)
{
    if (call->count == 2) {
        on_command_all(call);
        return;
    }
    reply_array(call, call->count - 2);
    for (size_t i = 2; i < call->count; i++) {
        const struct verb *verb = verbs_find(call->resp->verbs, call->words[i]);

        if (verb == NULL)
            reply_null(call);
        else
            reply_verb(call, verb);
    }
}

void on_command_count(struct call *call)
{
    reply_integer(call, (int64_t)count_parents(call->resp->verbs));
}

static void reply_docs(struct call *call, const struct verb *verb)
{
    size_t children = count_children(call->resp->verbs, verb);

    reply_text(call, verb->name);
    reply_map(call, children > 0 ? 5 : 4);
    reply_text(call, "summary");
    reply_text(call, verb->summary);
    reply_text(call, "since");
    reply_text(call, verb->since);
    reply_text(call, "group");
    reply_text(call, verb->group);
    reply_text(call, "complexity");
    reply_text(call, verb->complexity);
    if (children == 0)
        return;
    reply_text(call, "subcommands");
    reply_map(call, children);
    for (size_t i = 1; i <= children; i++) {
        const struct verb *child = verbs_at(call->resp->verbs, verb->number + i);

        reply_text(call, child->name);
        reply_map(call, 4);
        reply_text(call, "summary");
        reply_text(call, child->summary);
        reply_text(call, "since");
        reply_text(call, child->since);
        reply_text(call, "group");
        reply_text(call, child->group);
        reply_text(call, "complexity");
        reply_text(call, child->complexity);
    }
}

void on_command_docs(struct call *call)
{
    const struct verbs *verbs = call->resp->verbs;
    size_t count = 0;

    if (call->count == 2) {
        reply_map(call, count_parents(verbs));
        for (size_t i = 0; i < verbs_count(verbs); i++) {
            if (!verbs_at(verbs, i)->is_child)
                reply_docs(call, verbs_at(verbs, i));
        }
        return;
    }
    for (size_t i = 2; i < call->count; i++)
        count += verbs_find(verbs, call->words[i]) != NULL;
    reply_map(call, count);
    for (size_t i = 2; i < call->count; i++) {
        const struct verb *verb = verbs_find(verbs, call->words[i]);

        if (verb != NULL)
            reply_docs(call, verb);
    }
}

/* ---- LIST -------------------------------------------------------------------------------------
 */

enum list_filter { FILTER_NONE, FILTER_PATTERN, FILTER_CATEGORY, FILTER_MODULE };

static bool has_category(const struct verb *verb, struct bytes name)
{
    struct bytes rest = bytes_of_text(verb->categories);

    while (rest.size > 0) {
        if (bytes_equal_nocase(bytes_skip(bytes_cut(&rest, ' '), 1), name))
            return true;
    }
    return false;
}

static bool fits_filter(const struct verb *verb, enum list_filter filter, struct bytes word)
{
    switch (filter) {
    case FILTER_PATTERN:
        return glob_fits(word, verb->full_name);
    case FILTER_CATEGORY:
        return has_category(verb, word);
    case FILTER_MODULE:
        return false;
    case FILTER_NONE:
    default:
        return !verb->is_child;
    }
}

void on_command_list(struct call *call)
{
    const struct verbs *verbs = call->resp->verbs;
    enum list_filter filter = FILTER_NONE;
    struct bytes word = {0};
    size_t count = 0;

    if (call->count == 5 && word_is(call, 2, "filterby")) {
        word = call->words[4];
        filter = word_is(call, 3, "pattern")  ? FILTER_PATTERN
                 : word_is(call, 3, "aclcat") ? FILTER_CATEGORY
                 : word_is(call, 3, "module") ? FILTER_MODULE
                                              : FILTER_NONE;
    }
    if (call->count > 2 && filter == FILTER_NONE) {
        reply_syntax(call);
        return;
    }
    for (size_t i = 0; i < verbs_count(verbs); i++)
        count += fits_filter(verbs_at(verbs, i), filter, word);
    reply_array(call, count);
    for (size_t i = 0; i < verbs_count(verbs); i++) {
        if (fits_filter(verbs_at(verbs, i), filter, word))
            reply_text(call, verbs_at(verbs, i)->name);
    }
}

/* ---- GETKEYS ----------------------------------------------------------------------------------
 */

struct key_list {
    struct call *call;
    bool writes;
    bool with_flags;
    size_t count;
};

/* Of the commands here only SET depends on its options: with GET it reads, too. */
static struct bytes flags_of(struct call *call, const struct key_spec *spec)
{
    if (bytes_find_part(spec->flags, BYTES("variable_flags")) == spec->flags.size)
        return spec->flags;
    for (size_t i = 5; i < call->count; i++) {
        if (word_is(call, i, "get"))
            return BYTES("RW access update");
    }
    return BYTES("OW update");
}

static void note_key(void *context, size_t word, const struct key_spec *spec)
{
    struct key_list *list = context;
    struct bytes flags = flags_of(list->call, spec), counted = flags;
    size_t count = 0;

    list->count++;
    if (!list->writes)
        return;
    if (!list->with_flags) {
        reply_bulk(list->call, list->call->words[2 + word]);
        return;
    }
    while (counted.size > 0) {
        (void)bytes_cut(&counted, ' ');
        count++;
    }
    reply_array(list->call, 2);
    reply_bulk(list->call, list->call->words[2 + word]);
    reply_set(list->call, count);
    while (flags.size > 0)
        resp_add_simple(list->call->out, bytes_cut(&flags, ' '));
}

static void getkeys(struct call *call, bool with_flags)
{
    struct key_list list = {.call = call, .with_flags = with_flags};
    const struct bytes *words = call->words + 2;
    size_t count = call->count - 2;
    const struct verb *verb = verbs_resolve(call->resp->verbs, words, count, NULL);

    if (verb == NULL) {
        reply_error(call, "Invalid command specified");
        return;
    }
    if (verb->spec_count == 0) {
        reply_error(call, "The command has no key arguments");
        return;
    }
    if (!verb_takes(verb, count)) {
        reply_error(call, "Invalid number of arguments specified for command");
        return;
    }
    if (verb_keys(verb, words, count, note_key, &list) != ERR_OK || list.count == 0) {
        reply_error(call, "Invalid arguments specified for command");
        return;
    }
    reply_array(call, list.count);
    list.writes = true;
    must(verb_keys(verb, words, count, note_key, &list) == ERR_OK);
}

void on_command_getkeys(struct call *call)
{
    getkeys(call, false);
}

void on_command_getkeysandflags(struct call *call)
{
    getkeys(call, true);
}

void on_command_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    All commands.",
        "COUNT",
        "    How many commands there are.",
        "DOCS [<command> ...]",
        "    What commands are for.",
        "GETKEYS <full-command>",
        "    The keys within a command.",
        "GETKEYSANDFLAGS <full-command>",
        "    The keys within a command, and what is done to each.",
        "INFO [<command> ...]",
        "    Arity, flags and key positions.",
        "LIST [FILTERBY (MODULE|ACLCAT|PATTERN) <word>]",
        "    The names of commands.",
    };

    reply_help(call, lines, sizeof lines / sizeof lines[0]);
}
