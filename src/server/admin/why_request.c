/* why_request.c: JSON to the head of a request, strictly. SPDX-License-Identifier: MIT */
#include "server/admin/why_request.h"

#include "base/guess.h"
#include "proto/url.h"

#include <jansson.h>

struct asked {
    const char *url;
    const char *method;
    const json_t *headers;
};

static enum err read_text(const char *name, const json_t *value, const char **ret_text,
                          struct fault *fault)
{
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        strpbrk(json_string_value(value), "\r\n") != NULL)
        return fault_say(fault, ERR_SYNTAX, "\"%s\" must be a text of one line", name);
    *ret_text = json_string_value(value);
    return ERR_OK;
}

static enum err read_member(struct asked *asked, const char *name, const json_t *value,
                            struct fault *fault)
{
    static const char *const all[] = {"url", "method", "headers"};

    if (strcmp(name, "url") == 0)
        return read_text(name, value, &asked->url, fault);
    if (strcmp(name, "method") == 0)
        return read_text(name, value, &asked->method, fault);
    if (strcmp(name, "headers") != 0) {
        const char *near = guess(bytes_of_text(name), all, 3);

        return fault_say(fault, ERR_SYNTAX, "there is no member \"%.64s\" here%s%s%s", name,
                         near == NULL ? "" : "; did you mean \"", near == NULL ? "" : near,
                         near == NULL ? "" : "\"?");
    }
    if (!json_is_array(value))
        return fault_say(fault, ERR_SYNTAX, "\"headers\" must be a list of \"Name: value\"");
    asked->headers = value;
    return ERR_OK;
}

static enum err write_fields(const struct asked *asked, struct buf *out, bool *ret_has_host,
                             struct fault *fault)
{
    for (size_t i = 0; i < json_array_size(asked->headers); i++) {
        const char *text = "";

        TRY(read_text("headers", json_array_get(asked->headers, i), &text, fault));
        struct bytes rest = bytes_of_text(text);
        struct bytes name = bytes_cut(&rest, ':');

        if (name.size == strlen(text))
            return fault_say(fault, ERR_SYNTAX, "\"%.64s\" in \"headers\" has no colon", text);
        *ret_has_host |= bytes_equal_nocase(name, BYTES("Host"));
        buf_printf(out, "%.*s: %.*s\r\n", BYTES_ARG(name), BYTES_ARG(bytes_trim(rest)));
    }
    return ERR_OK;
}

static enum err write_head(const struct asked *asked, struct buf *out, bool *ret_is_secure,
                           struct fault *fault)
{
    struct url_parts parts;
    bool has_host = false;

    if (asked->url == NULL)
        return fault_say(fault, ERR_SYNTAX, "say which \"url\": http://host/path");
    if (url_split(bytes_of_text(asked->url), &parts) != ERR_OK)
        return fault_say(fault, ERR_SYNTAX, "\"%.256s\" is no URL; write http://host/path?query",
                         asked->url);
    *ret_is_secure = parts.tls;
    buf_printf(out, "%s %.*s HTTP/1.1\r\n", asked->method == NULL ? "GET" : asked->method,
               BYTES_ARG(parts.target.size == 0 ? BYTES("/") : parts.target));
    TRY(write_fields(asked, out, &has_host, fault));
    if (!has_host)
        buf_printf(out, "Host: %.*s\r\n", BYTES_ARG(parts.host));
    buf_add_text(out, "\r\n");
    return buf_failed(out) == ERR_OK ? ERR_OK
                                     : fault_say(fault, ERR_FULL, "the request is too long");
}

enum err admin_why_read(struct bytes json, struct buf *out, bool *ret_is_secure,
                        struct fault *fault)
{
    struct asked asked = {.url = NULL};
    enum err err = ERR_OK;
    json_error_t error;
    json_t *root = json_loadb(json.data == NULL ? "" : (const char *)json.data, json.size,
                              JSON_REJECT_DUPLICATES, &error);
    const char *name = NULL;
    json_t *value = NULL;

    if (root == NULL)
        return fault_say(fault, ERR_SYNTAX, "the body is no JSON: %.128s in line %d, column %d",
                         error.text, error.line, error.column);
    if (!json_is_object(root))
        err = fault_say(fault, ERR_SYNTAX,
                        "the body must be an object, such as {\"url\": "
                        "\"http://a.example/\"}");
    json_object_foreach(root, name, value)
    {
        if (err == ERR_OK)
            err = read_member(&asked, name, value, fault);
    }
    if (err == ERR_OK)
        err = write_head(&asked, out, ret_is_secure, fault);
    json_decref(root);
    return err;
}
