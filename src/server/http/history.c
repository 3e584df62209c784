/* history.c: a table of URLs and a ring of purges. SPDX-License-Identifier: MIT */
#include "server/http/history.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/random.h"

#include <pthread.h>
#include <string.h>

enum { LATCHES = 16 };

struct place {
    uint64_t hash; /* 0: empty */
    struct history_url what;
};

struct history {
    struct hash_secret secret;
    pthread_mutex_t latches[LATCHES];
    struct place urls[HISTORY_URLS];

    pthread_mutex_t ring_latch;
    uint64_t purge_count; /* ever */
    struct history_purge purges[HISTORY_PURGES];
};

struct history *history_new(void)
{
    struct history *history = mem_new(1, sizeof *history);

    random_secret(history->secret.words, sizeof history->secret.words);
    for (size_t i = 0; i < LATCHES; i++)
        must(pthread_mutex_init(&history->latches[i], NULL) == 0);
    must(pthread_mutex_init(&history->ring_latch, NULL) == 0);
    return history;
}

void history_free(struct history **owner)
{
    struct history *history = *owner;

    if (history == NULL)
        return;
    for (size_t i = 0; i < LATCHES; i++)
        (void)pthread_mutex_destroy(&history->latches[i]);
    (void)pthread_mutex_destroy(&history->ring_latch);
    mem_free(owner);
}

/* ---- URLs ------------------------------------------------------------------------------------ */

static uint64_t hash_of(const struct history *history, struct bytes url)
{
    uint64_t hash = hash_bytes(history->secret, url);

    return hash == 0 ? 1 : hash;
}

static pthread_mutex_t *latch_of(struct history *history, uint64_t hash)
{
    return &history->latches[hash % HISTORY_URLS % LATCHES];
}

/* The URL's place, emptied of what it had of another one; its latch is held. */
static struct history_url *begin(struct history *history, uint64_t hash)
{
    struct place *place = &history->urls[hash % HISTORY_URLS];

    must(pthread_mutex_lock(latch_of(history, hash)) == 0);
    if (place->hash != hash)
        *place = (struct place){.hash = hash};
    return &place->what;
}

static void end(struct history *history, uint64_t hash)
{
    must(pthread_mutex_unlock(latch_of(history, hash)) == 0);
}

/* Tags are remembered by a short hash: it is only to be known again. */
static uint32_t short_of(struct bytes tag)
{
    return (uint32_t)hash_bytes((struct hash_secret){{0x6c61726465720003, 3}}, tag);
}

void history_stored(struct history *history, struct bytes url, const struct history_url *what,
                    const struct bytes *tags, size_t tag_count)
{
    uint64_t hash = hash_of(history, url);
    struct history_url *place = begin(history, hash);

    place->stored_ms = what->stored_ms;
    place->fresh_until_ms = what->fresh_until_ms;
    place->kept_until_ms = what->kept_until_ms;
    place->has_more_tags = tag_count > HISTORY_TAGS;
    place->tag_count = (uint8_t)(tag_count > HISTORY_TAGS ? HISTORY_TAGS : tag_count);
    for (size_t i = 0; i < place->tag_count; i++)
        place->tags[i] = short_of(tags[i]);
    end(history, hash);
}

void history_refused(struct history *history, struct bytes url, unsigned status,
                     enum gateway_reason reason, int64_t wall_ms)
{
    uint64_t hash = hash_of(history, url);
    struct history_url *place = begin(history, hash);

    place->refused_ms = wall_ms;
    place->status = (uint16_t)status;
    place->reason = (uint8_t)reason;
    end(history, hash);
}

void history_invalidated(struct history *history, struct bytes url, int64_t wall_ms)
{
    uint64_t hash = hash_of(history, url);
    struct history_url *place = begin(history, hash);

    place->invalidated_ms = wall_ms;
    end(history, hash);
}

bool history_find(struct history *history, struct bytes url, struct history_url *ret_what)
{
    uint64_t hash = hash_of(history, url);
    const struct place *place = &history->urls[hash % HISTORY_URLS];

    must(pthread_mutex_lock(latch_of(history, hash)) == 0);
    bool is_known = place->hash == hash;

    if (is_known)
        *ret_what = place->what;
    end(history, hash);
    return is_known;
}

bool history_had_tag(const struct history_url *what, struct bytes tag)
{
    uint32_t hash = short_of(tag);

    for (size_t i = 0; i < what->tag_count; i++) {
        if (what->tags[i] == hash)
            return true;
    }
    return false;
}

/* ---- purges ---------------------------------------------------------------------------------- */

const char *history_by_text(enum history_by by)
{
    static const char *const texts[] = {
        [HISTORY_BY_URL] = "url",     [HISTORY_BY_PREFIX] = "prefix", [HISTORY_BY_HOST] = "host",
        [HISTORY_BY_REGEX] = "regex", [HISTORY_BY_TAG] = "tag",       [HISTORY_BY_KEY] = "key",
        [HISTORY_BY_ALL] = "all",
    };

    must((unsigned)by < sizeof texts / sizeof texts[0]);
    return texts[by];
}

/* True: it was too long. */
static bool copy(char *to, size_t room, struct bytes from)
{
    size_t size = from.size < room ? from.size : room - 1;

    if (size > 0)
        memcpy(to, from.data, size);
    to[size] = '\0';
    return size < from.size;
}

void history_purge_init(struct history_purge *purge, struct bytes who, struct bytes text)
{
    (void)copy(purge->who, sizeof purge->who, who);
    purge->is_cut = copy(purge->text, sizeof purge->text, text);
}

void history_purged(struct history *history, const struct history_purge *purge)
{
    must(pthread_mutex_lock(&history->ring_latch) == 0);
    history->purges[history->purge_count++ % HISTORY_PURGES] = *purge;
    must(pthread_mutex_unlock(&history->ring_latch) == 0);
}

size_t history_purges(struct history *history, struct history_purge *ret_purges)
{
    must(pthread_mutex_lock(&history->ring_latch) == 0);
    size_t count = history->purge_count < HISTORY_PURGES ? history->purge_count : HISTORY_PURGES;

    for (size_t i = 0; i < count; i++)
        ret_purges[i] = history->purges[(history->purge_count - 1 - i) % HISTORY_PURGES];
    must(pthread_mutex_unlock(&history->ring_latch) == 0);
    return count;
}
