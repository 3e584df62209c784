/* yaml.h: a YAML file as a small tree, each node with its place.
 * SPDX-License-Identifier: MIT
 *
 * Only the plain part of YAML: maps, lists and texts. What surprises people is refused with a
 * sentence: anchors and aliases, tags, merges, several documents, a key twice, `no` that becomes
 * false (here every scalar is text, and who reads it decides what it means).
 *
 * Memory: the tree lives in the caller's arena, and is gone with it.
 * Limits: YAML_SIZE_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX, YAML_KEYS_MAX.
 */
#ifndef LARDER_CLI_YAML_H
#define LARDER_CLI_YAML_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/fault.h"

enum {
    YAML_SIZE_MAX = 1 << 20, /* bytes of a file */
    YAML_DEPTH_MAX = 16,     /* maps and lists within each other */
    YAML_NODES_MAX = 65536,
    YAML_KEYS_MAX = 4096, /* of one map */
};

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    bool quoted;                /* texts: written within quotes */
    struct bytes text;          /* texts; followed by a NUL that does not count */
    struct bytes name;          /* in a map: its key, followed by a NUL that does not count */
    int line, column;           /* of the key in a map, of the node itself elsewhere */
    struct yaml_node *children; /* of lists and maps, in the order of the file */
    struct yaml_node *next;
    size_t count; /* of children */
};

/* Reads `text` into a tree. `*ret_root` is a map; an empty file is an empty one. On failure the
 * fault has line and column (its `file` is left as it is).
 * ERR_SYNTAX, ERR_UNSUPPORTED, ERR_TOO_BIG, ERR_FULL (the arena). */
enum err yaml_read(struct arena *arena, struct bytes text, const struct yaml_node **ret_root,
                   struct fault *fault);

#endif
