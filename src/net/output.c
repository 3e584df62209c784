/* output.c: gathering, keeping, sending. SPDX-License-Identifier: MIT */
#include "net/output.h"

#include "base/mem.h"
#include "base/must.h"
#include "net/tls.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    PIECE_FIRST = 1024, /* bytes of memory for the first piece, header included */
    PIECE_NEXT = 16 * 1024,
    SEND_PARTS = 64
};

struct output_piece {
    struct output_piece *next;
    const uint8_t *data; /* what is still to be sent */
    size_t size;
    size_t room; /* bytes that may be added behind it; 0 for a loan */
    size_t charged;
    struct output_loan loan;
    uint8_t copies[];
};

static void release(struct output_loan loan)
{
    if (loan.release != NULL)
        loan.release(loan.context);
}

/* ---- what is kept ------------------------------------------------------------------------- */

void output_init(struct output *output, struct account *account)
{
    *output = (struct output){.account = account};
}

static struct output_piece *piece_new(struct output *output, size_t memory)
{
    struct output_piece *piece = mem_try(memory);

    if (piece == NULL)
        return NULL;
    *piece = (struct output_piece){.charged = memory};
    if (output->account != NULL)
        account_force(output->account, memory);
    if (output->last == NULL)
        output->first = piece;
    else
        output->last->next = piece;
    output->last = piece;
    return piece;
}

static void drop_first(struct output *output)
{
    struct output_piece *piece = output->first;

    output->first = piece->next;
    if (output->first == NULL)
        output->last = NULL;
    if (output->account != NULL)
        account_refund(output->account, piece->charged);
    release(piece->loan);
    mem_free(&piece);
}

void output_clear(struct output *output)
{
    while (output->first != NULL)
        drop_first(output);
    output->size = output->copied = 0;
}

static void fill(struct output *output, struct output_piece *piece, struct bytes bytes)
{
    must(bytes.size <= piece->room);
    memcpy(piece->copies + (piece->data - piece->copies) + piece->size, bytes.data, bytes.size);
    piece->size += bytes.size;
    piece->room -= bytes.size;
    output->size += bytes.size;
    output->copied += bytes.size;
}

bool output_copy(struct output *output, struct bytes bytes)
{
    struct output_piece *last = output->last;
    size_t fitting = last == NULL ? 0 : last->room < bytes.size ? last->room : bytes.size;
    struct bytes rest = bytes_skip(bytes, fitting);

    if (rest.size > 0) {
        size_t memory = output->first == NULL ? PIECE_FIRST : PIECE_NEXT;

        if (memory < rest.size + sizeof *last)
            memory = rest.size + sizeof *last;
        struct output_piece *piece = piece_new(output, memory);

        if (piece == NULL)
            return false;
        piece->data = piece->copies;
        piece->room = memory - sizeof *piece;
        fill(output, piece, rest);
    }
    if (fitting > 0)
        fill(output, last, bytes_slice(bytes, 0, fitting));
    return true;
}

bool output_lend(struct output *output, struct bytes bytes, struct output_loan loan)
{
    struct output_piece *piece = piece_new(output, sizeof *piece);

    if (piece == NULL) {
        release(loan);
        return false;
    }
    piece->data = bytes.data;
    piece->size = bytes.size;
    piece->loan = loan;
    output->size += bytes.size;
    return true;
}

static unsigned list_parts(const struct output *output, struct iovec *parts)
{
    unsigned count = 0;

    for (const struct output_piece *piece = output->first; piece != NULL && count < SEND_PARTS;
         piece = piece->next)
        parts[count++] = (struct iovec){(void *)(uintptr_t)piece->data, piece->size};
    return count;
}

static void forget(struct output *output, size_t sent)
{
    must(sent <= output->size);
    output->size -= sent;
    while (output->first != NULL && (sent > 0 || output->first->size == 0)) {
        struct output_piece *piece = output->first;
        size_t part = sent < piece->size ? sent : piece->size;

        if (piece->loan.release == NULL)
            output->copied -= part;
        piece->data += part;
        piece->size -= part;
        sent -= part;
        if (piece->size > 0)
            return;
        drop_first(output);
    }
}

static ssize_t send_parts(struct outlet outlet, struct iovec *parts, unsigned count)
{
    ssize_t sent;

    if (outlet.tls != NULL)
        return tls_write(outlet.tls, parts, count);

    do {
        if (count == 1) {
            sent = send(outlet.fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
        } else {
            struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};

            sent = sendmsg(outlet.fd, &message, MSG_NOSIGNAL);
        }
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN)
        return 0;
    return sent;
}

static size_t size_of(const struct iovec *parts, unsigned count)
{
    size_t size = 0;

    for (unsigned i = 0; i < count; i++)
        size += parts[i].iov_len;
    return size;
}

ssize_t output_send(struct output *output, struct outlet outlet)
{
    size_t total = 0;

    while (output->first != NULL) {
        struct iovec parts[SEND_PARTS];
        unsigned count = list_parts(output, parts);
        size_t offered = size_of(parts, count);
        ssize_t sent = send_parts(outlet, parts, count);

        if (sent < 0)
            return -1;
        forget(output, (size_t)sent);
        total += (size_t)sent;
        if ((size_t)sent < offered)
            break;
    }
    return (ssize_t)total;
}

ssize_t output_send_direct(struct output *output, struct outlet outlet, struct bytes bytes)
{
    must(output->first == NULL);
    struct iovec part = {(void *)(uintptr_t)bytes.data, bytes.size};
    ssize_t sent = send_parts(outlet, &part, 1);

    if (sent < 0)
        return -1;
    if (!output_copy(output, bytes_skip(bytes, (size_t)sent))) {
        errno = ENOMEM;
        return -1;
    }
    return sent;
}

/* ---- what is gathered --------------------------------------------------------------------- */

bool gather_copy(struct gather *gather, struct bytes bytes)
{
    if (bytes.size > GATHER_SIZE - gather->used)
        return false;
    uint8_t *to = gather->copies + gather->used;
    struct iovec *last = gather->count == 0 ? NULL : &gather->parts[gather->count - 1];

    if (last == NULL || gather->loans[gather->count - 1].release != NULL) {
        if (gather->count == GATHER_PARTS)
            return false;
        last = &gather->parts[gather->count];
        *last = (struct iovec){to, 0};
        gather->loans[gather->count++] = (struct output_loan){0};
    }
    if (bytes.size > 0)
        memcpy(to, bytes.data, bytes.size);
    last->iov_len += bytes.size;
    gather->used += bytes.size;
    gather->size += bytes.size;
    return true;
}

bool gather_lend(struct gather *gather, struct bytes bytes, struct output_loan loan)
{
    must(loan.release != NULL);
    if (gather->count == GATHER_PARTS)
        return false;
    gather->parts[gather->count] = (struct iovec){(void *)(uintptr_t)bytes.data, bytes.size};
    gather->loans[gather->count++] = loan;
    gather->size += bytes.size;
    return true;
}

static bool keep_rest(const struct gather *gather, size_t sent, struct output *output)
{
    bool kept = true;

    for (unsigned i = 0; i < gather->count; i++) {
        struct bytes part = bytes_of(gather->parts[i].iov_base, gather->parts[i].iov_len);
        size_t gone = sent < part.size ? sent : part.size;
        struct bytes rest = bytes_skip(part, gone);

        sent -= gone;
        if (rest.size == 0 || !kept)
            release(gather->loans[i]);
        else if (gather->loans[i].release == NULL)
            kept = output_copy(output, rest);
        else
            kept = output_lend(output, rest, gather->loans[i]);
    }
    return kept;
}

bool gather_send(struct gather *gather, struct outlet outlet, struct output *output,
                 size_t *ret_sent)
{
    ssize_t sent = send_parts(outlet, gather->parts, gather->count);
    int why = errno;

    if (sent < 0) {
        gather_drop(gather);
        errno = why;
        return false;
    }
    if (!keep_rest(gather, (size_t)sent, output)) {
        gather->size = gather->used = gather->count = 0;
        errno = ENOMEM;
        return false;
    }
    gather->size = gather->used = gather->count = 0;
    *ret_sent = (size_t)sent;
    return true;
}

void gather_drop(struct gather *gather)
{
    for (unsigned i = 0; i < gather->count; i++)
        release(gather->loans[i]);
    gather->size = gather->used = gather->count = 0;
}
