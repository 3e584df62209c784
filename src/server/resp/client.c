/* client.c: what CLIENT LIST says, and how a client leaves. SPDX-License-Identifier: MIT */
#include "server/resp/client.h"

#include "base/mem.h"
#include "base/must.h"

void client_set_text(struct client *client, char **place, struct bytes text)
{
    struct resp *resp = client->resp;
    char *copy = text.size == 0 ? NULL : mem_copy(text.data, text.size);

    must(pthread_mutex_lock(&resp->lock) == 0);
    mem_free(place);
    *place = copy;
    must(pthread_mutex_unlock(&resp->lock) == 0);
}

#define READ(field) atomic_load_explicit(&card->field, memory_order_relaxed)

static void add_flags(const struct client_card *card, struct buf *out)
{
    size_t before = out->size;

    if (READ(channels) + READ(patterns) + READ(shard_channels) > 0)
        buf_add_byte(out, 'P');
    if (READ(queued) >= 0)
        buf_add_byte(out, 'x');
    if (READ(no_evict))
        buf_add_byte(out, 'e');
    if (out->size == before)
        buf_add_byte(out, 'N');
}

static const char *text_or_nothing(const char *text)
{
    return text == NULL ? "" : text;
}

void client_describe(const struct client_card *card, const struct verbs *verbs, int64_t now_ms,
                     struct buf *out)
{
    unsigned verb = READ(verb);
    int64_t idle_ms = now_ms > READ(active_ms) ? now_ms - READ(active_ms) : 0;

    buf_printf(out, "id=%llu addr=%s laddr=%s name=%s age=%lld idle=%lld flags=",
               (unsigned long long)card->id, card->address, card->local_address,
               text_or_nothing(card->name), (long long)(now_ms - card->since_ms) / 1000,
               (long long)idle_ms / 1000);
    add_flags(card, out);
    buf_printf(out, " db=%u sub=%u psub=%u ssub=%u multi=%d qbuf=%llu omem=%llu cmd=%s",
               READ(database), READ(channels), READ(patterns), READ(shard_channels), READ(queued),
               (unsigned long long)READ(argument_bytes), (unsigned long long)READ(output_bytes),
               verb == 0 ? "NULL" : verbs_at(verbs, verb - 1)->name);
    buf_printf(out, " user=default redir=-1 resp=%u lib-name=%s lib-ver=%s", READ(protocol),
               text_or_nothing(card->library_name), text_or_nothing(card->library_version));
}

void client_leave(struct client *client)
{
    if (client->leaving)
        return;
    client->leaving = true;
    conn_close(client->conn);
}
