/* err.h: how a function says that it did not do what was asked.
 * SPDX-License-Identifier: MIT
 *
 * A function that can fail returns an `enum err` and hands its result out through a last parameter
 * named `ret_...`, which it touches only on ERR_OK. The compiler refuses a call that drops the
 * answer. What cannot happen unless Larder itself is wrong is no error: see must.h.
 */
#ifndef LARDER_BASE_ERR_H
#define LARDER_BASE_ERR_H

#define MUST_USE [[nodiscard]] /* a macro only because clang-format 14 misreads the attribute */

enum MUST_USE err {
#define ERROR(name, class, text) ERR_##name,
#include "base/err.def"
#undef ERROR
    ERR_COUNT
};

/* Six classes, chosen so that every protocol has a word for each. */
enum err_class {
    ERR_CLASS_NONE,   /* nothing is wrong */
    ERR_CLASS_CALLER, /* ask differently: HTTP 400, RESP -ERR */
    ERR_CLASS_STATE,  /* ask about something else: HTTP 404, RESP nil or -WRONGTYPE */
    ERR_CLASS_LIMIT,  /* ask for less: HTTP 413, 503 or 507, RESP -OOM */
    ERR_CLASS_PEER,   /* ask again later: HTTP 502 or 504, RESP -TRYAGAIN */
    ERR_CLASS_DISK,   /* ask the operator: HTTP 500, RESP -MISCONF */
};

enum err_class err_class(enum err err);
const char *err_name(enum err err);
const char *err_text(enum err err);

/* Leave this function with the error that `call` met, if it met one. For functions that hold
 * nothing yet; one that holds something writes `goto out`. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != ERR_OK)                                                                    \
            return try_err_;                                                                       \
    } while (0)

#endif
