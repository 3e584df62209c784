#!/bin/sh
# engine.sh: every measurement of the engine, as a section of bench/RESULTS.md (make bench-engine).
#
#   bench/engine.sh [--quick] [FOLDER]      about ten minutes on a quiet machine
#
# FOLDER holds traces, NAME.ltr.zst; the servers get scarab_a, or the first. Without: made ones.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/.."
quick= folder= trace=
for word; do
    case $word in
        --quick) quick=--quick ;;
        -*) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
        *) folder=$word ;;
    esac
done
if [ -n "$folder" ]; then
    for trace in "$folder"/scarab_a.ltr.zst "$folder"/*.ltr.zst; do
        [ ! -e "$trace" ] || break
    done
    [ -e "$trace" ] || { echo "there are no traces (NAME.ltr.zst) in $folder" >&2; exit 2; }
fi
./dev deps bench >&2
[ -n "${LARDER:-}" ] || ./dev build >&2

version() { dpkg-query -W -f='${Version}' "$1"; }
run() { # SCRIPT...: a script that prints Markdown; one that fails does not end the others
    echo "== bench/$*" >&2
    # shellcheck disable=SC2086  # $quick is a word or none
    /usr/bin/python3 "bench/$@" $quick || printf '\n`bench/%s` ended with status %s.\n' "$1" "$?"
}

cat <<END
## The engine

Made by \`make bench-engine${folder:+ TRACES=FOLDER}\`; each table says which script made it.
$(/usr/bin/python3 bench/compare.py machine). Peers: Redis $(version redis-server), memcached
$(version memcached), Varnish $(version varnish), as Debian 12 ships them. (!) behind a figure: the
client was the bottleneck.

\`bench/items.sh\`
END
run items.py
printf '\n`bench/replay.sh`: cache-aside, each server may take as much RSS above its empty self\n'
run replay.py ${trace:+"$trace"}
printf '\n`bench/policies.py`\n'
run policies.py ${folder:+"$folder"/*.ltr.zst}
printf '\n`bench/resp.sh`: server on core 0, client on core 1, in turns; medians\n'
run compare.py resp
printf '\n`bench/inprocess.py`\n'
run inprocess.py
printf '\n`bench/stalls.py`\n'
run stalls.py
printf '\n`bench/cgroup.py`: mixed writes in a memory cgroup of 1.15 times the limit\n\n```\n'
run cgroup.py
printf '```\n'
