/* The promises of cli/compare.h. SPDX-License-Identifier: MIT */
#include "cli/compare.h"
#include "cli/restart.h"
#include "t.h"

#define ORIGIN "origins: {app: {servers: [\"127.0.0.1:1\"]}}\n"

struct seen {
    const char *path;
    enum compare_kind kind;
    char was[64], is[64];
    int line;
    size_t count; /* rows of this path */
};

static void see(void *context, const struct compare_row *row)
{
    struct seen *seen = context;

    if (strcmp(row->path, seen->path) != 0)
        return;
    seen->count++;
    seen->kind = row->kind;
    seen->line = row->line;
    (void)snprintf(seen->was, sizeof seen->was, "%s", row->was);
    (void)snprintf(seen->is, sizeof seen->is, "%s", row->is);
}

static void read_text(struct config *config, const char *text)
{
    struct fault fault = {.line = 0};

    config_init(config);
    CHECK(config_read(config, "larder.yaml", bytes_of_text(text), &fault) == ERR_OK);
}

/* How many differences there are; what is told of `path` is in `*ret_seen`. */
static size_t differ(const char *was_text, const char *is_text, const char *path,
                     struct seen *ret_seen)
{
    struct config was, is;

    *ret_seen = (struct seen){.path = path};
    read_text(&was, was_text);
    read_text(&is, is_text);
    size_t count = compare(&was, &is, see, ret_seen);

    config_fini(&was);
    config_fini(&is);
    return count;
}

TEST(the_same_said_otherwise_is_the_same)
{
    struct seen seen;

    CHECK(differ("cache: {memory: 1GiB}\nhttp: {timeout: {idle: 60s}}\n",
                 "http:\n  timeout: {idle: 1m}\ncache:\n  memory: 1024MiB\n", "", &seen) == 0);
}

TEST(a_setting_is_told_with_both_values_and_the_line_it_is_set_in)
{
    struct seen seen;

    CHECK(differ("workers: 2\n", "\nworkers: 3\n", "workers", &seen) == 1);
    CHECK(seen.kind == COMPARE_CHANGED && seen.line == 2);
    CHECK(strcmp(seen.was, "2") == 0 && strcmp(seen.is, "3") == 0);
}

TEST(a_setting_that_is_taken_out_goes_back_to_its_default)
{
    struct seen seen;

    CHECK(differ("http: {max-target: 1KiB}\n", "", "http.max-target", &seen) == 1);
    CHECK(strcmp(seen.is, "8KiB") == 0 && seen.line == 0);
}

TEST(a_list_is_compared_as_a_whole)
{
    struct seen seen;

    CHECK(differ(ORIGIN "routes: {a: {tags: [x, y]}}\n", ORIGIN "routes: {a: {tags: [y, x]}}\n",
                 "routes.a.tags", &seen) == 1);
    CHECK(strcmp(seen.was, "[\"x\", \"y\"]") == 0);
}

TEST(items_are_found_by_name_wherever_they_stand)
{
    struct seen seen;

    CHECK(differ(ORIGIN "routes: {a: {match: /a}, b: {match: /b}}\n",
                 ORIGIN "routes: {b: {match: /b}, a: {match: /a}}\n", "", &seen) == 0);
}

TEST(an_item_that_is_gone_is_told_once)
{
    struct seen seen;

    CHECK(differ(ORIGIN "routes: {a: {match: /a, ttl: 5s}, b: {}}\n", ORIGIN "routes: {b: {}}\n",
                 "routes.a", &seen) == 1);
    CHECK(seen.kind == COMPARE_REMOVED && seen.count == 1);
}

TEST(a_new_item_is_told_with_what_it_says_beyond_the_defaults)
{
    struct seen seen;

    CHECK(differ(ORIGIN "routes: {b: {}}\n", ORIGIN "routes: {a: {match: /a, ttl: 5s}, b: {}}\n",
                 "routes.a.ttl", &seen) == 3);
    CHECK(strcmp(seen.was, "0s") == 0 && strcmp(seen.is, "5s") == 0);
}

TEST(a_password_is_told_to_have_changed_and_not_shown)
{
    struct seen seen;

    CHECK(differ("resp: {password: onesecret}\n", "resp: {password: othersecret}\n",
                 "resp.password", &seen) == 1);
    CHECK(strstr(seen.was, "secret") == NULL && strstr(seen.is, "secret") == NULL);
}

TEST(an_origin_is_the_same_when_its_name_and_all_its_settings_are)
{
    struct config was, same, other;

    read_text(&was, ORIGIN);
    read_text(&same, "origins: {x: {servers: [\"h:2\"]}, app: {servers: [\"127.0.0.1:1\"]}}\n");
    read_text(&other, "origins: {app: {servers: [\"127.0.0.1:1\"], max-connections: 7}}\n");
    CHECK(compare_is_same(&was, 0, &same, 1, "origins"));
    CHECK(!compare_is_same(&was, 0, &same, 0, "origins"));
    CHECK(!compare_is_same(&was, 0, &other, 0, "origins"));
    config_fini(&was);
    config_fini(&same);
    config_fini(&other);
}

TEST(the_hash_is_of_what_is_so_and_not_of_how_it_is_written)
{
    struct config one, same, other;

    read_text(&one, "workers: 2\ncache: {memory: 1GiB}\n");
    read_text(&same, "cache:\n  memory: 1024MiB\nworkers: 2\n");
    read_text(&other, "workers: 3\ncache: {memory: 1GiB}\n");
    CHECK(compare_hash(&one) == compare_hash(&same));
    CHECK(compare_hash(&one) != compare_hash(&other));
    config_fini(&one);
    config_fini(&same);
    config_fini(&other);
}

TEST(a_setting_that_has_to_wait_keeps_its_value)
{
    struct fault fault = {.line = 0};
    struct config was, is;

    read_text(&was, "cache: {max-loads: 5}\n");
    read_text(&is, "cache: {max-loads: 6}\npid_file: /x\n");
    const struct config_section *cache = config_find_section(BYTES("cache"));
    const struct config_section *top = config_find_section(BYTES(""));

    CHECK(compare_keep(&was, &is, cache, config_find_setting(cache, "max-loads"), &fault) ==
          ERR_OK);
    CHECK(is.cache.leases_max == 5);
    CHECK(compare_keep(&was, &is, top, config_find_setting(top, "pid_file"), &fault) == ERR_OK);
    CHECK(is.process.pid_file == NULL);
    config_fini(&was);
    config_fini(&is);
}

TEST(what_waits_for_a_restart_names_settings_that_there_are)
{
    static const char *const paths[] = {
#define RESTART(path, why) path,
#include "cli/restart.def"
#undef RESTART
    };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct bytes rest = bytes_of_text(paths[i]);
        bool has_section = bytes_find(rest, '.') < rest.size;
        const struct config_section *section =
            config_find_section(has_section ? bytes_cut(&rest, '.') : BYTES(""));

        CHECK(section != NULL && config_find_setting(section, (const char *)rest.data) != NULL);
    }
}

struct waiting {
    const struct config *was, *is;
    bool waits;
};

static void ask_why(void *context, const struct compare_row *row)
{
    struct waiting *waiting = context;

    waiting->waits |= restart_why(row, waiting->was, waiting->is) != NULL;
}

static bool waits_for_restart(const char *was_text, const char *is_text)
{
    struct config was, is;
    struct waiting waiting = {&was, &is, false};

    read_text(&was, was_text);
    read_text(&is, is_text);
    (void)compare(&was, &is, ask_why, &waiting);
    config_fini(&was);
    config_fini(&is);
    return waiting.waits;
}

TEST(doors_open_and_close_while_it_runs_as_long_as_there_is_one)
{
    CHECK(!waits_for_restart("listen: {http: {address: \"127.0.0.1:1\"}}\n",
                             "listen: {http: {address: \"127.0.0.1:2\"}}\n"));
    CHECK(!waits_for_restart("", "listen: {http: {address: off}, https: {address: \":2\"}}\n"));
    CHECK(waits_for_restart("", "listen: {http: {address: off}}\n"));
    CHECK(waits_for_restart("listen: {http: {address: off}}\n", ""));
    CHECK(!waits_for_restart("cache: {memory: 1GiB}\n", "cache: {memory: 2GiB}\n"));
}

TEST(one_reading_tells_all_mistakes)
{
    struct fault fault = {.line = 0};
    struct config config;

    config_init(&config);
    CHECK(config_read(&config, "larder.yaml",
                      BYTES("workers: x\ncache: {memory: y}\nroutes: {a: {tll: 1s}}\n"),
                      &fault) != ERR_OK);
    CHECK(config.fault_count == 3 && fault.line == 1);
    for (int i = 0; i < 3; i++)
        CHECK(config.faults[i].line == i + 1 && config.faults[i].column > 0);
    config_fini(&config);
}
