/* err.c: the rows of err.def, to be asked. SPDX-License-Identifier: MIT */
#include "base/err.h"

#include "base/must.h"

static const struct {
    const char *name;
    const char *text;
    enum err_class class;
} rows[] = {
#define ERROR(name, class, text) {#name, text, ERR_CLASS_##class},
#include "base/err.def"
#undef ERROR
};

_Static_assert(sizeof rows / sizeof rows[0] == ERR_COUNT, "one row for each error");

enum err_class err_class(enum err err)
{
    must(err < ERR_COUNT);
    return rows[err].class;
}

const char *err_name(enum err err)
{
    must(err < ERR_COUNT);
    return rows[err].name;
}

const char *err_text(enum err err)
{
    must(err < ERR_COUNT);
    return rows[err].text;
}
