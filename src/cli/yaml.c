/* yaml.c: libyaml's events, gathered into a tree. SPDX-License-Identifier: MIT */
#include "cli/yaml.h"

#include "base/must.h"

#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    struct arena *arena;
    struct bytes source;
    struct fault *fault;
    size_t nodes;
};

static enum err say_at(struct reader *reader, yaml_mark_t mark)
{
    reader->fault->line = (int)mark.line + 1;
    reader->fault->column = (int)mark.column + 1;
    return ERR_SYNTAX;
}

/* ---- what is wrong, in words that help ----------------------------------------------------- */

/* From `mark` on, what the writer took for one word of a flow list or map: up to the next comma,
 * or the bracket that closes what is around it. */
static struct bytes word_at(struct bytes source, size_t start)
{
    size_t end = start, open = 0;

    for (; end < source.size; end++) {
        uint8_t byte = source.data[end];

        if (byte == '\n' || byte == ',' || (open == 0 && (byte == ']' || byte == '}')))
            break;
        if (byte == '{' || byte == '[')
            open++;
        if (byte == '}' || byte == ']')
            open--;
    }
    return bytes_trim(bytes_slice(source, start, end));
}

/* Back from `at` to where the word that holds it begins. */
static size_t word_start(struct bytes source, size_t at)
{
    while (at > 0 && strchr(",[{ \n", source.data[at - 1]) == NULL)
        at--;
    return at;
}

/* The place of a mark in bytes. libyaml counts characters, which differ from bytes behind a letter
 * that UTF-8 writes with several. */
static size_t mark_offset(struct bytes source, yaml_mark_t mark)
{
    size_t at = 0, characters = 0;

    for (size_t line = 0; line < mark.line && at < source.size; at++)
        line += source.data[at] == '\n';
    while (at < source.size && source.data[at] != '\n') {
        characters += (source.data[at] & 0xc0) != 0x80;
        if (characters > mark.column)
            break;
        at++;
    }
    return at;
}

static bool has(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}

/* A mistake that libyaml knows in its own words only, and what to do about it. */
static const struct {
    const char *problem, *text;
} hints[] = {
    {"mapping values are not allowed",
     "a colon and a blank within a text begin a new map here: put the text in quotes"},
    {"found character that cannot start any token",
     "this character cannot begin a text: indent with blanks, never with tabs, and put a text that "
     "begins with @, %, ` or a tab in quotes"},
    {"found unexpected end of stream", "the quotes that begin here are never closed"},
    {"could not find expected ':'", "a key without a colon behind it"},
    {"did not find expected ',' or '}'",
     "the { that begins a map is not closed where it should be: put a text that holds { or } in "
     "quotes"},
    {"did not find expected ',' or ']'",
     "the [ that begins a list is not closed where it should be: put a text that holds [ or ] in "
     "quotes"},
    {"did not find expected key", "a key was expected here: check the indentation"},
    {"did not find expected '-' indicator",
     "an element of the list, beginning with -, was expected here: check the indentation"},
    {"did not find expected <document start>",
     "the text goes on behind its end: check the indentation"},
    {"block sequence entries are not allowed", "a list cannot begin here: put it on its own lines"},
    {"control characters are not allowed", "a control character: remove it"},
    {"invalid leading UTF-8 octet", "this is no UTF-8 text"},
    {"invalid trailing UTF-8 octet", "this is no UTF-8 text"},
    {"incomplete UTF-8 octet sequence", "this is no UTF-8 text"},
    {"unknown escape character",
     "an unknown escape after \\: write \\\\ for a backslash, or use single quotes"},
};

static enum err say_flow_word(struct reader *reader, yaml_mark_t mark)
{
    size_t at = mark_offset(reader->source, mark);
    struct bytes word = word_at(reader->source, word_start(reader->source, at));

    (void)say_at(reader, mark);
    return fault_say(reader->fault, ERR_SYNTAX,
                     "a text with { } or : within [ ] or { } needs quotes: write \"%.*s\"",
                     BYTES_ARG(word));
}

static enum err say_parser_error(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem;
    yaml_mark_t mark = parser->problem_mark;

    if (has(problem, "found unexpected ':'") && has(parser->context, "plain scalar"))
        return say_flow_word(reader, parser->context_mark);
    size_t at = mark_offset(reader->source, mark);

    if (has(problem, "did not find expected ','") && at > 0 && at < reader->source.size &&
        reader->source.data[at] == '{')
        return say_flow_word(reader, mark);
    (void)say_at(reader, has(problem, "unexpected end of stream") ? parser->context_mark : mark);
    if (parser->error == YAML_READER_ERROR) {
        /* Here libyaml knows only a place in bytes. */
        size_t offset = parser->problem_offset;
        int line = 1;

        for (size_t i = 0; i < offset && i < reader->source.size; i++)
            line += reader->source.data[i] == '\n';
        reader->fault->line = line;
        reader->fault->column = 0;
    }
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (has(problem, hints[i].problem))
            return fault_say(reader->fault, ERR_SYNTAX, "%s", hints[i].text);
    }
    return fault_say(reader->fault, ERR_SYNTAX, "this is no YAML: %s",
                     problem == NULL ? "it cannot be read" : problem);
}

/* ---- events --------------------------------------------------------------------------------- */

static enum err next_event(struct reader *reader, yaml_event_t *ret_event)
{
    if (yaml_parser_parse(&reader->parser, ret_event) == 0)
        return say_parser_error(reader);
    return ERR_OK;
}

/* What is valid YAML and not for us. */
static enum err check_plain(struct reader *reader, const yaml_char_t *anchor,
                            const yaml_char_t *tag, yaml_mark_t mark)
{
    (void)say_at(reader, mark);
    if (anchor != NULL)
        return fault_say(reader->fault, ERR_UNSUPPORTED,
                         "anchors (&%s) are not supported: write the value where it is used, or "
                         "put a text that begins with & in quotes",
                         (const char *)anchor);
    if (tag != NULL)
        return fault_say(reader->fault, ERR_UNSUPPORTED,
                         "tags (%s) are not supported: put a text that begins with ! in quotes",
                         (const char *)tag);
    return ERR_OK;
}

static enum err new_node(struct reader *reader, enum yaml_kind kind, yaml_mark_t mark,
                         struct yaml_node **ret_node)
{
    struct yaml_node *node = NULL;

    if (reader->nodes < YAML_NODES_MAX)
        node = arena_take(reader->arena, sizeof *node);
    if (node == NULL) {
        (void)say_at(reader, mark);
        return fault_say(reader->fault, ERR_TOO_BIG,
                         "the file holds too much: at most %d keys and values are read",
                         YAML_NODES_MAX);
    }
    reader->nodes++;
    *node = (struct yaml_node){
        .kind = kind, .line = (int)mark.line + 1, .column = (int)mark.column + 1};
    *ret_node = node;
    return ERR_OK;
}

static enum err keep_text(struct reader *reader, const yaml_event_t *event, struct bytes *ret_text)
{
    struct bytes text = bytes_of(event->data.scalar.value, event->data.scalar.length);

    (void)say_at(reader, event->start_mark);
    if (bytes_find(text, '\0') < text.size)
        return fault_say(reader->fault, ERR_SYNTAX, "a text must not hold a NUL");
    text = arena_copy(reader->arena, text);
    if (text.data == NULL)
        return fault_say(reader->fault, ERR_TOO_BIG, "the file holds too much text");
    *ret_text = text;
    return ERR_OK;
}

static enum err read_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
                          struct yaml_node **ret_node);

static enum err read_list(struct reader *reader, unsigned depth, struct yaml_node *list)
{
    must(list != NULL);
    struct yaml_node **end = &list->children;

    for (;;) {
        yaml_event_t event;

        TRY(next_event(reader, &event));
        enum err err = ERR_OK;
        bool is_end = event.type == YAML_SEQUENCE_END_EVENT;

        if (!is_end)
            err = read_node(reader, &event, depth, end);
        yaml_event_delete(&event);
        if (is_end || err != ERR_OK)
            return err;
        end = &(*end)->next;
        list->count++;
    }
}

static enum err read_key(struct reader *reader, const yaml_event_t *event,
                         const struct yaml_node *map, struct bytes *ret_name)
{
    struct bytes name = {NULL, 0};

    (void)say_at(reader, event->start_mark);
    if (event->type == YAML_ALIAS_EVENT)
        return fault_say(reader->fault, ERR_UNSUPPORTED,
                         "aliases (*%s) are not supported: put a text that begins with * in quotes",
                         (const char *)event->data.alias.anchor);
    if (event->type != YAML_SCALAR_EVENT)
        return fault_say(reader->fault, ERR_SYNTAX,
                         "a key must be a text: a value that holds { or [ needs quotes");
    TRY(check_plain(reader, event->data.scalar.anchor, event->data.scalar.tag, event->start_mark));
    TRY(keep_text(reader, event, &name));
    if (bytes_equal(name, BYTES("<<")))
        return fault_say(reader->fault, ERR_UNSUPPORTED, "merging (<<) is not supported");
    if (map->count >= YAML_KEYS_MAX)
        return fault_say(reader->fault, ERR_TOO_BIG, "more than %d keys in one map", YAML_KEYS_MAX);
    for (const struct yaml_node *other = map->children; other != NULL; other = other->next) {
        if (bytes_equal(other->name, name))
            return fault_say(reader->fault, ERR_SYNTAX,
                             "\"%.*s\" stands here twice: the first time in line %d",
                             BYTES_ARG(name), other->line);
    }
    *ret_name = name;
    return ERR_OK;
}

static enum err read_pair(struct reader *reader, const yaml_event_t *key, unsigned depth,
                          struct yaml_node *map, struct yaml_node **place)
{
    struct bytes name = {NULL, 0};
    struct yaml_node *node = NULL;
    yaml_event_t event;

    TRY(read_key(reader, key, map, &name));
    TRY(next_event(reader, &event));
    enum err err = read_node(reader, &event, depth, &node);

    yaml_event_delete(&event);
    if (err != ERR_OK)
        return err;
    node->name = name;
    node->line = (int)key->start_mark.line + 1;
    node->column = (int)key->start_mark.column + 1;
    *place = node;
    return ERR_OK;
}

static enum err read_map(struct reader *reader, unsigned depth, struct yaml_node *map)
{
    must(map != NULL);
    struct yaml_node **end = &map->children;

    for (;;) {
        yaml_event_t event;

        TRY(next_event(reader, &event));
        enum err err = ERR_OK;
        bool is_end = event.type == YAML_MAPPING_END_EVENT;

        if (!is_end)
            err = read_pair(reader, &event, depth, map, end);
        yaml_event_delete(&event);
        if (is_end || err != ERR_OK)
            return err;
        end = &(*end)->next;
        map->count++;
    }
}

static enum err read_text(struct reader *reader, const yaml_event_t *event,
                          struct yaml_node **ret_node)
{
    struct yaml_node *node = NULL;

    TRY(check_plain(reader, event->data.scalar.anchor, event->data.scalar.tag, event->start_mark));
    TRY(new_node(reader, YAML_TEXT, event->start_mark, &node));
    TRY(keep_text(reader, event, &node->text));
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    *ret_node = node;
    return ERR_OK;
}

/* Reads the node that begins with `event`. */
static enum err read_node(struct reader *reader, const yaml_event_t *event, unsigned depth,
                          struct yaml_node **ret_node)
{
    yaml_mark_t mark = event->start_mark;

    if (event->type == YAML_SCALAR_EVENT)
        return read_text(reader, event, ret_node);
    (void)say_at(reader, mark);
    if (event->type == YAML_ALIAS_EVENT)
        return fault_say(reader->fault, ERR_UNSUPPORTED,
                         "aliases are not supported: if you mean the text, write \"*%s\"",
                         (const char *)event->data.alias.anchor);
    if (depth >= YAML_DEPTH_MAX)
        return fault_say(reader->fault, ERR_TOO_BIG,
                         "maps and lists may stand at most %d deep within each other",
                         YAML_DEPTH_MAX);
    if (event->type == YAML_SEQUENCE_START_EVENT) {
        TRY(check_plain(reader, event->data.sequence_start.anchor, event->data.sequence_start.tag,
                        mark));
        TRY(new_node(reader, YAML_LIST, mark, ret_node));
        return read_list(reader, depth + 1, *ret_node);
    }
    must(event->type == YAML_MAPPING_START_EVENT);
    TRY(check_plain(reader, event->data.mapping_start.anchor, event->data.mapping_start.tag, mark));
    TRY(new_node(reader, YAML_MAP, mark, ret_node));
    return read_map(reader, depth + 1, *ret_node);
}

static enum err read_event(struct reader *reader, const yaml_event_t *event,
                           struct yaml_node **root)
{
    switch ((int)event->type) {
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return ERR_OK;
    case YAML_DOCUMENT_START_EVENT:
        (void)say_at(reader, event->start_mark);
        if (*root != NULL)
            return fault_say(reader->fault, ERR_UNSUPPORTED,
                             "a second document begins here: one file is one configuration");
        if (event->data.document_start.version_directive != NULL ||
            event->data.document_start.tag_directives.start !=
                event->data.document_start.tag_directives.end)
            return fault_say(reader->fault, ERR_UNSUPPORTED, "directives (%%) are not supported");
        return ERR_OK;
    default:
        return read_node(reader, event, 0, root);
    }
}

static enum err read_stream(struct reader *reader, struct yaml_node **root)
{
    enum err err = ERR_OK;
    bool is_end = false;

    while (err == ERR_OK && !is_end) {
        yaml_event_t event;

        TRY(next_event(reader, &event));
        is_end = event.type == YAML_STREAM_END_EVENT;
        err = read_event(reader, &event, root);
        yaml_event_delete(&event);
    }
    return err;
}

enum err yaml_read(struct arena *arena, struct bytes text, const struct yaml_node **ret_root,
                   struct fault *fault)
{
    struct reader reader = {.arena = arena, .source = text, .fault = fault};
    struct yaml_node *root = NULL;

    fault->line = 0;
    fault->column = 0;
    if (text.size > YAML_SIZE_MAX)
        return fault_say(fault, ERR_TOO_BIG, "the file is larger than %d KiB",
                         YAML_SIZE_MAX / 1024);
    if (yaml_parser_initialize(&reader.parser) == 0)
        return fault_say(fault, ERR_FULL, "there is no memory to read it");
    yaml_parser_set_input_string(&reader.parser,
                                 text.data == NULL ? (const uint8_t *)"" : text.data, text.size);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    enum err err = read_stream(&reader, &root);

    if (err == ERR_OK && root == NULL)
        err = new_node(&reader, YAML_MAP, (yaml_mark_t){0, 0, 0}, &root);
    yaml_parser_delete(&reader.parser);
    if (err != ERR_OK)
        return err;
    must(root != NULL);
    if (root->kind == YAML_TEXT && root->text.size == 0 && !root->quoted)
        root->kind = YAML_MAP;
    if (root->kind != YAML_MAP) {
        fault->line = root->line;
        fault->column = root->column;
        return fault_say(fault, ERR_SYNTAX,
                         "the file must be a map with keys such as \"origins:\" and \"routes:\"");
    }
    *ret_root = root;
    return ERR_OK;
}
