/* value.h: the kinds of settings: reading them from text, checking and printing them.
 * SPDX-License-Identifier: MIT
 *
 * One reader for larder.yaml, for flags and for the defaults and bounds in the tables themselves
 * (base/setting.h), so that none of them can mean something else than the others.
 */
#ifndef LARDER_CLI_VALUE_H
#define LARDER_CLI_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/setting.h"

enum value_kind {
    VALUE_SWITCH,
    VALUE_COUNT,
    VALUE_SHARE,
    VALUE_SIZE,
    VALUE_DURATION,
    VALUE_TEXT,
    VALUE_ADDRESS,
    VALUE_URL,
    VALUE_LIST,
    VALUE_ONE_OF,
};

enum { VALUE_LIST_MAX = 1024 /* texts in one list */ };

/* One row of a table: where its field is, and what it may hold. */
struct setting {
    const char *path;
    enum value_kind kind;
    const char *usual; /* the default, as an operator would write it */
    const char *lowest, *highest;
    const char *text;
    size_t offset; /* of the field within the room's struct */
};

/* Reads `text` into the setting's field of `record`. The fault's text says what is wrong with the
 * value and how it should look, without naming the setting. Not for lists.
 * ERR_SYNTAX  it is no such value
 * ERR_RANGE   it is one, but beyond the bounds
 * ERR_FULL    the arena */
enum err value_read(const struct setting *setting, struct bytes text, struct arena *arena,
                    void *record, struct fault *fault);

/* The same for a list of texts. ERR_TOO_BIG: more than VALUE_LIST_MAX. */
enum err value_read_list(const struct setting *setting, const struct bytes *texts, size_t count,
                         struct arena *arena, void *record, struct fault *fault);

/* Gives the field its default. A table whose default breaks its own bounds stops the program. */
void value_reset(const struct setting *setting, struct arena *arena, void *record);

/* As an operator would write it; nothing for a text or list that is not set. */
void value_print(const struct setting *setting, const void *record, struct buf *buf);

/* "duration", "size", ... and what may be written: "from 1ms to 1h", "one of a, b". */
const char *value_kind_name(enum value_kind kind);
void value_print_range(const struct setting *setting, struct buf *buf);

/* Whether it looks like host:port, [v6]:port, :port, unix:/path or off. No name is looked up. */
bool value_is_address(struct bytes text);

/* The field of `record`. */
void *value_field(const struct setting *setting, void *record);

#endif
