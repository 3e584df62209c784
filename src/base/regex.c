/* regex.c: PCRE2 with limits. SPDX-License-Identifier: MIT */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include "base/mem.h"
#include "base/must.h"

#include <pcre2.h>

struct regex {
    pcre2_general_context *memory;
    pcre2_match_context *limits;
    pcre2_code *code;
};

static void *take(size_t size, void *context)
{
    (void)context;
    return mem_try(size);
}

static void give(void *memory, void *context)
{
    (void)context;
    mem_return(memory);
}

static enum err say_wrong(struct fault *fault, int code, size_t at)
{
    PCRE2_UCHAR text[128];

    if (pcre2_get_error_message(code, text, sizeof text) < 0)
        text[0] = '\0';
    return fault_say(fault, ERR_SYNTAX, "the regular expression is wrong at character %zu: %s",
                     at + 1, (const char *)text);
}

static enum err prepare(struct regex *regex, struct bytes text, struct fault *fault)
{
    size_t at = 0;
    int code = 0;

    regex->memory = pcre2_general_context_create(take, give, NULL);
    if (regex->memory != NULL)
        regex->limits = pcre2_match_context_create(regex->memory);
    if (regex->limits == NULL)
        return fault_say(fault, ERR_FULL, "there is no memory for the regular expression");
    (void)pcre2_set_match_limit(regex->limits, REGEX_STEPS_MAX);
    (void)pcre2_set_heap_limit(regex->limits, REGEX_MEMORY_MAX / 1024);
    pcre2_compile_context *context = pcre2_compile_context_create(regex->memory);

    if (context == NULL)
        return fault_say(fault, ERR_FULL, "there is no memory for the regular expression");
    (void)pcre2_set_parens_nest_limit(context, 32);
    regex->code = pcre2_compile(text.data, text.size, PCRE2_NO_AUTO_CAPTURE, &code, &at, context);
    pcre2_compile_context_free(context);
    return regex->code == NULL ? say_wrong(fault, code, at) : ERR_OK;
}

enum err regex_new(struct bytes text, struct regex **ret_regex, struct fault *fault)
{
    if (text.size == 0)
        return fault_say(fault, ERR_SYNTAX, "the regular expression is empty");
    if (text.size > REGEX_SIZE_MAX)
        return fault_say(fault, ERR_TOO_BIG, "the regular expression is longer than %d bytes",
                         REGEX_SIZE_MAX);
    struct regex *regex = mem_new(1, sizeof *regex);
    enum err err = prepare(regex, text, fault);

    if (err == ERR_OK)
        *ret_regex = regex;
    else
        regex_free(&regex);
    return err;
}

void regex_free(struct regex **owner)
{
    struct regex *regex = *owner;

    if (regex == NULL)
        return;
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
    pcre2_general_context_free(regex->memory);
    mem_free(owner);
}

bool regex_fits(const struct regex *regex, struct bytes text)
{
    pcre2_match_data *found = pcre2_match_data_create(1, regex->memory);

    if (found == NULL)
        return true;
    int code = pcre2_match(regex->code, text.size == 0 ? (PCRE2_SPTR) "" : text.data, text.size, 0,
                           0, found, regex->limits);

    pcre2_match_data_free(found);
    return code != PCRE2_ERROR_NOMATCH;
}
