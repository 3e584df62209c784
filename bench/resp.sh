#!/bin/sh
# resp.sh: GET and SET over RESP: Larder against redis-server, one core each.
#
#   bench/resp.sh [--rounds 5] [--duration 3s]
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
exec /usr/bin/python3 bench/compare.py resp "$@"
