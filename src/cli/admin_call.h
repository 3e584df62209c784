/* admin_call.h: one question to a running Larder's admin door, and its answer.
 * SPDX-License-Identifier: MIT
 *
 * For `larder purge` and `larder stats`, which are programs of their own beside the server.
 */
#ifndef LARDER_CLI_ADMIN_CALL_H
#define LARDER_CLI_ADMIN_CALL_H

#include "base/buf.h"
#include "base/fault.h"
#include "cli/command.h"
#include "cli/config.h"

enum { ADMIN_CALL_WAIT_S = 60, ADMIN_CALL_ANSWER_MAX = 32 << 20 };

/* Where the door is. The flags of a command that asks begin with these. */
#define ADMIN_CALL_FLAGS                                                                           \
    {"admin", 0, "ADDR:PORT", "Where the admin door is. 127.0.0.1:8081"},                          \
        {"token-file", 0, "FILE", "The file that holds the door's token."},                        \
    {                                                                                              \
        "config", 'c', "FILE", "Take address and token from this larder.yaml."                     \
    }

struct admin_call {
    struct config config; /* for the defaults, and -c */
    const char *admin;
    const char *token_file;
    const char *file;
};

void admin_call_init(struct admin_call *call);
void admin_call_fini(struct admin_call *call);

/* True: the flag was one of ADMIN_CALL_FLAGS. */
bool admin_call_take(struct admin_call *call, const struct flag *flag, const char *value);

/* Sends `method` `path` with `body` (JSON, or empty) and waits for the answer's body. An answer
 * other than 2xx is a fault too; its text is what the door says.
 * ERR_PEER_DOWN, ERR_PEER_SLOW, ERR_PEER_BROKEN, ERR_DENIED, and those of reading the file. */
enum err admin_call_send(struct admin_call *call, const char *method, const char *path,
                         struct bytes body, struct buf *ret_answer, struct fault *fault);

#endif
