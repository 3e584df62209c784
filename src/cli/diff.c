/* diff.c: two files, compared for who is about to reload. SPDX-License-Identifier: MIT */
#include "cli/diff.h"

#include "base/mem.h"
#include "cli/compare.h"
#include "cli/reach.h"
#include "cli/restart.h"
#include "cli/setup.h"

enum { PATH_MAX_SIZE = 65536 };

enum meaning_kind { MEANING_KEYS, MEANING_PATHS, MEANING_NEW, MEANING_LOOKUPS };

static const struct meaning {
    const char *section, *path;
    enum meaning_kind kind;
    const char *text;
} meanings[] = {
#define MEANING(section, path, kind, text) {section, path, MEANING_##kind, text},
#include "cli/meaning.def"
#undef MEANING
};

/* One of the two. */
struct side {
    struct setup setup;
    struct site *site; /* NULL: there is no gateway */
};

struct diffing {
    struct side was, is;
    size_t keys, restarts; /* differences of these kinds */
};

static const struct meaning *meaning_of(const struct compare_row *row)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        const struct meaning *one = &meanings[i];

        if (strcmp(one->section, row->section->name) == 0 &&
            strncmp(row->setting->path, one->path, strlen(one->path)) == 0)
            return one;
    }
    return NULL;
}

static const char *or_nothing(const char *text)
{
    return text[0] == '\0' ? "(nothing)" : text;
}

static void tell_setting(struct diffing *diffing, const struct compare_row *row)
{
    const char *why = row->section->items == NULL
                          ? restart_why(row, &diffing->was.setup.config, &diffing->is.setup.config)
                          : NULL;
    const struct meaning *meaning = meaning_of(row);

    (void)printf("%s: %s -> %s\n", row->path, or_nothing(row->was), or_nothing(row->is));
    if (why != NULL)
        (void)printf("    needs a restart: %s\n", why);
    if (meaning != NULL)
        (void)printf("    %s\n", meaning->text);
    diffing->restarts += why != NULL;
    diffing->keys += meaning != NULL && meaning->kind == MEANING_KEYS;
}

static void tell(void *context, const struct compare_row *row)
{
    struct diffing *diffing = context;

    if (row->kind == COMPARE_CHANGED)
        tell_setting(diffing, row);
    else
        (void)printf("%s is %s\n", row->path, row->kind == COMPARE_ADDED ? "new" : "gone");
}

/* ---- paths that come to another route -------------------------------------------------------- */

/* Of what decides about keys, the first thing in which two routes differ; NULL: nothing. */
static const char *key_difference(const struct route_settings *was, const struct route_settings *is)
{
    const struct config_section *section = config_find_section(BYTES("routes"));
    const char *found = NULL;
    struct buf one, other;

    buf_init(&one, PATH_MAX_SIZE, NULL);
    buf_init(&other, PATH_MAX_SIZE, NULL);
    for (size_t i = 0; i < section->count && found == NULL; i++) {
        const struct setting *setting = &section->settings[i];

        if (strncmp(setting->path, "key.", 4) != 0 && strcmp(setting->path, "authorization") != 0)
            continue;
        buf_clear(&one);
        buf_clear(&other);
        value_print(setting, was, &one);
        value_print(setting, is, &other);
        if (!bytes_equal(buf_bytes(&one), buf_bytes(&other)))
            found = setting->path;
    }
    buf_fini(&one);
    buf_fini(&other);
    return found;
}

static void tell_new_way(struct diffing *diffing, const struct route_settings *was,
                         const struct route_settings *is, struct bytes path)
{
    const char *key = key_difference(was, is);

    (void)printf("paths such as %.*s come to %s now, not to %s\n", BYTES_ARG(path), is->name,
                 was->name);
    if (key == NULL)
        return;
    (void)printf("    their keys change (%s): answers that are stored are not found any more\n",
                 key);
    diffing->keys++;
}

/* Where the paths that `pattern` stands for went, and where they go. */
static void tell_way(struct diffing *diffing, const char *pattern, struct buf *path)
{
    struct captures captures;

    reach_example(pattern, path);
    const struct route *was = site_find_route(diffing->was.site, buf_bytes(path), &captures);
    const struct route *is = site_find_route(diffing->is.site, buf_bytes(path), &captures);

    if (was != NULL && is != NULL && strcmp(was->settings->name, is->settings->name) != 0)
        tell_new_way(diffing, was->settings, is->settings, buf_bytes(path));
    else if (was != NULL && is == NULL)
        (void)printf("paths such as %.*s come to no route any more and get a 404\n",
                     BYTES_ARG(buf_bytes(path)));
}

static bool has_pattern(const struct config *config, const char *match)
{
    for (size_t i = 0; i < config->routes.count; i++) {
        if (strcmp(config_route(config, i)->match, match) == 0)
            return true;
    }
    return false;
}

static void tell_ways(struct diffing *diffing)
{
    const struct config *was = &diffing->was.setup.config;
    const struct config *is = &diffing->is.setup.config;
    struct buf path;

    if (diffing->was.site == NULL || diffing->is.site == NULL)
        return;
    buf_init(&path, PATH_MAX_SIZE, NULL);
    for (size_t i = 0; i < is->routes.count; i++)
        tell_way(diffing, config_route(is, i)->match, &path);
    for (size_t i = 0; i < was->routes.count; i++) {
        if (!has_pattern(is, config_route(was, i)->match))
            tell_way(diffing, config_route(was, i)->match, &path);
    }
    buf_fini(&path);
}

/* ---- the command ----------------------------------------------------------------------------- */

static void tell_sum(const struct diffing *diffing, size_t count)
{
    if (count == 0) {
        (void)printf("no difference\n");
        return;
    }
    (void)printf("\n%zu difference%s", count, count == 1 ? "" : "s");
    if (diffing->restarts > 0)
        (void)printf("; %zu need%s a restart", diffing->restarts,
                     diffing->restarts == 1 ? "s" : "");
    (void)printf(diffing->keys > 0 ? "; answers that are stored are not found any more: expect "
                                     "misses until they are fetched anew\n"
                                   : "; every answer that is stored is found as before\n");
}

static enum err read_side(struct side *side, struct fault *fault)
{
    const struct setup_overrides none = {.count = 0};

    TRY(setup_read(&side->setup, &none, fault));
    if (!setup_has_gateway(&side->setup.config))
        return ERR_OK;
    return setup_site(&side->setup, NULL, &side->site, fault);
}

static void side_fini(struct side *side)
{
    if (side->site != NULL)
        site_free(&side->site);
    setup_fini(&side->setup);
}

static int fail(const struct command *self, const struct side *side, const struct fault *fault)
{
    int status = command_failed(self, fault);

    setup_print_more_faults(&side->setup);
    return status;
}

static int run(const struct command *self, struct diffing *diffing)
{
    struct fault fault = {.line = 0};

    if (read_side(&diffing->was, &fault) != ERR_OK)
        return fail(self, &diffing->was, &fault);
    if (read_side(&diffing->is, &fault) != ERR_OK)
        return fail(self, &diffing->is, &fault);
    size_t count = compare(&diffing->was.setup.config, &diffing->is.setup.config, tell, diffing);

    tell_ways(diffing);
    tell_sum(diffing, count);
    return EXIT_DONE;
}

static enum err read_words(const struct command *self, int argc, char **argv,
                           struct diffing *diffing, struct fault *fault)
{
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct flags flags;

    flags_init(&flags, self, argc, argv);
    do {
        TRY(flags_next(&flags, &flag, &value, fault));
        if (value != NULL && diffing->is.setup.file != NULL)
            return fault_say(fault, ERR_SYNTAX, "\"%s\" is one word too many", value);
        if (value != NULL && diffing->was.setup.file != NULL)
            diffing->is.setup.file = value;
        else if (value != NULL)
            diffing->was.setup.file = value;
    } while (value != NULL);
    if (diffing->is.setup.file == NULL)
        return fault_say(fault, ERR_SYNTAX, "two files are compared: larder diff OLD NEW");
    return ERR_OK;
}

static int diff_main(const struct command *self, int argc, char **argv)
{
    struct fault fault = {.line = 0};
    struct diffing diffing = {.keys = 0};

    setup_init(&diffing.was.setup);
    setup_init(&diffing.is.setup);
    int status = read_words(self, argc, argv, &diffing, &fault) == ERR_OK
                     ? run(self, &diffing)
                     : command_misused(self, &fault);

    side_fini(&diffing.was);
    side_fini(&diffing.is);
    return status;
}

const struct command diff_command = {
    .name = "diff",
    .usage = "OLD NEW",
    .text = "Says what changes between two configurations, and what that means for stored answers.",
    .examples = "  larder diff /etc/larder/larder.yaml larder.yaml\n\n"
                "Nothing is asked of a running server. Both files must be right. The exit status "
                "is 0 whether\nthey differ or not.\n",
    .run = diff_main,
};
