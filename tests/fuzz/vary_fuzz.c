/* Vary: the normal form of a normal form is itself. The first line is Vary, the others are the
 * values of the request's fields. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/vary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum http_name names[] = {HTTP_ACCEPT_ENCODING, HTTP_ACCEPT_LANGUAGE, HTTP_ACCEPT,
                                       HTTP_COOKIE};

enum { NAMES = sizeof names / sizeof names[0] };

static void add_field(struct http_head *head, enum http_name id, struct bytes value)
{
    head->present[(unsigned)id / 64] |= (uint64_t)1 << ((unsigned)id % 64);
    head->fields[head->field_count++] = (struct http_field){http_name_text(id), value, id};
}

static void check_value(const struct http_head *head, enum http_name id)
{
    static struct http_head second;
    struct buf once, twice;

    buf_init(&once, 65536, NULL);
    buf_init(&twice, 65536, NULL);
    if (vary_value(head, id, http_name_text(id), VARY_NORMALISE, &once)) {
        second.field_count = 0;
        memset(second.present, 0, sizeof second.present);
        add_field(&second, id, bytes_trim(buf_bytes(&once)));
        must(vary_value(&second, id, http_name_text(id), VARY_NORMALISE, &twice));
        /* Several fields with open quotes may make sense once they are joined. */
        const struct http_field *first = http_find(head, id);

        must((first != NULL && http_find_next(head, id, first) != NULL) ||
             bytes_equal(bytes_trim(buf_bytes(&once)), bytes_trim(buf_bytes(&twice))));
    }
    buf_fini(&once);
    buf_fini(&twice);
}

static void check_names(const struct vary *vary)
{
    struct buf out, again;
    struct vary second;

    buf_init(&out, 65536, NULL);
    buf_init(&again, 65536, NULL);
    vary_write(vary, &out);
    must(vary_parse(buf_bytes(&out), &second) == ERR_OK);
    must(second.any == vary->any);
    vary_write(&second, &again);
    must(bytes_equal(buf_bytes(&out), buf_bytes(&again)));
    buf_fini(&out);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head;
    struct bytes rest = {data, size};
    struct bytes first = bytes_cut(&rest, '\n');
    struct vary vary;
    struct buf key;

    if (size > 4096)
        return 0;
    head.field_count = 0;
    memset(head.present, 0, sizeof head.present);
    for (size_t i = 0; i < 8 && rest.size > 0; i++) {
        struct bytes value = bytes_trim(bytes_cut(&rest, '\n'));

        if (http_is_field_value(value))
            add_field(&head, names[i % NAMES], value);
    }
    for (size_t i = 0; i < NAMES; i++)
        check_value(&head, names[i]);
    if (vary_parse(first, &vary) != ERR_OK)
        return 0;
    must(vary.count <= VARY_NAMES_MAX);
    check_names(&vary);
    buf_init(&key, 65536, NULL);
    vary_key(&vary, &head, &key);
    size_t lines = 0;

    for (size_t i = 0; i < key.size; i++)
        lines += key.data[i] == '\n';
    must(lines == vary.count);
    buf_fini(&key);
    return 0;
}
