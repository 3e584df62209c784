/* command.c: flags and help from the rows of the subcommands. SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include "base/guess.h"
#include "base/must.h"

enum { FLAGS_MAX = 64 };

void flags_init(struct flags *flags, const struct command *command, int argc, char **argv)
{
    *flags = (struct flags){command, argc, argv, 0};
}

bool flag_is(const struct flag *flag, const char *name)
{
    return flag != NULL && strcmp(flag->name, name) == 0;
}

static enum err unknown_flag(const struct flags *flags, struct bytes name, const char *word,
                             struct fault *fault)
{
    const char *names[FLAGS_MAX];
    size_t count = flags->command->flags_count;

    must(count <= FLAGS_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = flags->command->flags[i].name;
    const char *near = guess(name, names, count);

    return fault_say(fault, ERR_SYNTAX, "there is no flag %s%s%s%s", word,
                     near == NULL ? "" : "; did you mean --", near == NULL ? "" : near,
                     near == NULL ? "" : "?");
}

static const struct flag *find_flag(const struct command *command, struct bytes name, bool is_long)
{
    for (size_t i = 0; i < command->flags_count; i++) {
        const struct flag *flag = &command->flags[i];

        if (is_long ? bytes_equal(bytes_of_text(flag->name), name)
                    : flag->letter != 0 && name.size == 1 && name.data[0] == (uint8_t)flag->letter)
            return flag;
    }
    return NULL;
}

enum err flags_next(struct flags *flags, const struct flag **ret_flag, const char **ret_value,
                    struct fault *fault)
{
    *ret_flag = NULL;
    *ret_value = NULL;
    if (flags->at >= flags->argc)
        return ERR_OK;
    const char *word = flags->argv[flags->at++];

    if (word[0] != '-' || word[1] == '\0') {
        *ret_value = word;
        return ERR_OK;
    }
    bool is_long = word[1] == '-';
    struct bytes rest = bytes_of_text(word + (is_long ? 2 : 1));
    struct bytes whole = rest;
    struct bytes name = is_long ? bytes_cut(&rest, '=') : rest;
    const struct flag *flag = find_flag(flags->command, name, is_long);
    bool has_value = name.size < whole.size;

    if (flag == NULL)
        return unknown_flag(flags, name, word, fault);
    if (flag->value == NULL && has_value)
        return fault_say(fault, ERR_SYNTAX, "--%s takes no value", flag->name);
    if (flag->value != NULL && !has_value && flags->at >= flags->argc)
        return fault_say(fault, ERR_SYNTAX, "%s needs a value: %s %s", word, word, flag->value);
    *ret_flag = flag;
    if (flag->value != NULL)
        *ret_value = has_value ? (const char *)rest.data : flags->argv[flags->at++];
    return ERR_OK;
}

int command_misused(const struct command *command, const struct fault *fault)
{
    (void)fprintf(stderr, "larder %s: %s\nSee: larder help %s\n", command->name, fault->text,
                  command->name);
    return EXIT_USAGE;
}

int command_failed(const struct command *command, const struct fault *fault)
{
    /* Editors and terminals know a line that begins with file:line:column. */
    if (fault->file[0] != '\0' && fault->line > 0)
        fault_print(fault, stderr);
    else
        (void)fprintf(stderr, "larder %s: %s\n", command->name, fault->text);
    return EXIT_FAILED;
}

int command_surplus(const struct command *command, const char *word)
{
    struct fault fault = {.line = 0};

    (void)fault_say(&fault, ERR_SYNTAX, "\"%s\" is one word too many", word);
    return command_misused(command, &fault);
}

void command_help(const struct command *command, struct buf *out)
{
    char left[64];

    buf_printf(out, "usage: larder %s%s%s\n\n%s\n", command->name,
               command->usage[0] == '\0' ? "" : " ", command->usage, command->text);
    if (command->flags_count > 0)
        buf_add_text(out, "\n");
    for (size_t i = 0; i < command->flags_count; i++) {
        const struct flag *flag = &command->flags[i];

        char letter[5] = "    ";

        if (flag->letter != 0)
            (void)snprintf(letter, sizeof letter, "-%c, ", flag->letter);
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, flag->name,
                       flag->value == NULL ? "" : " ", flag->value == NULL ? "" : flag->value);
        buf_printf(out, "  %-28s %s\n", left, flag->text);
    }
    if (command->examples != NULL)
        buf_printf(out, "\nExamples:\n%s", command->examples);
}
