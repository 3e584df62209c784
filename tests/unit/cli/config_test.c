/* The promises of cli/config.h and cli/yaml.h. SPDX-License-Identifier: MIT */
#include "cli/config.h"
#include "cli/yaml.h"
#include "t.h"

#include <stdio.h>

/* Reads `text` and wants it right. */
static void read_well(struct config *config, const char *text)
{
    struct fault fault = {.line = 0};

    config_init(config);
    bool is_right = config_read(config, "larder.yaml", bytes_of_text(text), &fault) == ERR_OK;

    if (!is_right)
        fault_print(&fault, stdout);
    CHECK(is_right);
}

/* Reads `text` and wants a complaint in that line and column (0: whichever) that holds `part`. */
static void read_badly(const char *text, int line, int column, const char *part)
{
    struct config config;
    struct fault fault = {.line = 0};

    config_init(&config);
    CHECK(config_read(&config, "larder.yaml", bytes_of_text(text), &fault) != ERR_OK);
    bool is_as_wanted = strstr(fault.text, part) != NULL && fault.line == line &&
                        (column == 0 || fault.column == column) &&
                        strcmp(fault.file, "larder.yaml") == 0;

    if (!is_as_wanted)
        fault_print(&fault, stdout);
    CHECK(is_as_wanted);
    config_fini(&config);
}

TEST(every_default_and_every_bound_of_every_table_can_be_read)
{
    struct config config;

    config_init(&config); /* stops the program when a default breaks its own row */
    for (size_t i = 0; i < config_sections_count; i++) {
        const struct config_section *section = &config_sections[i];

        CHECK(section->count > 0);
        for (size_t j = 0; j < section->count; j++) {
            const struct setting *setting = &section->settings[j];
            struct setting bound = *setting;
            char record[64] = {0};

            bound.offset = 0;
            CHECK(setting->path[0] != '\0' && setting->text[0] != '\0');
            if (setting->kind == VALUE_ONE_OF)
                continue;
            bound.usual = setting->lowest;
            value_reset(&bound, &config.arena, record);
            bound.usual = setting->highest;
            value_reset(&bound, &config.arena, record);
        }
    }
    config_fini(&config);
}

TEST(an_empty_file_leaves_every_default)
{
    struct config config;

    read_well(&config, "");
    CHECK(config.cache.memory_max == (uint64_t)256 << 20);
    CHECK(strcmp(config.listen.http, "127.0.0.1:8080") == 0);
    CHECK(config_where(&config, &config.cache.memory_max) == NULL);
    config_fini(&config);
    read_well(&config, "# only a comment\ncache:\n");
    config_fini(&config);
}

TEST(settings_arrive_where_they_belong_and_know_where_they_were_set)
{
    struct config config;

    read_well(&config, "workers: 3\n"
                       "listen: {http: {address: \"0.0.0.0:80\"}, resp: {address: off}}\n"
                       "cache:\n"
                       "  memory: 1GiB\n"
                       "  negative: 10%\n"
                       "origins:\n"
                       "  shop:\n"
                       "    servers: [\"10.0.0.1:80\", '10.0.0.2:80']\n"
                       "    timeout: {connect: 1s500ms}\n"
                       "  other: {servers: [\"unix:/run/x.sock\"]}\n"
                       "routes:\n"
                       "  products:\n"
                       "    match: /api/products/{id?}\n"
                       "    cache: force\n"
                       "    key: {query: {ignore: [\"utm_*\"], sort: on}}\n"
                       "    tags: [\"products\", \"product:{id}\"]\n");
    CHECK(config.process.workers == 3);
    CHECK(strcmp(config.listen.resp, "off") == 0);
    CHECK(config.cache.memory_max == (uint64_t)1 << 30);
    CHECK(config.cache.negative_share > 0.09 && config.cache.negative_share < 0.11);
    CHECK(config.origins.count == 2 && config.routes.count == 1);
    const struct config_origin *shop = config_find_origin(&config, "shop");

    CHECK(shop != NULL && shop->line == 7);
    CHECK(shop->settings.servers.count == 2);
    CHECK(strcmp(shop->settings.servers.items[1], "10.0.0.2:80") == 0);
    CHECK(shop->settings.connect_ms == 1500);
    CHECK(shop->settings.connections_max == 256);
    CHECK(config_find_origin(&config, "nobody") == NULL);
    const struct route_settings *route = config_route(&config, 0);

    CHECK(strcmp(route->name, "products") == 0 && route->line == 12);
    CHECK(route->cache == 2 && route->query_sort);
    CHECK(strcmp(route->tags.items[1], "product:{id}") == 0);
    const struct config_place *place = config_where(&config, &route->tags);

    CHECK(place != NULL && place->line == 16 && strcmp(place->file, "larder.yaml") == 0);
    CHECK(config_where(&config, &route->ttl_ms) == NULL);
    config_fini(&config);
}

TEST(an_unknown_key_is_told_with_its_place_and_the_one_that_was_meant)
{
    read_badly("cahce: {}\n", 1, 1, "did you mean \"cache\"?");
    read_badly("cache:\n  memroy: 1GiB\n", 2, 3, "did you mean \"memory\"?");
    read_badly("cache:\n  zzzzzzz: 1\n", 2, 3, "there are: memory, policy");
    read_badly("origins:\n  a: {timeout: {conect: 1s}}\n", 2, 17, "did you mean \"connect\"?");
    read_badly("routes:\n  r:\n    key: {query: {ignored: []}}\n", 3, 19, "\"ignore\"?");
    read_badly("\"\": 1\n", 1, 1, "there is no setting");
}

TEST(a_wrong_value_is_told_with_what_to_write)
{
    read_badly("routes:\n  r:\n    ttl: 30\n", 3, 5, "write 30s");
    read_badly("routes:\n  r: {ttl: soon}\n", 2, 7, "\"soon\" is no duration");
    read_badly("routes:\n  r: {jitter: 80%}\n", 2, 7, "80% is too large: it may be from 0% to 50%");
    read_badly("cache: {memory: 1MiB}\n", 1, 9, "too small: it may be from 8MiB to 128GiB");
    read_badly("cache: {memory: 99999999999999999999}\n", 1, 9, "beyond every limit");
    read_badly("cache: {memory: -1}\n", 1, 9, "is no size");
    read_badly("workers: many\n", 1, 1, "is no count");
    read_badly("workers:\n", 1, 1, "the value is missing");
    read_badly("workers: [1]\n", 1, 1, "one count, not a list");
    read_badly("workers: {a: 1}\n", 1, 1, "not a map");
    read_badly("routes: {r: {cache: forse}}\n", 1, 14, "did you mean force?");
    read_badly("routes: {r: {etag: maybe}}\n", 1, 14, "on or off");
    read_badly("listen: {http: {address: 8080}}\n", 1, 17, "is no address");
    read_badly("listen: {http: {address: \"1.2.3.4:70000\"}}\n", 1, 17, "is no address");
    read_badly("listen: {http: 8080}\n", 1, 10, "write {address: ...}");
    read_badly("cache: 1GiB\n", 1, 1, "a map must stand here");
    read_badly("routes:\n  r: /api\n", 2, 3, "a map of settings must stand here");
    read_badly("routes:\n  r: {tags: products}\n", 2, 7, "write [\"products\"]");
    read_badly("routes:\n  r: {tags: [[a]]}\n", 2, 14, "a text must stand here");
    read_badly("routes:\n  \"a b\": {}\n", 2, 3, "is no name");
}

TEST(braces_without_quotes_in_a_list_are_told_to_need_them)
{
    read_badly("routes:\n  r: {tags: [product:{id}]}\n", 2, 14, "write \"product:{id}\"");
    read_badly("routes:\n  r:\n    tags: [a, product:{id}, b]\n", 3, 15, "\"product:{id}\"");
    read_badly("routes:\n  r: {tags: [a, {id}]}\n", 2, 17, "needs quotes");
    read_badly("routes:\n  r: {match: /api/{id}}\n", 2, 19, "write \"/api/{id}\"");
    read_badly("routes:\n  r: {tags: [\xc3\xa4, product:{id}]}\n", 2, 17, "\"product:{id}\"");
    read_badly("routes:\n  r: {key: {query: {ignore: [*utm]}}}\n", 2, 30, "write \"*utm\"");
}

TEST(what_is_surprising_in_yaml_is_refused)
{
    read_badly("cache: &a {memory: 1GiB}\n", 1, 8, "anchors");
    read_badly("cache: !!map {memory: 1GiB}\n", 1, 8, "tags");
    read_badly("workers: !x 1\n", 1, 10, "tags");
    read_badly("cache: {<<: {}}\n", 1, 9, "merging");
    read_badly("workers: 1\n---\nworkers: 2\n", 2, 1, "second document");
    read_badly("%YAML 1.1\n---\nworkers: 1\n", 1, 1, "directives");
    read_badly("workers: 1\nworkers: 2\n", 2, 1, "twice: the first time in line 1");
    read_badly("- a\n", 1, 1, "must be a map");
    read_badly("just text\n", 1, 1, "must be a map");
    read_badly("{a: 1}: b\n", 1, 1, "a key must be a text");
    read_badly("cache:\n\tmemory: 1GiB\n", 2, 1, "never with tabs");
    read_badly("workers: \"1\n", 1, 10, "never closed");
    read_badly("workers: a: b\n", 1, 11, "quotes");
    read_badly("workers: \"\\q\"\n", 1, 11, "escape");
    read_badly("workers: \xff\n", 1, 0, "no UTF-8");
    read_badly("log: {level: \"a\\0b\"}\n", 1, 14, "NUL");
}

TEST(depth_keys_and_size_have_limits)
{
    static char text[YAML_SIZE_MAX + 2];
    size_t size = 0;

    for (size_t i = 0; i < 40; i++)
        text[size++] = '[';
    text[size] = '\0';
    read_badly(text, 1, 0, "deep");
    size = 0;
    for (size_t i = 0; i < YAML_KEYS_MAX + 1; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "k%zu: 1\n", i);
    read_badly(text, YAML_KEYS_MAX + 1, 1, "more than 4096 keys");
    memset(text, '#', sizeof text - 1);
    read_badly(text, 0, 0, "larger than 1024 KiB");
}

TEST(a_flag_wins_over_the_file_and_says_its_name)
{
    struct config config;
    struct fault fault = {.line = 0};

    read_well(&config, "cache: {memory: 1GiB}\n");
    CHECK(config_set(&config, "cache.memory", "--memory", "2GiB", &fault) == ERR_OK);
    CHECK(config.cache.memory_max == (uint64_t)2 << 30);
    CHECK(strcmp(config_where(&config, &config.cache.memory_max)->file, "--memory") == 0);
    CHECK(config_set(&config, "workers", "--workers", "x", &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "--workers: \"x\" is no count") != NULL);
    config_fini(&config);
}

TEST(as_many_origins_as_are_supported_and_not_one_more)
{
    struct config config;
    struct config_origin *origin = NULL;
    struct fault fault = {.line = 0};
    char name[32];

    config_init(&config);
    for (size_t i = 0; i < CONFIG_ORIGINS_MAX; i++) {
        (void)snprintf(name, sizeof name, "o%zu", i);
        CHECK(config_add_origin(&config, name, "--x", &origin, &fault) == ERR_OK);
    }
    CHECK(config_add_origin(&config, "o0", "--x", &origin, &fault) == ERR_EXISTS);
    CHECK(config_add_origin(&config, "more", "--x", &origin, &fault) == ERR_TOO_BIG);
    config_fini(&config);
}
