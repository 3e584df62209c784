/* look.c: looking up a request. SPDX-License-Identifier: MIT */
#include "server/http/look.h"

#include "server/http/block.h"
#include "server/http/no_vary_search.h"

enum err look_begin(struct gate *gate, const struct site *site, const struct http_head *head,
                    struct look *ret_look, struct http_complaint *complaint)
{
    ret_look->gate = gate;
    ret_look->head = head;
    ret_look->is_authorized = false;
    ret_look->is_variant = ret_look->is_alike = false;
    ret_look->has_stored = false;
    ret_look->view = (struct cache_view){.state = CACHE_MISS};
    ret_look->key = (struct cache_key){.space = CACHE_SPACE_HTTP};
    TRY(target_find(site, head, &gate->keys, &ret_look->target, complaint));
    ret_look->plain_size = ret_look->target.key.size;
    ret_look->has_control = ret_look->target.route->settings->client_control &&
                            (http_has(head, HTTP_CACHE_CONTROL) || http_has(head, HTTP_PRAGMA));
    if (ret_look->has_control)
        decide_control(ret_look->target.route, head, &ret_look->control);
    else
        cache_control_init(&ret_look->control);
    return ERR_OK;
}

bool look_add_body(struct look *look, struct bytes hash)
{
    bool fits = target_add_body(&look->target, look->head->method, hash, &look->gate->keys);

    look->plain_size = look->target.key.size;
    return fits;
}

/* Whether the entry is an answer, and good enough. */
static void judge(struct look *look)
{
    int64_t now_ms = loop_now_ms(look->gate->loop);

    look->has_stored = stored_read(&look->view, &look->stored, &look->block, &look->body) &&
                       (!look->is_authorized || (look->stored.flags & STORED_PUBLIC) != 0);
    if (!look->has_stored)
        return;
    if (!look->has_control) {
        look->reuse = decide_reuse_plain(look->view.state);
        return;
    }
    struct http_head *known = &look->gate->response;
    struct cache_response response;

    block_parse(look->block, known);
    cache_response_of(known, now_ms / 1000, &response);
    look->reuse =
        decide_reuse(look->view.state, &look->stored, &look->control, &response.control, now_ms);
}

/* Nothing is there: perhaps under a URL that is answered alike. */
static bool find_alike(struct look *look)
{
    size_t before = look->target.url.size;

    if (look->is_alike || !look->target.route->settings->no_vary_search ||
        !no_vary_search_find(look->gate, &look->target))
        return false;
    look->is_alike = true;
    counter_add(&look->gate->metrics.no_vary_search, 1);
    look->plain_size -= before - look->target.url.size;
    return true;
}

static bool look_at(struct look *look)
{
    struct gate *gate = look->gate;
    int64_t now_ms = loop_now_ms(gate->loop);
    struct vary vary;

    look->key = cache_key(gate->cache, CACHE_SPACE_HTTP, look->target.key);
    look->is_variant = false;
    if (cache_look(gate->thread, look->key, now_ms, &look->view) == CACHE_MISS) {
        if (find_alike(look))
            return look_at(look);
        look->has_stored = false;
        return true;
    }
    struct bytes names = marker_names(&look->view);

    if (names.size > 0) {
        if (vary_parse(names, &vary) != ERR_OK ||
            !key_of_variant(look->target.key, &vary, look->head, look->target.route,
                            &gate->variant))
            return false;
        look->is_variant = true;
        look->key = cache_key(gate->cache, CACHE_SPACE_HTTP, buf_bytes(&gate->variant));
        if (cache_look(gate->thread, look->key, now_ms, &look->view) == CACHE_MISS) {
            look->has_stored = false;
            return true;
        }
    }
    judge(look);
    return true;
}

bool look_up(struct look *look)
{
    const struct route_settings *settings = look->target.route->settings;

    look->target.key.size = look->plain_size;
    if (!http_has(look->head, HTTP_AUTHORIZATION))
        return look_at(look);
    if (settings->authorization == ROUTE_AUTH_PER_USER)
        return target_split_by_user(&look->target, look->head, true, &look->gate->keys) &&
               look_at(look);
    look->is_authorized = true;
    if (!look_at(look))
        return false;
    if (look->has_stored)
        return true;
    /* With credentials apart from those without: what comes may be for one person, and then
     * nobody else is to wait for it. */
    return target_split_by_user(&look->target, look->head, false, &look->gate->keys) &&
           look_at(look);
}

bool look_stands_in(const struct look *look, enum failure failure)
{
    int64_t now_ms = loop_now_ms(look->gate->loop);

    if (!look->has_stored)
        return false;
    if ((look->stored.flags & STORED_STRICT) != 0 && look->view.state != CACHE_FRESH)
        return false;
    return decide_stand_in(&look->stored, failure, &look->control, now_ms);
}
