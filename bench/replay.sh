#!/bin/sh
# replay.sh: what real servers miss on a trace at equal memory: Larder, redis-server, memcached.
#
#   bench/replay.sh [TRACE.ltr.zst] [--quick]
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
exec /usr/bin/python3 bench/replay.py "$@"
