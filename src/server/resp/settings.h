/* settings.h: what an operator may set about the RESP door, what it counts, what it asks for.
 * SPDX-License-Identifier: MIT
 */
#ifndef LARDER_SERVER_RESP_SETTINGS_H
#define LARDER_SERVER_RESP_SETTINGS_H

#include "base/bytes.h"
#include "base/counter.h"
#include "base/setting.h"

struct resp_settings {
#define SETTING(field, path, kind, ...) SETTING_TYPE_##kind field;
#include "server/resp/resp.def"
#undef SETTING
};

enum { RESP_DOORS_MAX = 256 /* one a worker */, RESP_PASSWORD_MAX = 512 };

struct resp_metrics {
#define METRIC(name, kind, text) struct counter name;
#include "server/resp/metrics.def"
#undef METRIC
};

/* What LARDER.PURGE URL and LARDER.PURGE PREFIX http... ask of the gateway, which alone knows how
 * URLs become keys. */
struct resp_url_purge {
    struct bytes url;
    bool prefix;  /* every URL that begins with `url` */
    bool soft;    /* expire: stale may still serve */
    bool dry_run; /* count only */
};

/* What LARDER.PURGE did, and for whom. */
struct resp_purged {
    const char *by; /* "url", "tag", "prefix", "key", "all" */
    struct bytes text;
    bool soft;
    const char *who; /* the client's address */
};

#endif
