/* config.c: defaults, places, items, flags. SPDX-License-Identifier: MIT */
#include "cli/config.h"

#include "base/mem.h"
#include "base/must.h"

enum { ARENA_MAX = 64 << 20 };

struct config_mark {
    struct config_mark *next;
    const void *field;
    struct config_place place;
};

const struct config_section *config_find_section(struct bytes name)
{
    for (size_t i = 0; i < config_sections_count; i++) {
        if (bytes_equal(bytes_of_text(config_sections[i].name), name))
            return &config_sections[i];
    }
    return NULL;
}
const struct setting *config_find_setting(const struct config_section *section, const char *path)
{
    for (size_t i = 0; i < section->count; i++) {
        if (strcmp(section->settings[i].path, path) == 0)
            return &section->settings[i];
    }
    return NULL;
}
/* ---- birth ---------------------------------------------------------------------------------- */

static void reset(struct config *config, const struct config_section *section, void *record)
{
    for (size_t i = 0; i < section->count; i++)
        value_reset(&section->settings[i], &config->arena, record);
}

void config_init(struct config *config)
{
    memset(config, 0, sizeof *config);
    arena_init(&config->arena, ARENA_MAX);
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];

        if (section->items == NULL)
            reset(config, section, (char *)config + section->offset);
    }
}

struct config_list *config_list_of(struct config *config, const struct config_section *section)
{
    return (struct config_list *)(void *)((char *)config + section->items->list);
}

void config_fini(struct config *config)
{
    for (size_t i = 0; i < config_sections_count; i++) {
        if (config_sections[i].items != NULL)
            mem_free(&config_list_of(config, &config_sections[i])->items);
    }
    arena_fini(&config->arena);
}
/* ---- places --------------------------------------------------------------------------------- */

enum err config_out_of_room(struct fault *fault)
{
    return fault_say(fault, ERR_FULL, "the configuration is too large");
}

enum err config_mark(struct config *config, const void *field, struct config_place place,
                     struct fault *fault)
{
    struct config_mark *one = arena_take(&config->arena, sizeof *one);

    if (one == NULL)
        return config_out_of_room(fault);
    *one = (struct config_mark){config->marks, field, place};
    config->marks = one;
    return ERR_OK;
}

const struct config_place *config_where(const struct config *config, const void *field)
{
    for (const struct config_mark *one = config->marks; one != NULL; one = one->next) {
        if (one->field == field)
            return &one->place;
    }
    return NULL;
}
/* ---- faults --------------------------------------------------------------------------------- */

enum err config_note(struct config *config, enum err err, const struct fault *fault)
{
    if (err == ERR_OK || err == ERR_FULL)
        return err;
    if (config->faults == NULL)
        config->faults = arena_take(&config->arena, CONFIG_FAULTS_MAX * sizeof *config->faults);
    if (config->faults == NULL || config->fault_count == CONFIG_FAULTS_MAX)
        return err;
    if (config->fault_count == 0)
        config->first_err = err;
    config->faults[config->fault_count++] = *fault;
    return ERR_OK;
}

enum err config_first_fault(const struct config *config, struct fault *fault)
{
    if (config->fault_count == 0)
        return ERR_OK;
    *fault = config->faults[0];
    return config->first_err;
}
/* ---- items ----------------------------------------------------------------------------------- */

static bool is_name(struct bytes name)
{
    if (name.size == 0 || name.size > CONFIG_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = byte_lower(name.data[i]);

        if (!(byte >= 'a' && byte <= 'z') && !(byte >= '0' && byte <= '9') && byte != '-' &&
            byte != '_')
            return false;
    }
    return true;
}
void *config_item_at(const struct config_section *section, const struct config_list *list, size_t i)
{
    return (char *)list->items + i * section->items->size;
}

static const char **name_of(const struct config_section *section, void *item)
{
    return (const char **)(void *)((char *)item + section->items->name);
}

static void *find_item(const struct config_section *section, const struct config_list *list,
                       struct bytes name)
{
    for (size_t i = 0; i < list->count; i++) {
        void *item = config_item_at(section, list, i);

        if (bytes_equal(bytes_of_text(*name_of(section, item)), name))
            return item;
    }
    return NULL;
}

/* One more item with all defaults. Items never move, so their fields can be marked. */
enum err config_add_item(struct config *config, const struct config_section *section,
                         struct bytes name, struct config_place place, struct fault *fault)
{
    struct config_list *list = config_list_of(config, section);
    const struct config_items *items = section->items;

    if (!is_name(name))
        return fault_say(fault, ERR_SYNTAX,
                         "%s: \"%.*s\" is no name: letters, digits, - and _, at most %d of them",
                         section->name, BYTES_ARG(name), CONFIG_NAME_MAX);
    if (find_item(section, list, name) != NULL)
        return fault_say(fault, ERR_EXISTS, "%s: there is a \"%.*s\" already", section->name,
                         BYTES_ARG(name));
    if (list->count >= items->most)
        return fault_say(fault, ERR_TOO_BIG, "%s: more than %zu are not supported", section->name,
                         items->most);
    if (list->items == NULL)
        list->items = mem_new(items->most, items->size);
    struct bytes copy = arena_copy(&config->arena, name);

    if (copy.data == NULL)
        return config_out_of_room(fault);
    char *item = config_item_at(section, list, list->count++);

    *name_of(section, item) = (const char *)copy.data;
    *(const char **)(void *)(item + items->file) = place.line > 0 ? place.file : NULL;
    *(int *)(void *)(item + items->line) = place.line;
    reset(config, section, item + section->offset);
    return ERR_OK;
}
/* ---- flags ---------------------------------------------------------------------------------- */

enum err config_set(struct config *config, const char *path, const char *flag, const char *text,
                    struct fault *fault)
{
    size_t dot = strcspn(path, ".");
    const struct config_section *section = config_find_section(bytes_of(path, dot));
    const char *rest = path + dot + 1;

    if (section == NULL) {
        section = config_find_section(BYTES(""));
        rest = path;
    }
    must(section->items == NULL);
    const struct setting *setting = config_find_setting(section, rest);
    void *record = (char *)config + section->offset;

    must(setting != NULL);
    enum err err = value_read(setting, bytes_of_text(text), &config->arena, record, fault);

    if (err != ERR_OK) {
        char sentence[sizeof fault->text];

        memcpy(sentence, fault->text, sizeof sentence);
        return fault_say(fault, err, "%s: %s", flag, sentence);
    }
    return config_mark(config, value_field(setting, record), (struct config_place){flag, 0, 0},
                       fault);
}

enum err config_add_origin(struct config *config, const char *name, const char *flag,
                           struct config_origin **ret_origin, struct fault *fault)
{
    TRY(config_add_item(config, config_find_section(BYTES("origins")), bytes_of_text(name),
                        (struct config_place){flag, 0, 0}, fault));
    *ret_origin = config_origin(config, config->origins.count - 1);
    return ERR_OK;
}

enum err config_add_route(struct config *config, const char *name, const char *flag,
                          struct route_settings **ret_route, struct fault *fault)
{
    TRY(config_add_item(config, config_find_section(BYTES("routes")), bytes_of_text(name),
                        (struct config_place){flag, 0, 0}, fault));
    *ret_route = config_route(config, config->routes.count - 1);
    return ERR_OK;
}

struct config_origin *config_find_origin(const struct config *config, const char *name)
{
    return find_item(config_find_section(BYTES("origins")), &config->origins, bytes_of_text(name));
}
