/* t.c: runs the tests of one file. SPDX-License-Identifier: MIT */
#include "t.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

static struct t_case *first;
static struct t_case **last = &first;
static jmp_buf out_of_the_test;
static char **arguments; /* NULL-terminated */

void t_add(struct t_case *one)
{
    *last = one;
    last = &one->next;
}

_Noreturn void t_fail(const char *what, const char *file, int line)
{
    (void)printf("         %s:%d: %s\n", file, line, what);
    longjmp(out_of_the_test, 1);
}

const char *t_option(const char *option)
{
    for (char **at = arguments; *at != NULL; at++) {
        if (strcmp(*at, option) == 0)
            return at[1] == NULL ? "" : at[1];
    }
    return NULL;
}

static bool passes(const struct t_case *one)
{
    if (setjmp(out_of_the_test) != 0)
        return false;
    one->run();
    return true;
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 && strncmp(argv[1], "--", 2) != 0 ? argv[1] : "";
    int passed = 0, failed = 0;

    arguments = argv;
    for (struct t_case *one = first; one != NULL; one = one->next) {
        if (strstr(one->name, part) == NULL)
            continue;
        bool ok = passes(one);

        (void)printf("%s %s\n", ok ? "ok      " : "not ok  ", one->name);
        (void)fflush(stdout);
        passed += ok;
        failed += !ok;
    }
    (void)printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
