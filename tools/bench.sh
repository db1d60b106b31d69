#!/bin/sh
# Finds Python 3.12 (PYTHON, else one that is installed) and uv (pinned in
# tools/requirements.txt, installed into .venv), and has the program of bench/
# record a slice of the index, trim it, or measure: `make bench-record`,
# `make bench-trim`, `make bench`.
#
#   usage: bench.sh record|trim|run|services PYLOCK [FLAG...]
#
# Exit status: 0 done, 1 it failed, 2 the machine does not suit.
set -eu

[ $# -ge 2 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
command=$1
pylock=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
shift 2
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
cd "$root"
${GO:-go} build -o .bench/bench ./bench
.bench/bench "$command" -pylock "$pylock" -uv "$venv/bin/uv" \
  -python "$("$PYTHON" -c 'import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))')" "$@"
