/* reset.c: settings of the door that change while it runs. SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/must.h"
#include "cache/policy.h"
#include "server/resp/door.h"
#include "server/resp/inside.h"

void resp_set_memory_max(struct resp *resp, size_t bytes)
{
    atomic_store(&resp->memory_max, bytes);
    atomic_store(&resp->rules->buried_max, bytes / BURIED_PART);
}

void resp_set_policy(struct resp *resp, const char *name)
{
    must(pthread_mutex_lock(&resp->lock) == 0);
    mem_free(&resp->policy);
    resp->policy = mem_copy_text(policy_name(name));
    atomic_store(&resp->keeps_everything, strcmp(resp->policy, "noeviction") == 0);
    must(pthread_mutex_unlock(&resp->lock) == 0);
}

enum err resp_change(struct resp *resp, const struct resp_settings *settings, struct fault *fault)
{
    char password[RESP_PASSWORD_MAX];

    TRY(resp_read_password(settings, password, fault));
    must(pthread_mutex_lock(&resp->lock) == 0);
    memcpy(resp->password, password, sizeof password);
    atomic_store(&resp->wants_password, password[0] != '\0');
    atomic_store(&resp->idle_ms, settings->idle_ms);
    resp->limit.connections_max = settings->clients_max;
    resp_set_rules(resp, settings);
    must(pthread_mutex_unlock(&resp->lock) == 0);
    return ERR_OK;
}
