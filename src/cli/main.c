/* main.c: larder's first step: which subcommand is meant. SPDX-License-Identifier: MIT */
#include "base/guess.h"
#include "base/must.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/version.h"

#include <unistd.h>

enum { OUTPUT_MAX = 1 << 20, COMMANDS_MAX = 32 };

static int put(struct buf *buf, FILE *out, int status)
{
    bool is_whole =
        fwrite(buf->data == NULL ? "" : (const char *)buf->data, 1, buf->size, out) == buf->size &&
        fflush(out) == 0;

    buf_fini(buf);
    return is_whole ? status : EXIT_FAILED;
}

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < commands_count; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int help(FILE *out, int status)
{
    struct buf buf;

    buf_init(&buf, OUTPUT_MAX, NULL);
    buf_add_text(&buf,
                 "usage: larder COMMAND [FLAGS]\n\n"
                 "A caching layer for web APIs: an HTTP gateway and a Redis-compatible server "
                 "on one cache.\n\n");
    for (size_t i = 0; i < commands_count; i++)
        buf_printf(&buf, "  %-10s %s\n", commands[i]->name, commands[i]->text);
    buf_printf(&buf, "  %-10s %s\n", "version", "Says which Larder this is.");
    buf_printf(&buf, "  %-10s %s\n", "help", "Explains a command: larder help serve");
    buf_add_text(&buf, "\nTo begin with an API that listens on port 8000:\n"
                       "  larder serve --origin http://127.0.0.1:8000\n");
    return put(&buf, out, status);
}

static int help_of(const struct command *command)
{
    struct buf buf;

    buf_init(&buf, OUTPUT_MAX, NULL);
    command_help(command, &buf);
    return put(&buf, stdout, EXIT_DONE);
}

static int unknown(const char *word)
{
    const char *names[COMMANDS_MAX];
    size_t count = commands_count;

    must(count + 2 <= COMMANDS_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = commands[i]->name;
    names[count++] = "help";
    names[count++] = "version";
    const char *near = guess(bytes_of_text(word), names, count);

    (void)fprintf(stderr, "larder: there is no command \"%s\"%s%s%s\nSee: larder help\n", word,
                  near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
                  near == NULL ? "" : "\"?");
    return EXIT_USAGE;
}

static int describe_main(const char *table)
{
    struct fault fault = {.line = 0};
    struct buf buf;

    buf_init(&buf, OUTPUT_MAX, NULL);
    if (describe(table, &buf, &fault) != ERR_OK) {
        buf_fini(&buf);
        (void)fprintf(stderr, "larder: %s\n", fault.text);
        return EXIT_USAGE;
    }
    return put(&buf, stdout, EXIT_DONE);
}

static bool is_help_word(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char describe_flag[] = "--describe=";
    const char *word = argc < 2 ? "" : argv[1];

    if (word[0] == '\0')
        return help(stderr, EXIT_USAGE);
    if (strncmp(word, describe_flag, sizeof describe_flag - 1) == 0)
        return describe_main(word + sizeof describe_flag - 1);
    if (strcmp(word, "version") == 0 || strcmp(word, "--version") == 0) {
        (void)puts("larder " LARDER_VERSION);
        return EXIT_DONE;
    }
    bool is_help = is_help_word(word);

    if (is_help && (argc < 3 || is_help_word(argv[2])))
        return help(stdout, EXIT_DONE);
    const char *name = is_help ? argv[2] : word;
    const struct command *command = find(name);

    if (command == NULL)
        return unknown(name);
    if (is_help || (!command->has_own_help && asks_for_help(argc - 2, argv + 2)))
        return help_of(command);
    return command->run(command, argc - 2, argv + 2);
}
