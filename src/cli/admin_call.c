/* admin_call.c: a blocking HTTP client for one request. SPDX-License-Identifier: MIT */
#include "cli/admin_call.h"

#include "cli/secret.h"
#include "cli/setup.h"
#include "net/address.h"
#include "proto/body.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

void admin_call_init(struct admin_call *call)
{
    *call = (struct admin_call){.admin = NULL};
    config_init(&call->config);
}

void admin_call_fini(struct admin_call *call)
{
    config_fini(&call->config);
}

bool admin_call_take(struct admin_call *call, const struct flag *flag, const char *value)
{
    if (flag_is(flag, "admin"))
        call->admin = value;
    else if (flag_is(flag, "token-file"))
        call->token_file = value;
    else if (flag_is(flag, "config"))
        call->file = value;
    else
        return false;
    return true;
}

/* ---- the connection -------------------------------------------------------------------------- */

static enum err say_unreachable(const char *text, int why, struct fault *fault)
{
    return fault_say(
        fault, ERR_PEER_DOWN,
        "no Larder answers at %s (%s): is it running? Its line \"larder: admin on ...\" "
        "says where its admin door is; name it with --admin ADDR:PORT",
        text, strerror(why));
}

static enum err open_connection(const char *text, int *ret_fd, struct fault *fault)
{
    const struct timeval wait = {.tv_sec = ADMIN_CALL_WAIT_S};
    struct address address;
    struct fault why = {.line = 0};

    if (setup_is_off(text))
        return fault_say(fault, ERR_SYNTAX, "the admin door is off: there is nobody to ask");
    enum err err = address_parse(bytes_of_text(text), &address, &why);

    if (err != ERR_OK)
        return fault_say(fault, err, "--admin: %s", why.text);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fault_say(fault, ERR_SYSTEM, "the system gives no socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (connect(fd, &address.any, address.size) != 0) {
        int refused = errno;

        (void)close(fd);
        return say_unreachable(text, refused, fault);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err send_all(int fd, struct bytes bytes, struct fault *fault)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return fault_say(fault, ERR_PEER_GONE, "the connection broke: %s", strerror(errno));
        bytes = bytes_skip(bytes, (size_t)sent);
    }
    return ERR_OK;
}

/* Until the other side closes: it was asked to. */
static enum err receive_all(int fd, struct buf *buf, struct fault *fault)
{
    for (;;) {
        uint8_t *room = buf_room(buf, 65536);

        if (room == NULL)
            return fault_say(fault, ERR_TOO_BIG, "the answer is too large");
        ssize_t size = recv(fd, room, 65536, 0);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return fault_say(fault, errno == EAGAIN ? ERR_PEER_SLOW : ERR_PEER_GONE,
                             "no answer came: %s", strerror(errno));
        if (size == 0)
            return ERR_OK;
        buf_grew(buf, (size_t)size);
    }
}

/* ---- the answer ------------------------------------------------------------------------------ */

static enum err say_refused(unsigned status, struct bytes body, struct fault *fault)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)body.data, body.size, 0, &error);
    const char *text = json_string_value(json_object_get(root, "error"));
    enum err err = status == 401 || status == 403 ? ERR_DENIED : ERR_SYNTAX;

    (void)fault_say(fault, err, "%s%s", text == NULL ? "the admin door refused" : text,
                    status == 401 ? " (--token-file FILE)" : "");
    json_decref(root);
    return err;
}

static enum err read_answer(struct bytes input, struct buf *ret_answer, struct fault *fault)
{
    static const struct http_limits limits = {
        .head_max = 65536, .target_max = 8192, .fields_max = HTTP_FIELDS_MAX};
    struct http_complaint complaint = {.status = 0};
    struct http_head head;
    struct http_body body;
    size_t size = 0;
    bool is_done = false;
    enum err err = http_parse_response(input, &limits, false, &head, &size, &complaint);

    if (err != ERR_OK)
        return fault_say(fault, ERR_PEER_BROKEN, "this is no Larder's admin door: %s",
                         err == ERR_AGAIN ? "its answer ends too early" : complaint.text);
    input = bytes_skip(input, size);
    http_body_init(&body, &head);
    is_done = body.framing == HTTP_NO_BODY;
    while (!is_done) {
        struct bytes piece = {NULL, 0};

        err = http_body_next(&body, input, &size, &piece, &is_done);
        if (err == ERR_AGAIN && http_body_is_whole_at_end(&body))
            break;
        if (err != ERR_OK)
            return fault_say(fault, ERR_PEER_BROKEN, "the answer ends too early");
        buf_add(ret_answer, piece);
        input = bytes_skip(input, size);
    }
    if (head.status < 200 || head.status > 299)
        return say_refused(head.status, buf_bytes(ret_answer), fault);
    return ERR_OK;
}

static void write_request(struct buf *out, const char *method, const char *path, struct bytes body,
                          const char *token)
{
    buf_printf(out, "%s %s HTTP/1.1\r\nHost: larder\r\nConnection: close\r\n", method, path);
    if (token[0] != '\0')
        buf_printf(out, "Authorization: Bearer %s\r\n", token);
    if (body.size > 0)
        buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.size);
    buf_add_text(out, "\r\n");
    buf_add(out, body);
}

static enum err converse(const char *address, const struct buf *request, struct buf *ret_answer,
                         struct fault *fault)
{
    struct buf input;
    int fd = -1;

    TRY(open_connection(address, &fd, fault));
    buf_init(&input, ADMIN_CALL_ANSWER_MAX, NULL);
    enum err err = send_all(fd, buf_bytes(request), fault);

    if (err == ERR_OK)
        err = receive_all(fd, &input, fault);
    if (err == ERR_OK)
        err = read_answer(buf_bytes(&input), ret_answer, fault);
    (void)close(fd);
    buf_fini(&input);
    return err;
}

enum err admin_call_send(struct admin_call *call, const char *method, const char *path,
                         struct bytes body, struct buf *ret_answer, struct fault *fault)
{
    struct config *config = &call->config;
    char token[SECRET_SIZE] = "";
    struct buf request;

    if (call->file != NULL)
        TRY(config_read_file(config, call->file, fault));
    call->file = NULL; /* it is read */
    fault->file[0] = '\0';
    const char *address = call->admin != NULL ? call->admin : config->listen.admin;
    const char *token_file =
        call->token_file != NULL ? call->token_file : config->listen.admin_token_file;

    if (token_file != NULL)
        TRY(secret_read(token_file, token, fault));
    buf_init(&request, body.size + 8192, NULL);
    write_request(&request, method, path, body, token);
    enum err err = converse(address, &request, ret_answer, fault);

    buf_fini(&request);
    return err;
}
