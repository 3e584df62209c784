/* t.h: the whole test harness. TEST names a sentence; CHECK says what must be so.
 * SPDX-License-Identifier: MIT
 *
 * A test file is a program of its own: it runs its tests in the order of the file, prints a line
 * for each, and ends with "N passed, N failed". An argument runs only the tests whose names hold
 * it. Arguments that begin with "--" are a test's own.
 */
#ifndef LARDER_TESTS_T_H
#define LARDER_TESTS_T_H

#include <stdbool.h>
#include <stddef.h>

struct t_case {
    const char *name;
    void (*run)(void);
    struct t_case *next;
};

void t_add(struct t_case *one);

/* Ends the running test as failed, from the test's own thread. */
_Noreturn void t_fail(const char *what, const char *file, int line);

/* The word behind `option` ("--seed") among the arguments, "" behind the last; NULL: it is not
 * there. */
const char *t_option(const char *option);

#define TEST(name)                                                                                 \
    static void name(void);                                                                        \
    __attribute__((constructor)) static void name##_add(void)                                      \
    {                                                                                              \
        static struct t_case one = {#name, name, NULL};                                            \
        t_add(&one);                                                                               \
    }                                                                                              \
    static void name(void)

#define CHECK(condition) ((condition) ? (void)0 : t_fail(#condition, __FILE__, __LINE__))

#endif
