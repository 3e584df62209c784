#!/bin/sh
# gateway.sh: the HTTP gateway against HAProxy, nginx, Varnish and Traffic Server, one core each.
#
#   bench/gateway.sh [--rounds 3] [--duration 2s] [--only WORD]     rates
#   bench/gateway.sh idle                                           memory of idle connections
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
exec /usr/bin/python3 bench/gateway.py "$@"
