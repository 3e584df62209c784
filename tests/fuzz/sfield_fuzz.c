/* Structured fields: all readers come to an end, and agree. SPDX-License-Identifier: MIT */
#include "base/must.h"
#include "proto/sfield.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(struct bytes whole, const struct sf_item *item)
{
    struct bytes rest = item->parameters, key;
    struct sf_item inner;
    enum err err = ERR_OK;

    must(item->text.size <= whole.size);
    must(item->number <= 999999999999999 && item->number >= -999999999999999);
    while ((err = sf_parameter_next(&rest, &key, &inner)) == ERR_OK) {
        must(inner.kind != SF_INNER_LIST);
        must(sf_parameter_find(item, key, &inner) == ERR_OK);
    }
    must(err == ERR_MISS);
    if (item->kind != SF_INNER_LIST)
        return;
    rest = item->text;
    while ((err = sf_inner_next(&rest, &inner)) == ERR_OK)
        must(inner.kind != SF_INNER_LIST);
    must(err == ERR_MISS);
}

static void check_string(struct bytes text)
{
    uint8_t plain[256];
    struct sf_item item;
    struct buf out;

    buf_init(&out, 1024, NULL);
    sf_write_string(&out, text);
    must(sf_item_parse(buf_bytes(&out), &item) == ERR_OK);
    must(item.kind == SF_STRING);
    must(sf_unescape(item.text, plain) == text.size);
    for (size_t i = 0; i < text.size; i++)
        must(plain[i] == text.data[i] || plain[i] == '?');
    buf_clear(&out);
    sf_write_token(&out, text);
    must(sf_item_parse(buf_bytes(&out), &item) == ERR_OK);
    must(item.kind == SF_STRING || item.kind == SF_TOKEN);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = {data, size}, rest = text, key;
    struct sf_item item;
    enum err err = ERR_OK;

    while ((err = sf_dictionary_next(&rest, &key, &item)) == ERR_OK)
        check_item(text, &item);
    must(sf_is_dictionary(text) == (err == ERR_MISS));
    rest = text;
    while ((err = sf_list_next(&rest, &item)) == ERR_OK)
        check_item(text, &item);
    must(sf_is_list(text) == (err == ERR_MISS));
    if (sf_item_parse(text, &item) == ERR_OK) {
        check_item(text, &item);
        must(sf_is_list(text) || text.data[size - 1] == ' ');
    }
    if (size <= 256)
        check_string(text);
    return 0;
}
