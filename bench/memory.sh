#!/bin/sh
# memory.sh: ten million writes of 16 B to 64 KiB against 256 MB: the limit is the limit.
#
#   bench/memory.sh [WRITES]        default 10000000
#
# The bar: the process never takes more than 1.15 times the limit plus 16 MiB (its high-water mark, as
# the kernel keeps it), no write fails, and it answers afterwards.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
exec /usr/bin/python3 bench/memory.py "${1:-10000000}"
