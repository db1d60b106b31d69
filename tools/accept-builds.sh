#!/bin/sh
# Acceptance of builds on the live index, by hand: `make accept-builds`.
#
#   usage: accept-builds.sh PYLOCK [REQUIREMENT...]
#
# Packages that have only a source distribution: some state their dependencies,
# some have a setup.cfg, some setup.py alone, some a build backend that has to be
# installed. Each is locked with --build, and has to pass:
#   pins     pylock's pins equal uv's, which builds too
#   cache    a second run builds nothing, and gives the same bytes
#   deps     pip takes the lock with hashes, and builds with what --build-deps locked
#   scratch  nothing is left in the folder for temporary files
#
# Needs a Python 3.12, named by PYTHON unless it is found without; makes .venv
# from tools/requirements.txt. Takes some minutes.
# Exit status: 0 all pass, 1 something failed, 2 the machine does not suit.
set -eu

[ $# -ge 1 ] && [ -x "$1" ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
pylock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
needs_linux
[ $# -gt 0 ] || set -- docopt promise pyhive hdfs langdetect sgmllib3k antlr4-python3-runtime==4.9.3 http-ece crcmod \
  ibm-cos-sdk odfpy stringcase "validators<0.20" ansible==7.0.0 wikipedia

pins() { sed -nE 's/^([a-z0-9][a-z0-9._-]*)===?([^ ;\\]+).*/\1 \2/p' "$1" | sort; }

export PYLOCK_CACHE_DIR="$work/cache" UV_CACHE_DIR="$work/uv"
mkdir "$work/tmp"
cd "$work"
failed=0
for requirement; do
  echo "$requirement" > in.txt
  fail() { echo "FAIL $requirement: $1"; tail -n 12 "$2" | sed 's/^/     /'; failed=1; }
  target="--python-version 3.12 --python-platform x86_64-manylinux_2_28"
  # shellcheck disable=SC2086 # options are words
  "$root/.venv/bin/uv" pip compile -q --no-annotate --no-header --python "$PYTHON" $target in.txt > uv.lock 2> uv.log || { fail "uv" uv.log; continue; }
  # shellcheck disable=SC2086
  TMPDIR=$work/tmp "$pylock" compile in.txt --build --build-deps deps.lock -v --python "$PYTHON" $target > first.lock 2> first.log || { fail "pylock" first.log; continue; }
  pins uv.lock > uv.pins
  pins first.lock > first.pins
  diff uv.pins first.pins > pins.diff || { fail "pins, uv's and pylock's" pins.diff; continue; }
  # shellcheck disable=SC2086
  TMPDIR=$work/tmp "$pylock" compile in.txt --build -v --python "$PYTHON" $target > second.lock 2> second.log || { fail "again" second.log; continue; }
  if grep -q '^build:' second.log; then fail "built again" second.log; continue; fi
  sed 's/ --build-deps=deps.lock//' first.lock | cmp -s - second.lock || { fail "the second run is another" second.lock; continue; }
  left=$(ls -A "$work/tmp")
  [ -z "$left" ] || { echo "$left" > left; fail "left in TMPDIR" left; continue; }
  "$root/.venv/bin/python" -m pip install -q --dry-run --ignore-installed --no-cache-dir --require-hashes --build-constraint deps.lock \
    -r first.lock > pip.log 2>&1 || { fail "pip" pip.log; continue; }
  how="no build"
  if grep -q '^build:' first.log; then how="built"; fi
  echo "ok   $requirement ($(wc -l < first.pins | tr -d ' ') pins, $how)"
done
exit $failed
