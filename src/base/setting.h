/* setting.h: the kinds of value that an operator can write into larder.yaml.
 * SPDX-License-Identifier: MIT
 *
 * Each room keeps its settings in a table, <room>/<section>.def:
 *
 *     SETTING(field, "path.in.yaml", KIND, "default", "lowest", "highest", "what it does")
 *
 * From a row come the field of the room's struct (SETTING_TYPE_KIND field), its default, the check
 * of its range, the manual and `larder check`. Defaults and bounds are written as an operator
 * would write them and go through the same reader. "" as a bound: none. A default of "" leaves the
 * field zero, which means "not set" for texts and lists. ONE_OF writes its words, separated by |,
 * where the lowest bound stands; its field is the number of the word, from 0.
 *
 * A room includes its table only to make its struct:
 *
 *     struct origin_settings {
 *     #define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
 *     #include "upstream/origin.def"
 *     #undef SETTING
 *     };
 */
#ifndef LARDER_BASE_SETTING_H
#define LARDER_BASE_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_list {
    const char *const *items; /* NUL-terminated strings, owned by the configuration */
    size_t count;
};

#define SETTING_TYPE_SWITCH   bool             /* on, off */
#define SETTING_TYPE_COUNT    uint64_t         /* a whole number */
#define SETTING_TYPE_SHARE    double           /* 0.5, or 50% */
#define SETTING_TYPE_SIZE     uint64_t         /* bytes: 64KiB */
#define SETTING_TYPE_DURATION int64_t          /* milliseconds: 1m30s */
#define SETTING_TYPE_TEXT     const char *     /* owned by the configuration; NULL: not set */
#define SETTING_TYPE_ADDRESS  const char *     /* host:port, [v6]:port, unix:/path, off */
#define SETTING_TYPE_URL      const char *     /* http://host:port */
#define SETTING_TYPE_LIST     struct text_list /* texts */
#define SETTING_TYPE_ONE_OF   unsigned         /* the number of the word */

#endif
