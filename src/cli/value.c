/* value.c: text to field and back, kind by kind. SPDX-License-Identifier: MIT */
#include "cli/value.h"

#include "base/guess.h"
#include "base/must.h"
#include "base/number.h"

#include <ctype.h>
#include <stdio.h>

/* What a setting holds, whatever its kind. */
union value {
    bool on;
    uint64_t count; /* counts and sizes */
    int64_t ms;
    double share;
    const char *text;
    unsigned word;
};

enum { TEXT_MAX = 8192, WORDS_MAX = 32 };

static const struct {
    const char *name;
    const char *example;
} kinds[] = {
    [VALUE_SWITCH] = {"switch", "on or off"},
    [VALUE_COUNT] = {"count", "a whole number, such as 100"},
    [VALUE_SHARE] = {"share", "a share such as 5% or 0.05"},
    [VALUE_SIZE] = {"size", "a number and a unit, such as 64KiB, 256MiB or 1GiB"},
    [VALUE_DURATION] = {"duration", "a number and a unit, such as 500ms, 30s, 10m or 1h"},
    [VALUE_TEXT] = {"text", "a text"},
    [VALUE_ADDRESS] = {"address", "an address and a port, such as 127.0.0.1:8080, or off"},
    [VALUE_URL] = {"URL", "a URL such as http://127.0.0.1:8000"},
    [VALUE_LIST] = {"list", "a list of texts, such as [\"a\", \"b\"]"},
    [VALUE_ONE_OF] = {"word", "one of its words"},
};

const char *value_kind_name(enum value_kind kind)
{
    return kinds[kind].name;
}

void *value_field(const struct setting *setting, void *record)
{
    return (char *)record + setting->offset;
}

static enum err not_a(const struct setting *setting, struct bytes text, struct fault *fault)
{
    if (text.size == 0)
        return fault_say(fault, ERR_SYNTAX, "the value is missing: write %s",
                         kinds[setting->kind].example);
    return fault_say(fault, ERR_SYNTAX, "\"%.*s\" is no %s: write %s", BYTES_ARG(text),
                     kinds[setting->kind].name, kinds[setting->kind].example);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static enum err read_switch(const struct setting *setting, struct bytes text, union value *value,
                            struct fault *fault)
{
    bool is_on = bytes_equal(text, BYTES("on")) || bytes_equal(text, BYTES("true"));
    bool is_off = bytes_equal(text, BYTES("off")) || bytes_equal(text, BYTES("false"));

    if (!is_on && !is_off)
        return not_a(setting, text, fault);
    value->on = is_on;
    return ERR_OK;
}

static enum err read_share(struct bytes text, union value *value)
{
    bool percent = text.size > 0 && text.data[text.size - 1] == '%';

    TRY(number_double(bytes_slice(text, 0, text.size - percent), &value->share));
    if (percent)
        value->share /= 100;
    return ERR_OK;
}

static bool is_digits(struct bytes text)
{
    uint64_t number = 0;

    return number_u64(text, &number) == ERR_OK;
}

static enum err read_number(const struct setting *setting, struct bytes text, union value *value,
                            struct fault *fault)
{
    enum err err = ERR_OK;

    if (setting->kind == VALUE_COUNT)
        err = number_u64(text, &value->count);
    else if (setting->kind == VALUE_SIZE)
        err = number_size(text, &value->count);
    else if (setting->kind == VALUE_DURATION)
        err = number_duration(text, &value->ms);
    else
        err = read_share(text, value);
    if (err == ERR_RANGE)
        return fault_say(fault, err, "\"%.*s\" is beyond every limit", BYTES_ARG(text));
    if (err != ERR_OK && setting->kind == VALUE_DURATION && is_digits(text))
        return fault_say(fault, err,
                         "\"%.*s\" has no unit: write %.*ss for seconds (or ms, m, h, d)",
                         BYTES_ARG(text), BYTES_ARG(text));
    return err == ERR_OK ? ERR_OK : not_a(setting, text, fault);
}

/* The words of a ONE_OF row. */
static size_t cut_words(const char *row, char *copy, size_t copy_size, const char **ret_words)
{
    size_t count = 0;

    must(strlen(row) < copy_size);
    memcpy(copy, row, strlen(row) + 1);
    for (char *word = copy; word != NULL; count++) {
        char *bar = strchr(word, '|');

        must(count < WORDS_MAX);
        ret_words[count] = word;
        if (bar != NULL)
            *bar++ = '\0';
        word = bar;
    }
    return count;
}

static void add_words(struct buf *buf, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(buf, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", words[i]);
}

static enum err read_word(const struct setting *setting, struct bytes text, union value *value,
                          struct fault *fault)
{
    char copy[512];
    const char *words[WORDS_MAX];
    size_t count = cut_words(setting->lowest, copy, sizeof copy, words);
    struct buf all;

    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(text, bytes_of_text(words[i]))) {
            value->word = (unsigned)i;
            return ERR_OK;
        }
    }
    const char *near = guess(text, words, count);

    buf_init(&all, 1024, NULL);
    add_words(&all, words, count);
    enum err err = fault_say(fault, ERR_SYNTAX, "\"%.*s\" is none of %.*s%s%s%s", BYTES_ARG(text),
                             BYTES_ARG(buf_bytes(&all)), near == NULL ? "" : "; did you mean ",
                             near == NULL ? "" : near, near == NULL ? "" : "?");

    buf_fini(&all);
    return err;
}

/* Whether it looks like host:port, [v6]:port or :port. Names are looked up later, by net/. */
static bool is_host_and_port(struct bytes text)
{
    size_t colon = text.size;
    uint64_t port = 0;

    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    if (colon == 0 || number_u64(bytes_skip(text, colon), &port) != ERR_OK || port > 65535)
        return false;
    struct bytes host = bytes_slice(text, 0, colon - 1);
    bool is_bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';

    if (!is_bracketed && bytes_find(host, ':') < host.size)
        return false;
    for (size_t i = 0; i < host.size; i++) {
        if (isgraph(host.data[i]) == 0 || strchr("/?#@\"\\", host.data[i]) != NULL)
            return false;
    }
    return true;
}

bool value_is_address(struct bytes text)
{
    if (bytes_begin_with(text, BYTES("unix:")))
        return text.size > 5 && text.size < 5 + 108;
    return bytes_equal(text, BYTES("off")) || is_host_and_port(text);
}

static enum err check_url(struct bytes text, struct fault *fault)
{
    struct bytes rest = text;

    bool is_secure = bytes_begin_with(text, BYTES("https://"));

    if (!is_secure && !bytes_begin_with(text, BYTES("http://")))
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" is no URL: it must begin with http:// or https://",
                         BYTES_ARG(text));
    rest = bytes_skip(rest, is_secure ? 8 : 7);
    if (rest.size > 0 && rest.data[rest.size - 1] == '/')
        rest = bytes_slice(rest, 0, rest.size - 1);
    if (bytes_find(rest, '/') < rest.size)
        return fault_say(fault, ERR_SYNTAX,
                         "\"%.*s\" has a path: write http://host:port, the path is the request's",
                         BYTES_ARG(text));
    if (rest.size == 0 || rest.data[0] == ':' ||
        (bytes_find(rest, ':') < rest.size && !is_host_and_port(rest)))
        return fault_say(fault, ERR_SYNTAX, "\"%.*s\" is no URL: write %s", BYTES_ARG(text),
                         kinds[VALUE_URL].example);
    return ERR_OK;
}

static enum err read_text(const struct setting *setting, struct bytes text, struct arena *arena,
                          union value *value, struct fault *fault)
{
    if (text.size == 0)
        return not_a(setting, text, fault);
    if (text.size > TEXT_MAX)
        return fault_say(fault, ERR_RANGE, "the text is longer than %d bytes", TEXT_MAX);
    if (bytes_find(text, '\0') < text.size)
        return fault_say(fault, ERR_SYNTAX, "the text holds a NUL");
    if (setting->kind == VALUE_ADDRESS && !value_is_address(text))
        return not_a(setting, text, fault);
    if (setting->kind == VALUE_URL)
        TRY(check_url(text, fault));
    struct bytes copy = arena_copy(arena, text);

    if (copy.data == NULL)
        return fault_say(fault, ERR_FULL, "the configuration is too large");
    value->text = (const char *)copy.data;
    return ERR_OK;
}

static enum err read_any(const struct setting *setting, struct bytes text, struct arena *arena,
                         union value *value, struct fault *fault)
{
    switch (setting->kind) {
    case VALUE_SWITCH:
        return read_switch(setting, text, value, fault);
    case VALUE_COUNT:
    case VALUE_SHARE:
    case VALUE_SIZE:
    case VALUE_DURATION:
        return read_number(setting, text, value, fault);
    case VALUE_TEXT:
    case VALUE_ADDRESS:
    case VALUE_URL:
        return read_text(setting, text, arena, value, fault);
    case VALUE_ONE_OF:
        return read_word(setting, text, value, fault);
    case VALUE_LIST:
        break;
    }
    return not_a(setting, text, fault);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static int compare(enum value_kind kind, const union value *a, const union value *b)
{
    if (kind == VALUE_SHARE)
        return (a->share > b->share) - (a->share < b->share);
    if (kind == VALUE_DURATION)
        return (a->ms > b->ms) - (a->ms < b->ms);
    return (a->count > b->count) - (a->count < b->count);
}

static bool is_number(enum value_kind kind)
{
    return kind == VALUE_COUNT || kind == VALUE_SHARE || kind == VALUE_SIZE ||
           kind == VALUE_DURATION;
}

/* How the value stands to a bound of its row: < 0, 0, > 0; 0 when there is no such bound. */
static int compare_bound(const struct setting *setting, const union value *value, const char *bound)
{
    union value limit = {.count = 0};
    struct fault fault = {.line = 0};

    if (bound[0] == '\0')
        return 0;
    must(read_any(setting, bytes_of_text(bound), NULL, &limit, &fault) == ERR_OK);
    return compare(setting->kind, value, &limit);
}

void value_print_range(const struct setting *setting, struct buf *buf)
{
    char copy[512];
    const char *words[WORDS_MAX];

    if (setting->kind == VALUE_ONE_OF)
        add_words(buf, words, cut_words(setting->lowest, copy, sizeof copy, words));
    else if (setting->kind == VALUE_SWITCH)
        buf_add_text(buf, "on or off");
    else if (setting->lowest[0] != '\0' && setting->highest[0] != '\0')
        buf_printf(buf, "from %s to %s", setting->lowest, setting->highest);
    else if (setting->lowest[0] != '\0')
        buf_printf(buf, "from %s", setting->lowest);
    else if (setting->highest[0] != '\0')
        buf_printf(buf, "up to %s", setting->highest);
}

static enum err check_bounds(const struct setting *setting, struct bytes text,
                             const union value *value, struct fault *fault)
{
    struct buf range;

    if (!is_number(setting->kind))
        return ERR_OK;
    bool is_low = compare_bound(setting, value, setting->lowest) < 0;
    bool is_high = compare_bound(setting, value, setting->highest) > 0;

    if (!is_low && !is_high)
        return ERR_OK;
    buf_init(&range, 256, NULL);
    value_print_range(setting, &range);
    enum err err = fault_say(fault, ERR_RANGE, "%.*s is too %s: it may be %.*s", BYTES_ARG(text),
                             is_low ? "small" : "large", BYTES_ARG(buf_bytes(&range)));

    buf_fini(&range);
    return err;
}

/* ---- fields --------------------------------------------------------------------------------- */

static void store(const struct setting *setting, const union value *value, void *record)
{
    void *field = value_field(setting, record);

    switch (setting->kind) {
    case VALUE_SWITCH:
        *(SETTING_TYPE_SWITCH *)field = value->on;
        return;
    case VALUE_COUNT:
    case VALUE_SIZE:
        *(SETTING_TYPE_COUNT *)field = value->count;
        return;
    case VALUE_SHARE:
        *(SETTING_TYPE_SHARE *)field = value->share;
        return;
    case VALUE_DURATION:
        *(SETTING_TYPE_DURATION *)field = value->ms;
        return;
    case VALUE_TEXT:
    case VALUE_ADDRESS:
    case VALUE_URL:
        *(SETTING_TYPE_TEXT *)field = value->text;
        return;
    case VALUE_ONE_OF:
        *(SETTING_TYPE_ONE_OF *)field = value->word;
        return;
    case VALUE_LIST:
        break;
    }
    never("a list is stored as a list");
}

enum err value_read(const struct setting *setting, struct bytes text, struct arena *arena,
                    void *record, struct fault *fault)
{
    union value value = {.count = 0};

    TRY(read_any(setting, text, arena, &value, fault));
    TRY(check_bounds(setting, text, &value, fault));
    store(setting, &value, record);
    return ERR_OK;
}

enum err value_read_list(const struct setting *setting, const struct bytes *texts, size_t count,
                         struct arena *arena, void *record, struct fault *fault)
{
    must(setting->kind == VALUE_LIST);
    if (count > VALUE_LIST_MAX)
        return fault_say(fault, ERR_TOO_BIG, "the list holds more than %d texts", VALUE_LIST_MAX);
    const char **items = arena_take(arena, (count + 1) * sizeof *items);

    if (items == NULL)
        return fault_say(fault, ERR_FULL, "the configuration is too large");
    for (size_t i = 0; i < count; i++) {
        union value value = {.text = NULL};

        TRY(read_text(setting, texts[i], arena, &value, fault));
        items[i] = value.text;
    }
    struct text_list *field = value_field(setting, record);

    *field = (struct text_list){items, count};
    return ERR_OK;
}

void value_reset(const struct setting *setting, struct arena *arena, void *record)
{
    struct fault fault = {.line = 0};

    if (setting->usual[0] == '\0')
        return;
    if (setting->kind == VALUE_LIST) {
        struct bytes items[WORDS_MAX], rest = bytes_of_text(setting->usual);
        size_t count = 0;

        for (; rest.size > 0; count++) {
            must(count < WORDS_MAX);
            items[count] = bytes_trim(bytes_cut(&rest, ','));
        }
        must(value_read_list(setting, items, count, arena, record, &fault) == ERR_OK);
        return;
    }
    must(value_read(setting, bytes_of_text(setting->usual), arena, record, &fault) == ERR_OK);
}

/* ---- printing ------------------------------------------------------------------------------- */

static void print_share(double share, struct buf *buf)
{
    buf_printf(buf, "%g%%", share * 100);
}

static void print_list(const struct text_list *list, struct buf *buf)
{
    if (list->count == 0)
        return;
    buf_add_text(buf, "[");
    for (size_t i = 0; i < list->count; i++) {
        buf_add_text(buf, i == 0 ? "\"" : ", \"");
        buf_add_json(buf, bytes_of_text(list->items[i]));
        buf_add_text(buf, "\"");
    }
    buf_add_text(buf, "]");
}

void value_print(const struct setting *setting, const void *record, struct buf *buf)
{
    const void *field = (const char *)record + setting->offset;
    char text[NUMBER_TEXT_SIZE], copy[512];
    const char *words[WORDS_MAX];

    switch (setting->kind) {
    case VALUE_SWITCH:
        buf_add_text(buf, *(const SETTING_TYPE_SWITCH *)field ? "on" : "off");
        return;
    case VALUE_COUNT:
        buf_add_u64(buf, *(const SETTING_TYPE_COUNT *)field);
        return;
    case VALUE_SHARE:
        print_share(*(const SETTING_TYPE_SHARE *)field, buf);
        return;
    case VALUE_SIZE:
        number_size_text(*(const SETTING_TYPE_SIZE *)field, text);
        buf_add_text(buf, text);
        return;
    case VALUE_DURATION:
        number_duration_text(*(const SETTING_TYPE_DURATION *)field, text);
        buf_add_text(buf, text);
        return;
    case VALUE_TEXT:
    case VALUE_ADDRESS:
    case VALUE_URL:
        buf_add_text(buf, *(SETTING_TYPE_TEXT const *)field == NULL
                              ? ""
                              : *(SETTING_TYPE_TEXT const *)field);
        return;
    case VALUE_LIST:
        print_list(field, buf);
        return;
    case VALUE_ONE_OF:
        (void)cut_words(setting->lowest, copy, sizeof copy, words);
        buf_add_text(buf, words[*(const SETTING_TYPE_ONE_OF *)field]);
        return;
    }
}
