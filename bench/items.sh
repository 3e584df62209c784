#!/bin/sh
# items.sh: what an item takes of the process's memory: Larder, redis-server, memcached, Varnish.
#
#   bench/items.sh [--quick]
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
exec /usr/bin/python3 bench/items.py "$@"
