/* reply.c: errors in Redis' words, and values. SPDX-License-Identifier: MIT */
#include "server/resp/call.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

/* An error begins with its kind; a sentence alone is an ERR. */
static bool has_kind(const char *text)
{
    struct bytes kind = bytes_of(text, strcspn(text, " "));

    for (size_t i = 0; i < ERROR_KINDS; i++) {
        if (bytes_equal(kind, bytes_of_text(error_kinds[i])))
            return true;
    }
    return false;
}

void reply_error(struct call *call, const char *text)
{
    char whole[1024];

    (void)snprintf(whole, sizeof whole, "%s%s", has_kind(text) ? "" : "ERR ", text);
    resp_add_error(call->out, bytes_of_text(whole));
    call->failed = true;
    door_count_error(call->door, bytes_slice(bytes_of_text(whole), 0, strcspn(whole, " ")));
}

void reply_errorf(struct call *call, const char *format, ...)
{
    char text[1000];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reply_error(call, text);
}

void reply_err(struct call *call, enum err err)
{
    if (err == ERR_FULL)
        reply_error(call, "OOM command not allowed when used memory > 'maxmemory'.");
    else if (err == ERR_WRONG_TYPE)
        reply_wrong_type(call);
    else if (err == ERR_MISS)
        reply_error(call, "no such key");
    else if (err == ERR_TOO_BIG)
        reply_error(call, "the key, the value or a tag is larger than the configured limit");
    else
        reply_error(call, err_text(err));
}

void reply_syntax(struct call *call)
{
    reply_error(call, "syntax error");
}

void reply_not_integer(struct call *call)
{
    reply_error(call, "value is not an integer or out of range");
}

void reply_wrong_type(struct call *call)
{
    reply_error(call, "WRONGTYPE Operation against a key holding the wrong kind of value");
}

void reply_wrong_arity(struct call *call)
{
    reply_errorf(call, "wrong number of arguments for '%s' command", call->verb->name);
}

void reply_help(struct call *call, const char *const *lines, size_t count)
{
    char head[128], name[32];
    size_t size = strcspn(call->verb->name, "|");

    for (size_t i = 0; i < size && i < sizeof name; i++)
        name[i] = (char)(call->verb->name[i] - ('a' - 'A'));
    (void)snprintf(head, sizeof head,
                   "%.*s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", (int)size,
                   name);
    reply_array(call, count + 3);
    reply_simple(call, head);
    for (size_t i = 0; i < count; i++)
        reply_simple(call, lines[i]);
    reply_simple(call, "HELP");
    reply_simple(call, "    Prints this help.");
}

void reply_flush(struct call *call)
{
    if (call->out == &call->door->waste)
        buf_clear(call->out);
    else
        door_flush(call->door, call->client);
}

struct loan {
    struct cache *cache;
    struct cache_entry *entry;
};

static void give_back(void *context)
{
    struct loan *loan = context;

    cache_drop(loan->cache, &loan->entry);
    mem_free(&loan);
}

void reply_value(struct call *call, const struct cache_view *view, struct bytes part)
{
    if (part.size < REPLY_LOAN_MIN || call->out == &call->door->waste) {
        reply_bulk(call, part);
        return;
    }
    struct loan *loan = mem_try(sizeof *loan);
    struct cache_view held = *view;

    if (loan != NULL)
        *loan = (struct loan){call->resp->cache, cache_hold(call->resp->cache, &held)};
    if (loan == NULL || loan->entry == NULL) {
        mem_free(&loan);
        reply_bulk(call, part);
        return;
    }
    part.data += held.value.data - view->value.data;
    resp_add_bulk_head(call->out, part.size);
    reply_flush(call);
    conn_send_loan(call->client->conn, part, give_back, loan);
    buf_add(call->out, BYTES("\r\n"));
}

/* ---- words ------------------------------------------------------------------------------------
 */

bool call_integer(struct call *call, size_t at, int64_t *ret_number)
{
    if (number_i64(call->words[at], ret_number) == ERR_OK)
        return true;
    reply_not_integer(call);
    return false;
}

bool call_double(struct call *call, size_t at, const char *complaint, double *ret_number)
{
    if (number_double(call->words[at], ret_number) == ERR_OK)
        return true;
    reply_error(call, complaint);
    return false;
}

bool call_range(struct call *call, size_t at, int64_t low, int64_t high, const char *complaint,
                int64_t *ret_number)
{
    if (number_i64(call->words[at], ret_number) == ERR_OK && *ret_number >= low &&
        *ret_number <= high)
        return true;
    if (complaint == NULL)
        reply_not_integer(call);
    else
        reply_error(call, complaint);
    return false;
}
