/* command.h: what every subcommand of `larder` is made of: its flags, its help, its mistakes.
 * SPDX-License-Identifier: MIT
 *
 * A subcommand is one row: name, usage, what it does, its flags, examples. From the row come the
 * help, the manual (docs/reference/cli.md), the reader of flags with "did you mean", and the exit
 * status: 0 done, 1 failed, 2 the command line makes no sense.
 */
#ifndef LARDER_CLI_COMMAND_H
#define LARDER_CLI_COMMAND_H

#include "base/buf.h"
#include "base/fault.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct flag {
    const char *name;  /* without its dashes: "memory" */
    char letter;       /* 'c' for -c; 0: none */
    const char *value; /* what follows it: "SIZE"; NULL: nothing */
    const char *text;
};

struct command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *text;  /* what it does, one sentence */
    const struct flag *flags;
    size_t flags_count;
    const char *examples;                                          /* lines */
    bool has_own_help;                                             /* --help is for `run` */
    int (*run)(const struct command *self, int argc, char **argv); /* behind the name */
};

/* In the order of the help. */
extern const struct command *const commands[];
extern const size_t commands_count;

/* ---- flags ---------------------------------------------------------------------------------- */

struct flags {
    const struct command *command;
    int argc;
    char **argv;
    int at;
};

void flags_init(struct flags *flags, const struct command *command, int argc, char **argv);

/* The next thing on the command line: a flag with its value (`--memory 1GiB`, `--memory=1GiB`,
 * `-c FILE`), or a word (`*ret_flag` is NULL), or nothing more (both are NULL).
 * ERR_SYNTAX: no such flag, or its value is missing, or it takes none. */
enum err flags_next(struct flags *flags, const struct flag **ret_flag, const char **ret_value,
                    struct fault *fault);

bool flag_is(const struct flag *flag, const char *name);

/* ---- telling -------------------------------------------------------------------------------- */

/* Prints "larder serve: ..." and where help is to be had, on standard error; EXIT_USAGE. */
int command_misused(const struct command *command, const struct fault *fault);

/* Prints the fault on standard error; EXIT_FAILED. */
int command_failed(const struct command *command, const struct fault *fault);

/* A word that the command does not take. */
int command_surplus(const struct command *command, const char *word);

void command_help(const struct command *command, struct buf *out);

#endif
