/* sfield_write.c: structured fields that Larder itself sends. SPDX-License-Identifier: MIT */
#include "proto/chars.h"
#include "proto/sfield.h"

/* How many bytes at the front stand in a string as they are. */
static size_t plain_size(struct bytes text)
{
    size_t size = 0;

    while (size < text.size && text.data[size] >= 0x20 && text.data[size] <= 0x7e &&
           text.data[size] != '"' && text.data[size] != '\\')
        size++;
    return size;
}

void sf_write_string(struct buf *out, struct bytes text)
{
    buf_add_byte(out, '"');
    while (text.size > 0) {
        size_t plain = plain_size(text);

        buf_add(out, bytes_slice(text, 0, plain));
        text = bytes_skip(text, plain);
        if (text.size == 0)
            break;
        uint8_t byte = text.data[0];
        bool quotable = byte == '"' || byte == '\\';

        if (quotable)
            buf_add_byte(out, '\\');
        buf_add_byte(out, quotable ? byte : '?');
        text = bytes_skip(text, 1);
    }
    buf_add_byte(out, '"');
}

void sf_write_token(struct buf *out, struct bytes text)
{
    struct sf_item item;

    if (sf_item_parse(text, &item) == ERR_OK && item.kind == SF_TOKEN &&
        item.text.size == text.size)
        buf_add(out, text);
    else
        sf_write_string(out, text);
}

void cache_status_write(struct buf *out, const struct cache_status *status)
{
    buf_add_text(out, "larder");
    if (status->hit)
        buf_add_text(out, "; hit");
    if (status->forwarded != NULL) {
        buf_add_text(out, "; fwd=");
        buf_add_text(out, status->forwarded);
    }
    if (status->forward_status != 0) {
        buf_add_text(out, "; fwd-status=");
        buf_add_u64(out, status->forward_status);
    }
    if (status->has_ttl) {
        buf_add_text(out, "; ttl=");
        buf_add_i64(out, status->ttl_s);
    }
    if (status->stored)
        buf_add_text(out, "; stored");
    if (status->collapsed)
        buf_add_text(out, "; collapsed");
    if (status->key.size > 0) {
        buf_add_text(out, "; key=");
        sf_write_string(out, status->key);
    }
    if (status->detail != NULL) {
        buf_add_text(out, "; detail=");
        sf_write_token(out, bytes_of_text(status->detail));
    }
}
