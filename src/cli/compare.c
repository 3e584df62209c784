/* compare.c: two configurations, row by row. SPDX-License-Identifier: MIT */
#include "cli/compare.h"

#include "base/mem.h"
#include "base/must.h"

enum { VALUE_TEXT_MAX = 1 << 20, PATH_SIZE = 256 };

struct comparing {
    const struct config *was_config, *is_config;
    compare_row_fn *each; /* NULL: only count */
    void *context;
    struct buf was, is;
    size_t count;
};

static const void *record_at(const struct config *config, const struct config_section *section,
                             size_t i)
{
    const char *base = (const char *)config;

    if (section->items == NULL)
        return base + section->offset;
    const struct config_list *list =
        (const struct config_list *)(const void *)(base + section->items->list);

    return (const char *)list->items + i * section->items->size + section->offset;
}

static size_t count_of(const struct config *config, const struct config_section *section)
{
    if (section->items == NULL)
        return 1;
    return ((const struct config_list *)(const void *)((const char *)config + section->items->list))
        ->count;
}

static const char *name_of(const struct config *config, const struct config_section *section,
                           size_t i)
{
    if (section->items == NULL)
        return "";
    const char *item = (const char *)record_at(config, section, i) - section->offset;

    return *(const char *const *)(const void *)(item + section->items->name);
}

static bool find(const struct config *config, const struct config_section *section,
                 const char *name, size_t *ret_at)
{
    for (size_t i = 0; i < count_of(config, section); i++) {
        if (strcmp(name_of(config, section, i), name) != 0)
            continue;
        *ret_at = i;
        return true;
    }
    return false;
}

/* With its NUL. */
static const char *print(const struct setting *setting, const void *record, struct buf *buf)
{
    buf_clear(buf);
    if (record != NULL)
        value_print(setting, record, buf);
    buf_add_byte(buf, 0);
    return buf_failed(buf) == ERR_OK ? (const char *)buf->data : "(too long)";
}

static bool is_secret(const struct setting *setting)
{
    return strcmp(setting->path, "password") == 0;
}

static void tell(struct comparing *comparing, struct compare_row *row, const void *field)
{
    char path[PATH_SIZE];
    const struct config_section *section = row->section;
    const struct config_place *place =
        field == NULL ? NULL : config_where(comparing->is_config, field);

    comparing->count++;
    if (comparing->each == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s%s%s%s%s", section->name,
                   section->name[0] == '\0' || (row->item[0] == '\0' && row->setting == NULL) ? ""
                                                                                              : ".",
                   row->item, row->item[0] == '\0' || row->setting == NULL ? "" : ".",
                   row->setting == NULL ? "" : row->setting->path);
    row->path = path;
    if (place != NULL) {
        row->file = place->file;
        row->line = place->line;
    }
    comparing->each(comparing->context, row);
}

static void compare_records(struct comparing *comparing, const struct config_section *section,
                            const char *item, const void *was, const void *is)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct setting *setting = &section->settings[i];
        const char *old = print(setting, was, &comparing->was);
        const char *new = print(setting, is, &comparing->is);

        if (strcmp(old, new) == 0)
            continue;
        struct compare_row row = {
            .kind = COMPARE_CHANGED,
            .section = section,
            .item = item,
            .setting = setting,
            .was = is_secret(setting) ? "(not shown)" : old,
            .is = is_secret(setting) ? "(not shown)" : new,
        };
        tell(comparing, &row, (const char *)is + setting->offset);
    }
}

/* What a new item says beyond the defaults. */
static void compare_added(struct comparing *comparing, const struct config_section *section,
                          const char *item, const void *is)
{
    struct arena arena;
    char *usual = mem_new(1, section->items->size);

    arena_init(&arena, VALUE_TEXT_MAX);
    for (size_t i = 0; i < section->count; i++)
        value_reset(&section->settings[i], &arena, usual + section->offset);
    compare_records(comparing, section, item, usual + section->offset, is);
    arena_fini(&arena);
    mem_free(&usual);
}

static void compare_items(struct comparing *comparing, const struct config_section *section)
{
    const struct config *was = comparing->was_config;
    const struct config *is = comparing->is_config;
    size_t at = 0;

    for (size_t i = 0; i < count_of(was, section); i++) {
        struct compare_row row = {.kind = COMPARE_REMOVED,
                                  .section = section,
                                  .item = name_of(was, section, i),
                                  .was = "",
                                  .is = ""};

        if (!find(is, section, row.item, &at))
            tell(comparing, &row, NULL);
    }
    for (size_t i = 0; i < count_of(is, section); i++) {
        const char *name = name_of(is, section, i);
        struct compare_row row = {
            .kind = COMPARE_ADDED, .section = section, .item = name, .was = "", .is = ""};

        if (find(was, section, name, &at)) {
            compare_records(comparing, section, name, record_at(was, section, at),
                            record_at(is, section, i));
            continue;
        }
        tell(comparing, &row, NULL);
        compare_added(comparing, section, name, record_at(is, section, i));
    }
}

static void comparing_init(struct comparing *comparing, const struct config *was,
                           const struct config *is)
{
    *comparing = (struct comparing){.was_config = was, .is_config = is};
    buf_init(&comparing->was, VALUE_TEXT_MAX, NULL);
    buf_init(&comparing->is, VALUE_TEXT_MAX, NULL);
}

static void comparing_fini(struct comparing *comparing)
{
    buf_fini(&comparing->was);
    buf_fini(&comparing->is);
}

size_t compare(const struct config *was, const struct config *is, compare_row_fn *each,
               void *context)
{
    struct comparing comparing;

    comparing_init(&comparing, was, is);
    comparing.each = each;
    comparing.context = context;
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];

        if (section->items != NULL)
            compare_items(&comparing, section);
        else
            compare_records(&comparing, section, "", record_at(was, section, 0),
                            record_at(is, section, 0));
    }
    comparing_fini(&comparing);
    return comparing.count;
}

bool compare_is_same(const struct config *was, size_t i, const struct config *is, size_t j,
                     const char *section_name)
{
    const struct config_section *section = config_find_section(bytes_of_text(section_name));
    struct comparing comparing;

    if (strcmp(name_of(was, section, i), name_of(is, section, j)) != 0)
        return false;
    comparing_init(&comparing, was, is);
    compare_records(&comparing, section, "", record_at(was, section, i), record_at(is, section, j));
    comparing_fini(&comparing);
    return comparing.count == 0;
}

/* ---- the hash -------------------------------------------------------------------------------- */

/* FNV-1a: nobody chooses a configuration to make two of them look the same. */
static uint64_t add(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3U;
    return (hash ^ '\n') * 0x100000001b3U;
}

uint64_t compare_hash(const struct config *config)
{
    uint64_t hash = 0xcbf29ce484222325U;
    struct buf buf;

    buf_init(&buf, VALUE_TEXT_MAX, NULL);
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];

        for (size_t j = 0; j < count_of(config, section); j++) {
            hash = add(add(hash, section->name), name_of(config, section, j));
            for (size_t k = 0; k < section->count; k++) {
                const struct setting *setting = &section->settings[k];

                hash = add(hash, setting->path);
                hash = add(hash, print(setting, record_at(config, section, j), &buf));
            }
        }
    }
    buf_fini(&buf);
    return hash;
}

/* ---- what stays as it is --------------------------------------------------------------------- */

enum err compare_keep(const struct config *from, struct config *to,
                      const struct config_section *section, const struct setting *setting,
                      struct fault *fault)
{
    char *record = (char *)to + section->offset;
    struct buf buf;

    must(section->items == NULL);
    must(setting->kind != VALUE_LIST);
    buf_init(&buf, VALUE_TEXT_MAX, NULL);
    value_print(setting, record_at(from, section, 0), &buf);
    enum err err = ERR_OK;

    if (buf.size == 0) /* a text that is not set */
        *(const char **)(void *)(record + setting->offset) = NULL;
    else
        err = value_read(setting, buf_bytes(&buf), &to->arena, record, fault);
    buf_fini(&buf);
    return err;
}
