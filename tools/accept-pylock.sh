#!/bin/sh
# Acceptance of pylock.toml on the live index, by hand: `make accept-pylock`.
#
#   usage: accept-pylock.sh PYLOCK
#
# The service langgraph of examples/monorepo is locked, and has to pass:
#   valid    packaging.pylock takes the file, and finds one file a package on
#            x86_64 and aarch64; so does it with the golden file of the tests,
#            a universal lock, and one with a folder
#   pip      pip takes it: pip install --dry-run -r pylock.langgraph.toml
#   uv       so does uv, by pip sync and pip install
#   export   as requirements.lock it is what compile writes, byte for byte but
#            for the header, and back again
#   others   locks that uv and pip write are read, and exported they have the
#            same pins
#
# Needs Linux x86_64 and a Python 3.12, named by PYTHON unless it is found
# without. Makes .venv from tools/requirements.txt.
# Exit status: 0 all pass, 1 something failed, 2 the machine does not suit.
set -eu

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
[ $# -eq 1 ] || usage
[ -x "$1" ] || { echo "$1 is no program: run make accept-pylock" >&2; exit 2; }
pylock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
needs_linux
uv() { "$venv/bin/uv" --cache-dir "$work/uv" "$@"; }
pip() { "$venv/bin/pip" "$@"; }
valid() { "$venv/bin/python" "$tools/validate_pylock.py" "$@"; }
pins() { sed -nE 's/^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+).*/\1 \2/p' "$1" | sort; }
pairs() { awk -F'"' '/^name = /{n=$2} /^version = /{print n, $2}' "$1" | sort; }

passed=0 failed=0
# check NAME COMMAND...: a step; what it prints last is told, or the end of its log.
check() {
  name=$1
  shift
  if ("$@") >"$work/log" 2>&1; then
    passed=$((passed + 1)); echo "ok   $name: $(tail -n 1 "$work/log")"
  else
    failed=$((failed + 1)); echo "FAIL $name"; tail -n 8 "$work/log" | sed 's/^/     /'
  fi
}

cp -R "$root/examples/monorepo" "$work/repo"
rm -f "$work"/repo/services/*/requirements.lock
cd "$work/repo"
lock=services/langgraph/pylock.langgraph.toml
# An upload between two runs is no difference.
cutoff=--exclude-newer=$(date -u +%Y-%m-%dT%H:%M:%SZ)

compiled() { "$pylock" compile services/langgraph "$cutoff" -o $lock && cp $lock "$work/first" && "$pylock" compile services/langgraph "$cutoff" -o $lock && cmp $lock "$work/first"; }
pip_takes() {
  n=$(valid $lock) || return 1
  pip install --dry-run --ignore-installed --no-cache-dir -r $lock >"$work/pip.log" 2>&1 || { cat "$work/pip.log"; return 1; }
  got=$(sed -n 's/^Would install //p' "$work/pip.log" | wc -w)
  [ "$got" = "$n" ] || { echo "pip would install $got of $n"; return 1; }
  echo "$(pip --version | cut -d' ' -f1,2) would install $got"
}
# uv_takes LOCK COMMAND...: into an environment of its own.
uv_takes() {
  file=$1
  shift
  n=$(valid "$file") || return 1
  rm -rf "$work/env" && uv venv -q -p "$PYTHON" "$work/env" || return 1
  uv pip "$@" --dry-run -p "$work/env/bin/python" >"$work/uv.log" 2>&1 || { cat "$work/uv.log"; return 1; }
  got=$(grep -c '^ + ' "$work/uv.log") || true
  [ "$got" = "$n" ] || { cat "$work/uv.log"; echo "uv would install $got of $n"; return 1; }
  echo "$(uv --version | cut -d' ' -f1,2) would install $got"
}
exported() {
  # Each compile starts from nothing, so that no pin comes from a lock.
  "$pylock" compile -q services/langgraph "$cutoff" -o direct.lock --no-header || return 1
  # Without the folders a pylock.toml cannot tell of them.
  "$pylock" compile -q services/langgraph "$cutoff" --emit-local -o pylock.local.toml || return 1
  "$pylock" export -q pylock.local.toml -o exported.lock --no-header || return 1
  cmp direct.lock exported.lock || { diff direct.lock exported.lock; return 1; }
  "$pylock" compile -q services/langgraph "$cutoff" -o full.lock || return 1
  "$pylock" export -q full.lock -o pylock.back.toml --no-header || return 1
  "$pylock" compile -q services/langgraph "$cutoff" -o pylock.direct.toml --no-header || return 1
  cmp pylock.direct.toml pylock.back.toml || { diff pylock.direct.toml pylock.back.toml; return 1; }
  echo "$(wc -l <exported.lock) lines the same, and back $(wc -l <pylock.back.toml)"
}
universal() {
  "$pylock" compile -q services/langgraph "$cutoff" --universal -o pylock.universal.toml || return 1
  valid pylock.universal.toml --select x86_64 --select aarch64
}
folder() {
  mkdir -p folder/shared
  printf '[project]\nname = "shared"\nversion = "1"\ndependencies = ["idna"]\n' >folder/shared/pyproject.toml
  printf '[project]\nname = "api"\nversion = "1"\nrequires-python = ">=3.12"\ndependencies = ["shared"]\n[tool.uv.sources]\nshared = { path = "shared" }\n' >folder/pyproject.toml
  "$pylock" compile -q folder -o folder/pylock.toml || return 1
  uv_takes folder/pylock.toml sync folder/pylock.toml || return 1
  "$pylock" compile -q folder -o folder/pylock.pip.toml --no-emit-package=shared || return 1
  pip install -q --dry-run --ignore-installed --no-cache-dir -r folder/pylock.pip.toml || return 1
  echo "uv takes the folder, pip the lock without it"
}
# same_pins FILE: exported by pylock it has the pins that it has.
same_pins() {
  valid "$1" >/dev/null || return 1
  "$pylock" export -q "$1" -o other.lock || return 1
  pairs "$1" >other.want
  pins other.lock >other.got
  cmp other.want other.got && [ -s other.got ] || { diff other.want other.got; return 1; }
  echo "$(wc -l <other.got) pins"
}
by_uv() { uv pip compile -q --python-version 3.12 --python-platform x86_64-manylinux_2_28 services/langgraph/pyproject.toml -o pylock.uv.toml >/dev/null && same_pins pylock.uv.toml; }
by_uv_universal() { uv pip compile -q --python-version 3.12 --universal services/langgraph/pyproject.toml -o pylock.uvall.toml >/dev/null && same_pins pylock.uvall.toml; }
by_pip() { pip lock -q --no-cache-dir 'fastapi' 'uvicorn[standard]' -o pylock.pip.toml && same_pins pylock.pip.toml; }

check "compile, twice the same" compiled
check "valid" valid $lock --select x86_64 --select aarch64
check "valid golden file" valid "$root/lockfile/testdata/pylock.golden.toml"
check "valid universal" universal
check "pip install" pip_takes
check "uv pip sync" uv_takes $lock sync $lock
check "uv pip install" uv_takes $lock install -r $lock
check "folder" folder
check "export" exported
check "uv's lock" by_uv
check "uv's universal lock" by_uv_universal
check "pip's lock" by_pip
echo "$passed passed, $failed failed"
[ $failed = 0 ]
