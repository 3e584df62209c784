/* SPDX-License-Identifier: MIT */
#include "bench/option.h"
#include "t.h"

#include <stdio.h>

enum { WORDS_MAX = 24 };

/* Reads a command line that is written as one text; words are separated by one blank. */
static enum err read_line(struct plan *plan, enum plan_protocol protocol, const char *line,
                          struct fault *fault)
{
    static char text[1024];
    char *words[WORDS_MAX] = {text};
    int count = 1;

    (void)snprintf(text, sizeof text, "bench%s%s", line[0] == '\0' ? "" : " ", line);
    for (char *at = text; *at != '\0'; at++)
        if (*at == ' ' && count < WORDS_MAX) {
            *at = '\0';
            words[count++] = at + 1;
        }
    plan_init(plan, protocol);
    TRY(option_read(plan, count, words, fault));
    return plan_finish(plan, fault);
}

static bool is_read(enum plan_protocol protocol, const char *line, struct plan *plan)
{
    struct fault fault = {.text = ""};
    enum err err = read_line(plan, protocol, line, &fault);

    if (err != ERR_OK)
        (void)printf("         %s\n", fault.text);
    return err == ERR_OK;
}

/* Whether the line is refused with a sentence that holds `part`. */
static bool is_refused(enum plan_protocol protocol, const char *line, const char *part)
{
    static struct plan plan;
    struct fault fault = {.text = ""};
    enum err err = read_line(&plan, protocol, line, &fault);

    plan_fini(&plan);
    if (err != ERR_OK && strstr(fault.text, part) == NULL)
        (void)printf("         %s\n", fault.text);
    return err != ERR_OK && strstr(fault.text, part) != NULL;
}

static struct plan plan;

TEST(a_url_alone_is_enough)
{
    CHECK(is_read(PLAN_HTTP, "http://127.0.0.1:8080/x", &plan));
    CHECK(plan.route_count == 1);
    CHECK(plan.connections == 50);
    CHECK(plan.rate == 0);
    CHECK(address_port(&plan.address) == 8080);
    plan_fini(&plan);
}

static bool writes(const struct plan *of, unsigned route, const char *text)
{
    struct template_fill fill = {
        .key = 7, .key_width = (unsigned)of->key_width, .value = BYTES("v")};
    struct buf out;

    buf_init(&out, 1 << 20, NULL);
    template_write(&of->routes[route].template, &fill, &out);
    bool same = bytes_equal(buf_bytes(&out), bytes_of_text(text));

    if (!same)
        (void)printf("         %.*s\n", BYTES_ARG(buf_bytes(&out)));
    buf_fini(&out);
    return same;
}

TEST(routes_methods_fields_and_bodies_become_requests)
{
    CHECK(is_read(PLAN_HTTP,
                  "http://localhost:81/a/{key} 3@http://localhost:81 --keys 10 --method POST "
                  "-H X-One:1 --header=Accept:a/b --body {}",
                  &plan));
    CHECK(plan.route_count == 2);
    CHECK(plan.routes[1].weight == 3 && plan.weight_sum == 4);
    CHECK(writes(&plan, 0,
                 "POST /a/7 HTTP/1.1\r\nX-One: 1\r\nAccept: a/b\r\nHost: localhost:81\r\n"
                 "Content-Length: 2\r\n\r\n{}"));
    CHECK(writes(&plan, 1,
                 "POST / HTTP/1.1\r\nX-One: 1\r\nAccept: a/b\r\nHost: localhost:81\r\n"
                 "Content-Length: 2\r\n\r\n{}"));
    plan_fini(&plan);
}

TEST(a_host_field_of_ones_own_replaces_the_hosts)
{
    CHECK(is_read(PLAN_HTTP, "http://127.0.0.1/ -H host:shop.example", &plan));
    CHECK(writes(&plan, 0, "GET / HTTP/1.1\r\nhost: shop.example\r\n\r\n"));
    plan_fini(&plan);
}

TEST(commands_and_mixes_become_commands_of_redis)
{
    CHECK(
        is_read(PLAN_RESP, "redis://127.0.0.1:7000 --mix get=9,set=1 --value-size 16-1KiB", &plan));
    CHECK(plan.route_count == 2 && plan.weight_sum == 10);
    CHECK(plan.keys == 1000000);
    CHECK(plan.value_low == 16 && plan.value_high == 1024);
    CHECK(plan.routes[0].expected_type == '$' && plan.routes[1].expected_type == '+');
    CHECK(writes(&plan, 0, "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000007\r\n"));
    CHECK(writes(&plan, 1, "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$1\r\nv\r\n"));
    plan_fini(&plan);
}

TEST(a_time_to_live_goes_with_what_is_set)
{
    CHECK(is_read(PLAN_RESP, "--mix get,set --ttl 90s", &plan));
    CHECK(writes(&plan, 0, "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000000007\r\n"));
    CHECK(writes(&plan, 1,
                 "*5\r\n$3\r\nSET\r\n$16\r\nkey:000000000007\r\n$1\r\nv\r\n$2\r\nPX\r\n"
                 "$5\r\n90000\r\n"));
    plan_fini(&plan);
}

TEST(memcached_gets_and_sets_in_its_own_words)
{
    CHECK(is_read(PLAN_MEMCACHED, "memcached://127.0.0.1:7000 --mix get=9,set=1 --ttl 1500ms",
                  &plan));
    CHECK(plan.route_count == 2 && plan.weight_sum == 10);
    CHECK(plan.routes[0].expected_type == '$' && plan.routes[1].expected_type == '+');
    CHECK(writes(&plan, 0, "get key:000000000007\r\n"));
    CHECK(writes(&plan, 1, "set key:000000000007 0 2 1\r\nv\r\n"));
    plan_fini(&plan);
    CHECK(is_read(PLAN_MEMCACHED, "", &plan));
    CHECK(address_port(&plan.address) == 11211);
    plan_fini(&plan);
    CHECK(is_refused(PLAN_MEMCACHED, "--ttl 31d", "30 days"));
    CHECK(is_refused(PLAN_MEMCACHED, "--command x", "no option"));
}

TEST(times_rates_and_sizes_are_read_with_their_units)
{
    CHECK(is_read(PLAN_HTTP,
                  "http://[::1]:80/ --rate 2500.5 --arrivals constant --duration 1m30s --warmup 0 "
                  "--expect-size 1KiB --timeout 250ms",
                  &plan));
    CHECK(plan.rate == 2500.5 && !plan.poisson);
    CHECK(plan.duration_ns == INT64_C(90000000000) && plan.warmup_ns == 0);
    CHECK(plan.timeout_ns == 250000000);
    CHECK(plan.expected_size_low == 1024 && plan.expected_size_high == 1024);
    plan_fini(&plan);
}

TEST(a_number_of_requests_replaces_the_time_and_the_warm_up)
{
    CHECK(is_read(PLAN_HTTP, "http://127.0.0.1/ --requests 100", &plan));
    CHECK(plan.requests_max == 100 && plan.warmup_ns == 0);
    CHECK(plan.duration_ns > INT64_C(1000000000) * 60);
    plan_fini(&plan);
}

TEST(other_machines_are_left_alone_unless_it_is_said)
{
    CHECK(is_refused(PLAN_HTTP, "http://192.0.2.1/", "--allow-remote"));
    CHECK(is_refused(PLAN_RESP, "[2001:db8::1]:6379", "--allow-remote"));
    CHECK(is_read(PLAN_HTTP, "http://192.0.2.1/ --allow-remote", &plan));
    plan_fini(&plan);
    CHECK(is_read(PLAN_HTTP, "http://127.8.9.1/", &plan));
    plan_fini(&plan);
}

TEST(mistakes_are_named_with_what_to_do)
{
    CHECK(is_refused(PLAN_HTTP, "", "which URL"));
    CHECK(is_refused(PLAN_HTTP, "127.0.0.1:80", "http://"));
    CHECK(is_refused(PLAN_HTTP, "https://127.0.0.1/", "http://"));
    CHECK(is_refused(PLAN_HTTP, "http:///x", "no host"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/#a", "#"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ http://127.0.0.2/", "same host"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/{key}", "--keys"));
    CHECK(is_refused(PLAN_HTTP, "0@http://127.0.0.1/", "weight"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --conections 5", "--connections"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --connections", "needs a value"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --connections 0", "from 1"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --connections x", "whole number"));
    CHECK(
        is_refused(PLAN_HTTP, "http://127.0.0.1/ --threads 8 --connections 4", "--connections 8"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --rate 0", "from"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --arrivals uniform", "poisson"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --duration 10", "unit"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --duration 0s", "from"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ -H nonsense", "Name: value"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ -H Content-Length:5", "by itself"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --method G;T", "method"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --json=yes", "no value"));
    CHECK(is_refused(PLAN_HTTP, "http://127.0.0.1/ --pipeline 4", "no option"));
    CHECK(is_refused(PLAN_RESP, "127.0.0.1", "address"));
    CHECK(is_refused(PLAN_RESP, "--mix get=1,del=2", "--command"));
    CHECK(is_refused(PLAN_RESP, "--value-size 20-10", "upwards"));
    CHECK(is_refused(PLAN_RESP, "--expect-size x", "size"));
}

TEST(more_than_the_limits_is_refused)
{
    char line[1024] = "";
    size_t size = 0;

    for (unsigned i = 0; i < 20; i++)
        size += (size_t)snprintf(line + size, sizeof line - size, "%shttp://127.0.0.1/%u",
                                 i == 0 ? "" : " ", i);
    CHECK(is_read(PLAN_HTTP, line, &plan));
    CHECK(plan.route_count == 20);
    for (unsigned i = 20; i < PLAN_ROUTES_MAX; i++)
        plan.targets[plan.target_count++] = BYTES("http://127.0.0.1/");
    struct fault fault = {.text = ""};
    char name[] = "http", url[] = "http://127.0.0.1/";
    char *words[] = {name, url};

    CHECK(option_read(&plan, 2, words, &fault) == ERR_FULL);
    plan_fini(&plan);
    CHECK(is_refused(PLAN_RESP, "--value-size 1GiB", "16777216"));
}

TEST(the_help_of_each_door_lists_its_own_options)
{
    struct buf http, resp;

    buf_init(&http, 1 << 16, NULL);
    buf_init(&resp, 1 << 16, NULL);
    option_help(PLAN_HTTP, &http);
    option_help(PLAN_RESP, &resp);
    CHECK(bytes_find_part(buf_bytes(&http), BYTES("--header")) < http.size);
    CHECK(bytes_find_part(buf_bytes(&http), BYTES("--pipeline")) == http.size);
    CHECK(bytes_find_part(buf_bytes(&resp), BYTES("--pipeline")) < resp.size);
    CHECK(bytes_find_part(buf_bytes(&resp), BYTES("--header")) == resp.size);
    buf_fini(&http);
    buf_fini(&resp);
}
