/* absent.c: doors whose files are not in this tree are closed, and say so.
 * SPDX-License-Identifier: MIT
 */
#include "base/must.h"
#include "cli/server.h"

#if !__has_include("server/resp/door.c")
enum err resp_new(const struct resp_birth *birth, struct resp **ret_resp, struct fault *fault)
{
    (void)birth;
    (void)ret_resp;
    return fault_say(fault, ERR_UNSUPPORTED, "this build has no RESP door: --resp off");
}

void resp_free(struct resp **owner)
{
    (void)owner;
}

enum err resp_door_new(struct resp *resp, struct loop *loop, struct cache_thread *thread,
                       const struct address *address, struct resp_door **ret_door,
                       struct fault *fault)
{
    (void)resp;
    (void)loop;
    (void)thread;
    (void)address;
    (void)ret_door;
    (void)fault;
    never("there is no door");
}

const struct address *resp_door_address(const struct resp_door *door)
{
    (void)door;
    return NULL;
}

void resp_door_stop(struct resp_door *door)
{
    (void)door;
}

bool resp_door_is_idle(const struct resp_door *door)
{
    (void)door;
    return true;
}

void resp_door_free(struct resp_door **owner)
{
    (void)owner;
}

void resp_read_metrics(const struct resp *resp, struct resp_metrics *ret_metrics)
{
    (void)resp;
    (void)ret_metrics;
}

void resp_read_commands(const struct resp *resp, resp_command_count_fn *each, void *context)
{
    (void)resp;
    (void)each;
    (void)context;
}
#endif

#if !__has_include("server/http/gateway.c")
enum err gateway_new(const struct gateway_birth *birth, struct gateway **ret_gateway,
                     struct fault *fault)
{
    (void)birth;
    (void)ret_gateway;
    return fault_say(fault, ERR_UNSUPPORTED, "this build has no HTTP door: --http off");
}

const struct address *gateway_address(const struct gateway *gateway)
{
    (void)gateway;
    return NULL;
}

void gateway_drain(struct gateway *gateway, void (*drained)(void *context), void *context)
{
    (void)gateway;
    (void)drained;
    (void)context;
}

void gateway_free(struct gateway **owner)
{
    (void)owner;
}

void gateway_turn(struct gateway *gateway)
{
    (void)gateway;
}

const struct gateway_metrics *gateway_metrics(const struct gateway *gateway)
{
    (void)gateway;
    return NULL;
}

enum err site_purge(const struct site *site, struct cache_thread *thread,
                    const struct site_purge *purge, int64_t now_ms, size_t *ret_count,
                    struct fault *fault)
{
    (void)site;
    (void)thread;
    (void)purge;
    (void)now_ms;
    (void)ret_count;
    return fault_say(fault, ERR_UNSUPPORTED, "this build has no HTTP door");
}
#endif
