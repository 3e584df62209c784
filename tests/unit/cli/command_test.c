/* The promises of cli/command.h. SPDX-License-Identifier: MIT */
#include "cli/command.h"
#include "t.h"

static const struct flag rows[] = {
    {"memory", 0, "SIZE", "How much."},
    {"config", 'c', "FILE", "Which file."},
    {"json", 'j', NULL, "As JSON."},
};

static const struct command command = {
    .name = "try", .usage = "[FLAGS]", .text = "Tries.", .flags = rows, .flags_count = 3};

/* The outcome of the first word of the line. */
static enum err next(int argc, char **argv, const struct flag **flag, const char **value,
                     struct fault *fault)
{
    struct flags flags;

    flags_init(&flags, &command, argc, argv);
    return flags_next(&flags, flag, value, fault);
}

TEST(a_flag_takes_its_value_from_the_next_word_or_behind_an_equals_sign)
{
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct fault fault;

    CHECK(next(2, (char *[]){"--memory", "1GiB"}, &flag, &value, &fault) == ERR_OK);
    CHECK(flag_is(flag, "memory") && strcmp(value, "1GiB") == 0);
    CHECK(next(1, (char *[]){"--memory=1GiB"}, &flag, &value, &fault) == ERR_OK);
    CHECK(flag_is(flag, "memory") && strcmp(value, "1GiB") == 0);
    CHECK(next(2, (char *[]){"-c", "file"}, &flag, &value, &fault) == ERR_OK);
    CHECK(flag_is(flag, "config") && strcmp(value, "file") == 0);
    CHECK(next(1, (char *[]){"--json"}, &flag, &value, &fault) == ERR_OK);
    CHECK(flag_is(flag, "json") && value == NULL);
}

TEST(words_and_the_end_of_the_line_are_no_flags)
{
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct fault fault;

    CHECK(next(1, (char *[]){"word"}, &flag, &value, &fault) == ERR_OK);
    CHECK(flag == NULL && strcmp(value, "word") == 0);
    CHECK(next(1, (char *[]){"-"}, &flag, &value, &fault) == ERR_OK);
    CHECK(flag == NULL && strcmp(value, "-") == 0);
    CHECK(next(0, NULL, &flag, &value, &fault) == ERR_OK);
    CHECK(flag == NULL && value == NULL);
}

TEST(mistakes_are_told_with_what_was_meant)
{
    const struct flag *flag = NULL;
    const char *value = NULL;
    struct fault fault;

    CHECK(next(1, (char *[]){"--memroy"}, &flag, &value, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "did you mean --memory?") != NULL);
    CHECK(next(1, (char *[]){"--memory"}, &flag, &value, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "--memory needs a value: --memory SIZE") != NULL);
    CHECK(next(1, (char *[]){"--json=yes"}, &flag, &value, &fault) == ERR_SYNTAX);
    CHECK(strstr(fault.text, "takes no value") != NULL);
    CHECK(next(1, (char *[]){"-x"}, &flag, &value, &fault) == ERR_SYNTAX);
}

TEST(the_help_names_every_flag)
{
    struct buf buf;

    buf_init(&buf, 4096, NULL);
    command_help(&command, &buf);
    buf_add_byte(&buf, '\0');
    CHECK(strstr((const char *)buf.data, "usage: larder try [FLAGS]") != NULL);
    CHECK(strstr((const char *)buf.data, "-c, --config FILE") != NULL);
    CHECK(strstr((const char *)buf.data, "    --memory SIZE") != NULL);
    buf_fini(&buf);
}
