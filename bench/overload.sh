#!/bin/sh
# overload.sh: three times as much as can be answered, for what is passed on and for hits.
#
#   bench/overload.sh [--seconds 20] [--factor 3]
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2
status=0
for case in miss hit; do
    printf '\n**%s**\n\n' "$case"
    /usr/bin/python3 bench/overload.py --case "$case" "$@" || status=1
done
exit "$status"
