#!/bin/sh
# Acceptance on the live index, by hand: `make accept`.
#
#   usage: accept.sh PYLOCK [INPUT...]        INPUT is a name such as flask
#
# Each tools/accept/NAME.in, and each service of examples/monorepo, is locked
# and has to pass:
#   pins     pylock's pins equal uv's for the same input, index and moment,
#            but for what tools/accept/differences.txt lists with a reason
#   again    a second run from nothing, and one over the existing lock, give
#            the same bytes
#   shuffle  so do the same requirements in another order
#   pip      pip takes the lock with --require-hashes
#   install  pip installs it into a new environment, and `pip check` passes
#
# A first line "# options: …" of an input is given to both tools. Without
# --python-version there, the target is Python 3.12 on Linux x86_64, which is
# also what pip is asked about: pip judges for the machine that it runs on.
# "# install" asks for the real installation.
#
# Needs Linux x86_64 with glibc 2.28 or later and a Python 3.12, named by
# PYTHON unless it is found without. Makes .venv from tools/requirements.txt.
# Takes some minutes and some 500 MB from the index; leaves nothing else behind.
# Exit status: 0 all pass, 1 something failed, 2 the machine does not suit.
set -eu

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
[ -x "$1" ] || { echo "$1 is no program: run make accept" >&2; exit 2; }
pylock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
needs_linux
allowed=$tools/accept/differences.txt

fail() { echo "FAIL $name: $1"; shift; for f; do tail -n 8 "$f" | sed 's/^/     /'; done; return 1; }

# pins LOCK: "name version" a line.
pins() { sed -nE 's/^([a-z0-9][a-z0-9._-]*)===?([^ ;\\]+).*/\1 \2/p' "$1" | sort; }

# shuffled FILE: its requirements in another order, the same at each run.
# In a pyproject.toml that is what the brackets of dependencies hold.
shuffled() {
  awk -v whole="$(case $1 in *.in) echo 1 ;; *) echo 0 ;; esac)" '
    function flush(  i, j, t) {
      srand(7)
      for (i = n; i > 1; i--) { j = int(rand() * i) + 1; t = line[i]; line[i] = line[j]; line[j] = t }
      for (i = 1; i <= n; i++) print line[i]
      n = 0
    }
    whole && !/^#/ { line[++n] = $0; next }
    inside && /^]/ { inside = 0; flush() }
    inside { if ($0 !~ /,[ \t]*$/) $0 = $0 ","; line[++n] = $0; next }
    /^dependencies = \[$/ { inside = 1 }
    { print }
    END { flush() }' "$1"
}

# lock FOLDER: pylock's lock of the input in it.
lock() { (cd "$1" && "$pylock" compile -q $options "$file" -o requirements.lock 2>pylock.err); }

# unequal: which pins differ and are not allowed to, in differ.txt; notes in allowed.txt.
unequal() {
  pins uv.txt >uv.pins
  pins requirements.lock >our.pins
  awk -v input="$name" '
    FILENAME == ARGV[1] { if ($1 == input) ok[$2] = 1; next }
    FILENAME == ARGV[2] { uv[$1] = $2; all[$1]; next }
    { our[$1] = $2; all[$1] }
    END {
      for (p in all) if (uv[p] != our[p])
        print p ": uv " (uv[p] == "" ? "has none" : uv[p]) ", pylock " (our[p] == "" ? "has none" : our[p]) > (p in ok ? "allowed.txt" : "differ.txt")
      for (p in ok) if (uv[p] == our[p]) print p ": no longer differs, take it out of differences.txt" > "allowed.txt"
    }' "$allowed" uv.pins our.pins
  [ -s differ.txt ]
}

compare() {
  rm -f uv.txt requirements.lock differ.txt allowed.txt
  : >differ.txt
  : >allowed.txt
  "$venv/bin/uv" --cache-dir "$work/uv" pip compile -q $options --no-header "$file" -o uv.txt >/dev/null 2>uv.err || { fail "uv exits with $?" uv.err; return 2; }
  lock . || { fail "pylock exits with $?" pylock.err; return 2; }
  ! unequal
}

try() {
  input=$1
  mkdir -p "$work/$name/again" "$work/$name/shuffle"
  file=$(basename "$input")
  cd "$work/$name"
  # A package of the repository is none of the index's.
  sed '/^    "shared",$/d' "$input" >"$file"
  cp "$file" again/
  shuffled "$file" >"shuffle/$file"
  if [ "$(sort "$file" | tr -d ,)" != "$(sort "shuffle/$file" | tr -d ,)" ]; then fail "the shuffled copy is not the same requirements"; return; fi
  options=$(sed -n 's/^# options: //p' "$file")
  here=no
  case $options in
    *--python-version*) ;;
    *) options="--python-version 3.12 --python-platform x86_64-manylinux_2_28 $options"; here=yes ;;
  esac

  # An upload between the two runs is no difference: look twice.
  status=0
  compare || status=$?
  if [ $status = 1 ]; then compare || status=$?; fi
  if [ $status = 2 ]; then return 1; fi
  if [ -s differ.txt ]; then fail "pins differ from uv's and are not listed in differences.txt" differ.txt; return; fi

  lock again || { fail "pylock exits with $? on the second run" again/pylock.err; return; }
  cmp -s requirements.lock again/requirements.lock || { diff requirements.lock again/requirements.lock >byte.diff || true; fail "two runs differ" byte.diff; return; }
  lock again || { fail "pylock exits with $? over an existing lock" again/pylock.err; return; }
  cmp -s requirements.lock again/requirements.lock || { diff requirements.lock again/requirements.lock >byte.diff || true; fail "a run over the existing lock differs" byte.diff; return; }
  lock shuffle || { fail "pylock exits with $? on shuffled requirements" shuffle/pylock.err; return; }
  cmp -s requirements.lock shuffle/requirements.lock || { diff requirements.lock shuffle/requirements.lock >byte.diff || true; fail "shuffled requirements give another lock" byte.diff; return; }

  done="$(wc -l <our.pins) pins, same bytes again and shuffled"
  if [ $here = yes ]; then
    "$venv/bin/pip" install -q --require-hashes --dry-run --ignore-installed --no-cache-dir -r requirements.lock >pip.log 2>&1 || { fail "pip refuses the lock" pip.log; return; }
    done="$done, pip takes it"
    if grep -q '^# install$' "$file"; then
      "$PYTHON" -m venv env
      env/bin/python -m pip install -q --require-hashes --no-cache-dir -r requirements.lock >pip.log 2>&1 || { fail "pip does not install the lock" pip.log; return; }
      env/bin/python -m pip check >pip.log 2>&1 || { fail "pip check" pip.log; return; }
      done="$done, installed and checked"
    fi
  fi
  echo "ok   $name: $done"
  sed 's/^/     differs as listed: /; s/differs as listed: \(.*no longer\)/note: \1/' allowed.txt
}

passed=0 failed=0
for input in "$tools"/accept/*.in "$root"/examples/monorepo/services/*/pyproject.toml; do
  case $input in
    *.in) name=$(basename "$input" .in) ;;
    *) name=$(basename "$(dirname "$input")") ;;
  esac
  if [ $# -gt 0 ]; then case " $* " in *" $name "*) ;; *) continue ;; esac; fi
  if (try "$input"); then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  rm -rf "${work:?}/$name"
done
[ $((passed + failed)) -gt 0 ] || { echo "no input is named $*: see tools/accept" >&2; exit 2; }
echo "$passed passed, $failed failed"
[ $failed = 0 ]
