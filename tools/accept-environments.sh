#!/bin/sh
# Acceptance of locks of several environments on the live index, by hand:
# `make accept-environments`.
#
#   usage: accept-environments.sh PYLOCK [INPUT...]     INPUT is a name such as web
#
# Each tools/environments/NAME.in is locked once for every "# lock: OPTIONS"
# line of it. pip_environments.py then asks pip's resolver, in each environment
# of the lock, whether it takes exactly the pins whose markers hold there.
# Last, locks broken on purpose have to be refused: one that lacks a pin, and
# one with a pin whose marker was dropped.
#
# Needs a Python 3.12, named by PYTHON unless it is found without. Makes .venv from
# tools/requirements.txt. Reads every wheel that the locks name, in some four
# minutes. Leaves nothing else behind.
# Exit status: 0 all pass, 1 something failed, 2 the machine does not suit.
set -eu

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
[ $# -ge 1 ] || usage
[ -x "$1" ] || { echo "$1 is no program: run make accept-environments" >&2; exit 2; }
pylock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
cd "$work"

for name; do
  [ -f "$tools/environments/$name.in" ] || { echo "$name is no input of tools/environments" >&2; exit 2; }
done
passed=0 failed=0
judge() { "$venv/bin/python" "$tools/pip_environments.py" "$@"; }

for input in "$tools"/environments/*.in; do
  name=$(basename "$input" .in)
  if [ $# -gt 0 ]; then case " $* " in *" $name "*) ;; *) continue ;; esac; fi
  cp "$input" .
  sed -n 's/^# lock: //p' "$input" >options.txt
  while read -r options <&3; do
    echo "     $name $options"
    rm -f "$name.lock"
    # shellcheck disable=SC2086
    if "$pylock" compile -q "$name.in" -o "$name.lock" $options && judge --input "$name.in" "$name.lock"; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
    fi
  done 3<options.txt
done

# A comparison that never fails shows nothing.
printf 'anyio\nexceptiongroup; python_version < "3.11"\n' >broken.in
"$pylock" compile -q broken.in -o right.lock --python-version 3.10 --python-version 3.12
sed '/^idna==/,/# via/d' right.lock >lacks.lock
sed 's/^\(exceptiongroup==[^ ]*\) ;[^\\]*/\1 /' right.lock >wide.lock
refused() { # LOCK WORDS: it has to fail, and for this reason
  if judge --input broken.in "$1" >broken.txt 2>&1 || ! grep -qF -e "$2" broken.txt; then
    echo "FAIL $1 is broken, and is not refused with: $2"
    failed=$((failed + 1))
  fi
}
refused lacks.lock "idna>="
refused wide.lock "-exceptiongroup=="
if judge --input broken.in right.lock; then passed=$((passed + 1)); else failed=$((failed + 1)); fi

echo "$passed locks passed, $failed failed"
[ $failed = 0 ]
