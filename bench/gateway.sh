#!/bin/sh
# gateway.sh: cached HTTP answers: Larder against Varnish, HAProxy and nginx, one core each.
#
#   bench/gateway.sh [--rounds 5] [--duration 3s]
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
exec /usr/bin/python3 bench/compare.py gateway "$@"
