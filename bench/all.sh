#!/bin/sh
# all.sh: every measurement, as the page bench/RESULTS.md. About a quarter of an hour on a quiet machine.
#
#   bench/all.sh [FOLDER_OF_TRACES] > bench/RESULTS.md
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2

version() { dpkg-query -W -f='${Version}' "$1"; }
block() { printf '```\n'; "$@"; printf '```\n'; }

cat <<END
# Results

Made by \`bench/all.sh > bench/RESULTS.md\`; what each part does, and how the comparisons are made, is in
[README.md](README.md). Figures of a virtual machine move by a quarter within an hour: only the ratios,
which come from rounds in turn, mean anything elsewhere.

$(/usr/bin/python3 bench/compare.py machine). Peers as Debian 12 ships them: Varnish $(version varnish),
HAProxy $(version haproxy), nginx $(version nginx), Traffic Server $(version trafficserver), Redis $(version redis-server).
(!) behind a figure: the client was the bottleneck, the server is faster than that.

## Against peers

\`bench/gateway.sh\`; H2O $(version h2o) serves a file, for it has no cache
END
/usr/bin/python3 bench/gateway.py
/usr/bin/python3 bench/gateway.py idle
printf '\n`bench/stream.py`\n'
/usr/bin/python3 bench/stream.py
printf '\n## The limit is the limit\n\n`bench/memory.sh`\n\n'
block /usr/bin/python3 bench/memory.py 10000000
printf '\n## One load where one is enough\n\n`bench/herd.py`\n\n'
block /usr/bin/python3 bench/herd.py
printf '\n## A FastAPI application before and after\n\n`./dev demo --once`\n\n'
block /usr/bin/python3 examples/fastapi/demo.py --once
printf '\n'
bench/engine.sh "$@"
