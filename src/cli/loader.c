/* loader.c: larder.yaml against the tables. SPDX-License-Identifier: MIT */
#include "base/guess.h"
#include "base/mem.h"
#include "base/must.h"
#include "cli/config.h"
#include "cli/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { TREE_MAX = 64 << 20, PATH_SIZE = 256, CANDIDATES_MAX = 128 };

/* One walk through a file. */
struct walk {
    struct config *config;
    const struct config_section *section;
    void *record;     /* the settings that are filled */
    const char *name; /* of the whole: "cache", "routes.products", "" */
    const char *file;
    struct fault *fault;
};

/* ---- sentences ------------------------------------------------------------------------------ */

static enum err at(const struct walk *walk, const struct yaml_node *node, enum err err)
{
    fault_at(walk->fault, walk->file, node->line, node->column);
    return err;
}

/* Puts the setting's name before the sentence. */
static enum err name_it(const struct walk *walk, const char *path, enum err err)
{
    char sentence[sizeof walk->fault->text];

    memcpy(sentence, walk->fault->text, sizeof sentence);
    return fault_say(walk->fault, err, "%s%s%s: %s", walk->name,
                     walk->name[0] == '\0' || path[0] == '\0' ? "" : ".", path, sentence);
}

static void add_candidate(const char **candidates, size_t *count, const char *word)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(candidates[i], word) == 0)
            return;
    }
    if (*count < CANDIDATES_MAX)
        candidates[(*count)++] = word;
}

/* The keys that may stand below `prefix` ("" or "timeout."). */
static size_t keys_below(const struct walk *walk, const char *prefix, const char **candidates)
{
    size_t count = 0, size = strlen(prefix);

    for (size_t i = 0; i < walk->section->count; i++) {
        struct bytes rest = bytes_of_text(walk->section->settings[i].path);

        if (!bytes_begin_with(rest, bytes_of_text(prefix)))
            continue;
        rest = bytes_skip(rest, size);
        struct bytes word = arena_copy(&walk->config->arena, bytes_cut(&rest, '.'));

        if (word.data != NULL)
            add_candidate(candidates, &count, (const char *)word.data);
    }
    if (walk->section->name[0] != '\0')
        return count;
    for (size_t i = 0; i < config_sections_count; i++) {
        if (config_sections[i].name[0] != '\0')
            add_candidate(candidates, &count, config_sections[i].name);
    }
    return count;
}

static enum err unknown_key(const struct walk *walk, const char *prefix,
                            const struct yaml_node *node)
{
    const char *candidates[CANDIDATES_MAX];
    size_t count = keys_below(walk, prefix, candidates);
    const char *near = guess(node->name, candidates, count);
    struct buf buf;

    buf_init(&buf, 2048, NULL);
    buf_printf(&buf, "there is no setting \"%.*s\" here", BYTES_ARG(node->name));
    if (near != NULL)
        buf_printf(&buf, "; did you mean \"%s\"?", near);
    else
        buf_add_text(&buf, "; there are: ");
    for (size_t i = 0; near == NULL && i < count; i++)
        buf_printf(&buf, "%s%s", i == 0 ? "" : ", ", candidates[i]);
    enum err err = fault_say(walk->fault, ERR_SYNTAX, "%.*s", BYTES_ARG(buf_bytes(&buf)));

    buf_fini(&buf);
    (void)at(walk, node, err);
    char place[PATH_SIZE];

    (void)snprintf(place, sizeof place, "%.*s", (int)(strlen(prefix) == 0 ? 0 : strlen(prefix) - 1),
                   prefix);
    return walk->name[0] == '\0' && place[0] == '\0' ? err : name_it(walk, place, err);
}
/* ---- values --------------------------------------------------------------------------------- */

static enum err read_texts(const struct walk *walk, const struct setting *setting,
                           const struct yaml_node *list)
{
    struct bytes *texts = mem_new(list->count + 1, sizeof *texts);
    size_t count = 0;
    enum err err = ERR_OK;

    for (const struct yaml_node *node = list->children; node != NULL && err == ERR_OK;
         node = node->next) {
        if (node->kind != YAML_TEXT)
            err = at(walk, node,
                     fault_say(walk->fault, ERR_SYNTAX,
                               "a text must stand here: a text with { } [ ] or a colon and a blank "
                               "needs quotes, such as \"product:{id}\""));
        else
            texts[count++] = node->text;
    }
    if (err == ERR_OK)
        err =
            value_read_list(setting, texts, count, &walk->config->arena, walk->record, walk->fault);
    mem_free(&texts);
    return err;
}

static enum err read_one(const struct walk *walk, const struct setting *setting,
                         const struct yaml_node *node)
{
    (void)at(walk, node, ERR_OK);
    if (setting->kind == VALUE_LIST) {
        if (node->kind == YAML_LIST)
            return read_texts(walk, setting, node);
        if (node->kind == YAML_TEXT && node->text.size > 0)
            return fault_say(walk->fault, ERR_SYNTAX, "this is a list: write [\"%.*s\"]",
                             BYTES_ARG(node->text));
        return fault_say(walk->fault, ERR_SYNTAX, "this is a list: write [\"a\", \"b\"]");
    }
    if (node->kind == YAML_LIST)
        return fault_say(walk->fault, ERR_SYNTAX, "this is one %s, not a list",
                         value_kind_name(setting->kind));
    if (node->kind == YAML_MAP)
        return fault_say(walk->fault, ERR_SYNTAX,
                         "this is one %s, not a map (a text that begins with { needs quotes)",
                         value_kind_name(setting->kind));
    return value_read(setting, node->text, &walk->config->arena, walk->record, walk->fault);
}

static enum err read_setting(const struct walk *walk, const struct setting *setting,
                             const struct yaml_node *node)
{
    enum err err = read_one(walk, setting, node);

    if (err != ERR_OK)
        return name_it(walk, setting->path, err);
    return config_mark(walk->config, value_field(setting, walk->record),
                       (struct config_place){walk->file, node->line, node->column}, walk->fault);
}
static bool has_below(const struct config_section *section, const char *prefix)
{
    for (size_t i = 0; i < section->count; i++) {
        if (strncmp(section->settings[i].path, prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

static bool is_nothing(const struct yaml_node *node)
{
    return node->kind == YAML_TEXT && node->text.size == 0 && !node->quoted;
}

static enum err read_map(const struct walk *walk, const char *prefix, const struct yaml_node *map);

/* `path` names a map of settings: "timeout", say. */
static enum err read_group(const struct walk *walk, const char *path, const char *prefix,
                           const struct yaml_node *node)
{
    const char *candidates[CANDIDATES_MAX];

    if (node->kind == YAML_MAP)
        return read_map(walk, prefix, node);
    if (is_nothing(node))
        return ERR_OK;
    (void)keys_below(walk, prefix, candidates);
    (void)at(walk, node, ERR_OK);
    return name_it(walk, path,
                   fault_say(walk->fault, ERR_SYNTAX,
                             "this is a map of settings: write {%s: ...}, or the keys on lines of "
                             "their own, indented",
                             candidates[0]));
}

static enum err read_key(const struct walk *walk, const char *prefix, const struct yaml_node *node)
{
    char path[PATH_SIZE], below[PATH_SIZE];
    int size = snprintf(path, sizeof path, "%s%.*s", prefix, BYTES_ARG(node->name));

    if (size < 0 || (size_t)size + 1 >= sizeof path)
        return unknown_key(walk, prefix, node);
    (void)snprintf(below, sizeof below, "%.*s.", (int)sizeof below - 2, path);
    const struct setting *setting = config_find_setting(walk->section, path);
    bool is_group = has_below(walk->section, below);

    if (setting != NULL && !(is_group && node->kind == YAML_MAP))
        return read_setting(walk, setting, node);
    if (is_group)
        return read_group(walk, path, below, node);
    return unknown_key(walk, prefix, node);
}

static enum err read_map(const struct walk *walk, const char *prefix, const struct yaml_node *map)
{
    for (const struct yaml_node *node = map->children; node != NULL; node = node->next)
        TRY(config_note(walk->config, read_key(walk, prefix, node), walk->fault));
    return ERR_OK;
}
/* ---- sections ------------------------------------------------------------------------------- */

static enum err read_item(struct walk *walk, const struct yaml_node *node)
{
    char name[sizeof "origins." + CONFIG_NAME_MAX];
    struct config_list *list = config_list_of(walk->config, walk->section);

    (void)at(walk, node, ERR_OK);
    TRY(config_add_item(walk->config, walk->section, node->name,
                        (struct config_place){walk->file, node->line, node->column}, walk->fault));
    (void)snprintf(name, sizeof name, "%s.%.*s", walk->section->name, BYTES_ARG(node->name));
    walk->name = name;
    walk->record =
        (char *)config_item_at(walk->section, list, list->count - 1) + walk->section->offset;
    enum err err = ERR_OK;

    if (node->kind == YAML_MAP)
        err = read_map(walk, "", node);
    else if (!is_nothing(node))
        err = name_it(walk, "",
                      fault_say(walk->fault, ERR_SYNTAX, "a map of settings must stand here"));
    walk->name = walk->section->name;
    return err;
}

static enum err read_section(struct walk *walk, const struct yaml_node *node)
{
    walk->name = walk->section->name;
    if (is_nothing(node))
        return ERR_OK;
    if (node->kind != YAML_MAP) {
        (void)at(walk, node, ERR_OK);
        return name_it(walk, "",
                       fault_say(walk->fault, ERR_SYNTAX,
                                 "a map must stand here: write the keys "
                                 "on lines of their own, indented"));
    }
    if (walk->section->items == NULL) {
        walk->record = (char *)walk->config + walk->section->offset;
        return read_map(walk, "", node);
    }
    for (const struct yaml_node *item = node->children; item != NULL; item = item->next)
        TRY(config_note(walk->config, read_item(walk, item), walk->fault));
    return ERR_OK;
}
static enum err read_root(struct config *config, const char *file, const struct yaml_node *root,
                          struct fault *fault)
{
    const struct config_section *top = config_find_section(BYTES(""));
    struct walk walk = {.config = config, .file = file, .fault = fault, .name = ""};

    for (const struct yaml_node *node = root->children; node != NULL; node = node->next) {
        const struct config_section *section =
            node->name.size == 0 ? NULL : config_find_section(node->name);

        walk.section = section == NULL ? top : section;
        if (section != NULL) {
            TRY(config_note(config, read_section(&walk, node), fault));
            continue;
        }
        walk.name = "";
        walk.record = (char *)config + top->offset;
        TRY(config_note(config, read_key(&walk, "", node), fault));
    }
    return config_first_fault(config, fault);
}

enum err config_read(struct config *config, const char *file, struct bytes text,
                     struct fault *fault)
{
    const struct yaml_node *root = NULL;
    struct bytes name = arena_copy(&config->arena, bytes_of_text(file));
    struct arena arena;

    if (name.data == NULL)
        return config_out_of_room(fault);
    config->file = (const char *)name.data;
    arena_init(&arena, TREE_MAX);
    fault_at(fault, file, 0, 0);
    enum err err = yaml_read(&arena, text, &root, fault);

    if (err == ERR_OK)
        err = read_root(config, config->file, root, fault);
    arena_fini(&arena);
    return err;
}

static enum err read_all(int fd, struct buf *buf, const char *file, struct fault *fault)
{
    for (;;) {
        uint8_t *room = buf_room(buf, 65536);

        if (room == NULL)
            return fault_say(fault, ERR_TOO_BIG, "%s is larger than %d KiB", file,
                             YAML_SIZE_MAX / 1024);
        ssize_t size = read(fd, room, 65536);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fault_say(fault, ERR_DISK, "%s cannot be read: %s", file, strerror(errno));
        if (size == 0)
            return ERR_OK;
        buf_grew(buf, (size_t)size);
    }
}

enum err config_read_file(struct config *config, const char *file, struct fault *fault)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct buf buf;

    if (fd < 0)
        return fault_say(fault, errno == ENOENT ? ERR_MISS : ERR_DISK,
                         "%s cannot be opened: %s; name another with -c FILE, or run without one: "
                         "larder serve --origin http://HOST:PORT",
                         file, strerror(errno));
    buf_init(&buf, YAML_SIZE_MAX + 2 * 65536, NULL);
    enum err err = read_all(fd, &buf, file, fault);

    (void)close(fd);
    if (err == ERR_OK)
        err = config_read(config, file, buf_bytes(&buf), fault);
    buf_fini(&buf);
    return err;
}
