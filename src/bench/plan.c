/* plan.c: routes, the address, and whether all of it goes together.
 * SPDX-License-Identifier: MIT
 */
#include "bench/plan.h"

#include "base/number.h"

#include <stdio.h>

#define MEMCACHED_TTL_MAX_NS (INT64_C(30) * 86400 * 1000000000)

void plan_init(struct plan *plan, enum plan_protocol protocol)
{
    *plan = (struct plan){
        .protocol = protocol,
        .duration_ns = INT64_C(10000000000),
        .warmup_ns = INT64_C(1000000000),
        .timeout_ns = INT64_C(10000000000),
        .poisson = true,
        .connections = 50,
        .threads = 1,
        .pipeline = 1,
        .key_width = protocol == PLAN_HTTP ? 0 : 12,
        .value_low = 64,
        .value_high = 64,
        .seed = 1,
        .method = BYTES("GET"),
        .key_pattern = BYTES("key:{key}"),
        .place = protocol == PLAN_MEMCACHED ? BYTES("127.0.0.1:11211") : BYTES("127.0.0.1:6379"),
    };
    arena_init(&plan->arena, PLAN_ARENA_MAX);
}

void plan_fini(struct plan *plan)
{
    arena_fini(&plan->arena);
}

/* "3@rest": the weight, and `*text` becomes the rest. Without one: 1. */
static enum err cut_weight(struct bytes *text, uint64_t *ret_weight, struct fault *fault)
{
    size_t digits = 0;
    uint64_t weight = 1;

    while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9')
        digits++;
    if (digits > 0 && digits < text->size && text->data[digits] == '@') {
        if (number_u64(bytes_slice(*text, 0, digits), &weight) != ERR_OK || weight == 0 ||
            weight > PLAN_WEIGHT_MAX)
            return fault_say(fault, ERR_RANGE, "the weight in \"%.*s\" must be 1 to %d",
                             BYTES_ARG(*text), PLAN_WEIGHT_MAX);
        *text = bytes_skip(*text, digits + 1);
    }
    *ret_weight = weight;
    return ERR_OK;
}

static struct template_rules rules_of(const struct plan *plan, bool values)
{
    return (struct template_rules){
        .exponent = plan->exponent,
        .key_width = (unsigned)plan->key_width,
        .key_max = plan->first_key + plan->keys,
        .values = values,
    };
}

/* ---- HTTP -------------------------------------------------------------------------------- */

/* Into host:port and the target behind it. */
static enum err cut_url(struct bytes url, struct bytes *ret_authority, struct bytes *ret_target,
                        struct fault *fault)
{
    if (bytes_begin_with(url, BYTES("https://")))
        return fault_say(fault, ERR_UNSUPPORTED,
                         "\"%.*s\": this generator speaks http:// only; measure behind the TLS",
                         BYTES_ARG(url));
    if (!bytes_begin_with(url, BYTES("http://")))
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" is no URL; write it as http://127.0.0.1:8080/path",
                         BYTES_ARG(url));
    struct bytes rest = bytes_skip(url, sizeof "http://" - 1);
    size_t end = bytes_find(rest, '/');
    struct bytes target = bytes_skip(rest, end);

    if (end == 0)
        return fault_say(fault, ERR_SYNTAX, "\"%.*s\" names no host", BYTES_ARG(url));
    for (size_t i = 0; i < target.size; i++)
        if (target.data[i] <= ' ' || target.data[i] == 0x7f || target.data[i] == '#')
            return fault_say(fault, ERR_SYNTAX,
                             "\"%.*s\": blanks, control characters and # have no place in a URL; "
                             "write %%20 for a blank",
                             BYTES_ARG(url));
    *ret_authority = bytes_slice(rest, 0, end);
    *ret_target = target.size == 0 ? BYTES("/") : target;
    return ERR_OK;
}

static enum err set_authority(struct plan *plan, struct bytes authority, struct fault *fault)
{
    bool has_port =
        bytes_find(authority, ':') < authority.size && authority.data[authority.size - 1] != ']';
    char text[512];
    int size = snprintf(text, sizeof text, "%.*s%s", BYTES_ARG(authority), has_port ? "" : ":80");

    if (size < 0 || (size_t)size >= sizeof text)
        return fault_say(fault, ERR_TOO_BIG, "the host is too long");
    if (plan->authority.size > 0 && !bytes_equal(plan->authority, authority))
        return fault_say(fault, ERR_UNSUPPORTED,
                         "all URLs of one run must have the same host and port, but %.*s is not "
                         "%.*s; measure them one after the other",
                         BYTES_ARG(authority), BYTES_ARG(plan->authority));
    plan->authority = authority;
    return address_parse(bytes_of_text(text), &plan->address, fault);
}

/* What stands between the target and the end of every request. */
static enum err http_rest(struct plan *plan, struct bytes *ret_rest, struct fault *fault)
{
    bool has_host = false;
    struct buf text;

    buf_init(&text, PLAN_BODY_MAX + (1 << 20), NULL);
    buf_add_text(&text, " HTTP/1.1\r\n");
    for (unsigned i = 0; i < plan->field_count; i++) {
        struct bytes value = plan->fields[i], name = bytes_cut(&value, ':');

        has_host = has_host || bytes_equal_nocase(name, BYTES("host"));
        buf_printf(&text, "%.*s: %.*s\r\n", BYTES_ARG(name), BYTES_ARG(bytes_trim(value)));
    }
    if (!has_host)
        buf_printf(&text, "Host: %.*s\r\n", BYTES_ARG(plan->authority));
    if (plan->body.size > 0)
        buf_printf(&text, "Content-Length: %zu\r\n", plan->body.size);
    buf_add_text(&text, "\r\n");
    buf_add(&text, plan->body);

    *ret_rest = arena_copy(&plan->arena, buf_bytes(&text));
    enum err err = buf_failed(&text);

    buf_fini(&text);
    if (err != ERR_OK || ret_rest->data == NULL)
        return fault_say(fault, ERR_TOO_BIG, "the header and the body together are too large");
    return ERR_OK;
}

static enum err add_url(struct plan *plan, struct bytes text, struct bytes *rest,
                        struct fault *fault)
{
    struct route *route = &plan->routes[plan->route_count];
    struct template_rules rules = rules_of(plan, false);
    struct bytes authority = {NULL, 0}, target = {NULL, 0};

    TRY(cut_weight(&text, &route->weight, fault));
    TRY(cut_url(text, &authority, &target, fault));
    TRY(set_authority(plan, authority, fault));
    if (rest->size == 0)
        TRY(http_rest(plan, rest, fault));
    route->name = target;
    template_init(&route->template);
    TRY(template_add_plain(&route->template, plan->method, fault));
    TRY(template_add_plain(&route->template, BYTES(" "), fault));
    TRY(template_add(&route->template, target, &rules, fault));
    TRY(template_add_plain(&route->template, *rest, fault));
    plan->route_count++;
    plan->weight_sum += route->weight;
    return ERR_OK;
}

static enum err finish_http(struct plan *plan, struct fault *fault)
{
    struct bytes rest = {NULL, 0};

    if (plan->target_count == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "which URL? For example: larder bench http http://127.0.0.1:8080/");
    plan->to_head = bytes_equal(plan->method, BYTES("HEAD"));
    for (unsigned i = 0; i < plan->target_count; i++)
        TRY(add_url(plan, plan->targets[i], &rest, fault));
    return ERR_OK;
}

/* ---- RESP -------------------------------------------------------------------------------- */

static enum err add_words(struct plan *plan, struct template *template, struct bytes text,
                          struct fault *fault)
{
    struct template_rules rules = rules_of(plan, true);
    struct bytes words[PLAN_WORDS_MAX];
    unsigned count = 0;
    char header[32];

    while (text.size > 0) {
        struct bytes word = bytes_cut(&text, ' ');

        if (word.size == 0)
            continue;
        if (count == PLAN_WORDS_MAX)
            return fault_say(fault, ERR_TOO_BIG, "a command has at most %d words", PLAN_WORDS_MAX);
        words[count++] = word;
    }
    int size = snprintf(header, sizeof header, "*%u\r\n", count);
    struct bytes copy = arena_copy(&plan->arena, bytes_of(header, (size_t)size));

    template_init(template);
    TRY(template_add_plain(template, copy, fault));
    for (unsigned i = 0; i < count; i++)
        TRY(template_add_word(template, words[i], &rules, fault));
    return ERR_OK;
}

/* The short forms: "get" and "set" stand for the commands with the key pattern. */
static struct bytes whole_command(struct plan *plan, struct bytes text)
{
    char command[1024], ttl[48] = "";
    bool set = bytes_equal_nocase(text, BYTES("set"));

    if (!set && !bytes_equal_nocase(text, BYTES("get")))
        return text;
    if (plan->ttl_ns > 0)
        (void)snprintf(ttl, sizeof ttl, " PX %lld", (long long)(plan->ttl_ns / 1000000));
    int size = snprintf(command, sizeof command, "%s %.*s%s%s", set ? "SET" : "GET",
                        BYTES_ARG(plan->key_pattern), set ? " {value}" : "", set ? ttl : "");

    if (size < 0 || (size_t)size >= sizeof command)
        return BYTES("");
    return arena_copy(&plan->arena, bytes_of(command, (size_t)size));
}

static uint8_t type_of_reply(struct bytes command)
{
    struct bytes word = bytes_cut(&command, ' ');

    if (bytes_equal_nocase(word, BYTES("get")))
        return '$';
    return bytes_equal_nocase(word, BYTES("set")) ? '+' : 0;
}

static enum err add_command(struct plan *plan, struct bytes text, struct fault *fault)
{
    struct route *route = &plan->routes[plan->route_count];

    TRY(cut_weight(&text, &route->weight, fault));
    text = bytes_trim(whole_command(plan, text));
    if (text.size == 0)
        return fault_say(fault, ERR_SYNTAX, "a command is empty, or its key is too long");
    route->name = text;
    route->expected_type = type_of_reply(text);
    TRY(add_words(plan, &route->template, text, fault));
    plan->route_count++;
    plan->weight_sum += route->weight;
    return ERR_OK;
}

/* ---- memcached's text protocol ------------------------------------------------------------- */

static enum err add_text(struct plan *plan, struct template *template, bool set,
                         struct fault *fault)
{
    struct template_rules rules = rules_of(plan, false);
    long long ttl_s = (long long)((plan->ttl_ns + 999999999) / 1000000000);
    char middle[48];
    int size = snprintf(middle, sizeof middle, " 0 %lld ", ttl_s);
    struct bytes copy = arena_copy(&plan->arena, bytes_of(middle, (size_t)size));

    template_init(template);
    TRY(template_add_plain(template, set ? BYTES("set ") : BYTES("get "), fault));
    TRY(template_add(template, plan->key_pattern, &rules, fault));
    if (!set)
        return template_add_plain(template, BYTES("\r\n"), fault);
    TRY(template_add_plain(template, copy, fault));
    return template_add_block(template, fault);
}

static enum err add_get_or_set(struct plan *plan, struct bytes text, struct fault *fault)
{
    struct route *route = &plan->routes[plan->route_count];
    bool set = false;

    TRY(cut_weight(&text, &route->weight, fault));
    set = bytes_equal_nocase(text, BYTES("set"));
    route->name = set ? BYTES("set") : BYTES("get");
    route->expected_type = set ? '+' : '$';
    TRY(add_text(plan, &route->template, set, fault));
    plan->route_count++;
    plan->weight_sum += route->weight;
    return ERR_OK;
}

static enum err check_memcached(const struct plan *plan, struct fault *fault)
{
    const struct bytes key = plan->key_pattern;

    for (size_t i = 0; i < key.size; i++)
        if (key.data[i] <= ' ' || key.data[i] == 0x7f)
            return fault_say(fault, ERR_SYNTAX,
                             "--key: memcached's keys have no blanks and no control characters");
    if (plan->ttl_ns > MEMCACHED_TTL_MAX_NS)
        return fault_say(fault, ERR_RANGE,
                         "--ttl: memcached takes more than 30 days for a date, not for a time");
    return ERR_OK;
}

/* ---- what both have ------------------------------------------------------------------------ */

static enum err set_place(struct plan *plan, struct bytes scheme, struct fault *fault)
{
    if (bytes_begin_with(plan->place, scheme))
        plan->place = bytes_skip(plan->place, scheme.size);
    plan->authority = plan->place;
    return address_parse(plan->place, &plan->address, fault);
}

static enum err add_targets(struct plan *plan, struct fault *fault)
{
    for (unsigned i = 0; i < plan->target_count; i++) {
        if (plan->protocol == PLAN_RESP)
            TRY(add_command(plan, plan->targets[i], fault));
        else
            TRY(add_get_or_set(plan, plan->targets[i], fault));
    }
    return ERR_OK;
}

static enum err finish_store(struct plan *plan, struct fault *fault)
{
    bool resp = plan->protocol == PLAN_RESP;

    TRY(set_place(plan, resp ? BYTES("redis://") : BYTES("memcached://"), fault));
    if (!resp)
        TRY(check_memcached(plan, fault));
    if (plan->keys == 0)
        plan->keys = 1000000;
    if (plan->target_count == 0)
        plan->targets[plan->target_count++] = BYTES("get");
    TRY(add_targets(plan, fault));
    if (!plan->fill)
        return ERR_OK;
    if (!plan->has_expected_size) {
        plan->has_expected_size = true;
        plan->expected_size_low = plan->value_low;
        plan->expected_size_high = plan->value_high;
    }
    if (!resp)
        return add_text(plan, &plan->fill_template, true, fault);
    return add_words(plan, &plan->fill_template, whole_command(plan, BYTES("set")), fault);
}

/* ---- together ---------------------------------------------------------------------------- */

static bool is_loopback(const struct address *address)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *v6 = address->v6.sin6_addr.s6_addr;

    if (address->any.sa_family == AF_UNIX)
        return true;
    if (address->any.sa_family == AF_INET)
        return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr) ||
           (memcmp(v6, mapped, sizeof mapped) == 0 && v6[12] == 127);
}

static enum err check_keys(struct plan *plan, struct fault *fault)
{
    bool has_key = false;

    for (unsigned i = 0; i < plan->route_count; i++)
        has_key = has_key || plan->routes[i].template.has_key;
    if (has_key && plan->keys == 0)
        return fault_say(fault, ERR_SYNTAX,
                         "{key} stands in a URL: say how many keys there are, with --keys 1000");
    if (plan->keys == 0)
        plan->keys = 1;
    if (plan->first_key > ZIPF_COUNT_MAX || plan->keys > ZIPF_COUNT_MAX)
        return fault_say(fault, ERR_RANGE, "keys must stay below 2^48");
    zipf_init(&plan->key_law, plan->keys, plan->exponent);
    return ERR_OK;
}

static enum err check_loop(struct plan *plan, struct fault *fault)
{
    if (plan->threads > plan->connections)
        return fault_say(fault, ERR_RANGE,
                         "%llu threads cannot share %llu connections; use --connections %llu",
                         (unsigned long long)plan->threads, (unsigned long long)plan->connections,
                         (unsigned long long)plan->threads);
    if (plan->requests_max > 0 && !plan->has_duration)
        plan->duration_ns = INT64_C(3600) * 1000000000;
    if (plan->requests_max > 0 && !plan->has_warmup)
        plan->warmup_ns = 0;
    if (plan->duration_ns <= 0)
        return fault_say(fault, ERR_RANGE, "--duration must be longer than nothing");
    if (plan->timeout_ns <= 0)
        return fault_say(fault, ERR_RANGE, "--timeout must be longer than nothing");
    return ERR_OK;
}

enum err plan_finish(struct plan *plan, struct fault *fault)
{
    TRY(plan->protocol == PLAN_HTTP ? finish_http(plan, fault) : finish_store(plan, fault));
    TRY(check_keys(plan, fault));
    TRY(check_loop(plan, fault));
    if (!plan->allow_remote && !is_loopback(&plan->address))
        return fault_say(fault, ERR_DENIED,
                         "%.*s is not this machine; load on other people's servers is an attack. "
                         "If it is yours, say --allow-remote",
                         BYTES_ARG(plan->authority));
    return ERR_OK;
}
