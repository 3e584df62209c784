/* key_body.c: the hash of a body and of what gives it its meaning. SPDX-License-Identifier: MIT */
#include "server/http/key_body.h"

#include "base/mem.h"

struct key_body *key_body_new(size_t max, struct account *account)
{
    struct key_body *key_body = mem_try(sizeof *key_body);

    if (key_body == NULL)
        return NULL;
    *key_body = (struct key_body){.is_whole = false};
    buf_init(&key_body->body, max, account);
    return key_body;
}

void key_body_free(struct key_body **owner)
{
    if (*owner == NULL)
        return;
    buf_fini(&(*owner)->body);
    mem_free(owner);
}

bool key_body_add(struct key_body *key_body, struct bytes piece)
{
    size_t before = key_body->body.size;

    buf_add(&key_body->body, piece);
    if (buf_failed(&key_body->body) == ERR_OK)
        return true;
    key_body->body.failed = false;
    key_body->body.size = before;
    key_body->is_too_large = true;
    return false;
}

/* Each value behind its length, so that nothing can pass for something else. */
static void add_value(struct buf *out, struct bytes value)
{
    buf_add_u64(out, value.size);
    buf_add_byte(out, ':');
    buf_add(out, value);
}

static uint64_t hash_of(struct bytes fields, struct bytes body, struct hash_secret secret)
{
    uint64_t halves[2] = {hash_bytes(secret, fields), hash_bytes(secret, body)};

    return hash_bytes(secret, bytes_of(halves, sizeof halves));
}

void key_body_seal(struct key_body *key_body, const struct http_head *request,
                   struct hash_secret secret)
{
    static const enum http_name names[] = {HTTP_CONTENT_TYPE, HTTP_CONTENT_ENCODING};
    struct buf fields;

    buf_init(&fields, 1 << 20, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct http_field *field = http_find(request, names[i]);

        for (; field != NULL; field = http_find_next(request, names[i], field))
            add_value(&fields, field->value);
        buf_add_byte(&fields, ';');
    }
    for (uint64_t half = 0; half < 2; half++) {
        uint64_t hash = hash_of(buf_bytes(&fields), buf_bytes(&key_body->body), secret);

        secret.words[0] = ~secret.words[0];
        memcpy(key_body->hash + half * sizeof hash, &hash, sizeof hash);
    }
    buf_fini(&fields);
    key_body->is_whole = true;
}
