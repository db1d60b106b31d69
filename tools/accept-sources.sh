#!/bin/sh
# Acceptance of git, URL, path and workspace sources, by hand: `make accept-sources`.
#
#   usage: accept-sources.sh PYLOCK
#
# A repository that has all of them at once, with servers on this machine: two
# indexes, a folder of archives, git over file and over http. It has to pass:
#   pins     pylock's lines are those of uv for the same pyproject.toml with the
#            same [tool.uv] tables, for one platform, for another, and for all
#   pip      pip takes the lock without hashes, and with them where nothing is
#            of git: pip install --require-hashes
#   refused  pip refuses what pylock refuses to write: a commit beside hashes
#   toml     uv takes the pylock.toml, and packaging.pylock finds it valid
#
# Needs Linux x86_64, git, and a Python 3.12, named by PYTHON unless it is found
# without. Makes .venv from tools/requirements.txt.
# Exit status: 0 all pass, 1 something failed, 2 the machine does not suit.
set -eu

usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
[ $# -eq 1 ] || usage
[ -x "$1" ] || { echo "$1 is no program: run make accept-sources" >&2; exit 2; }
pylock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
needs_linux
"$venv/bin/python" "$tools/accept_sources.py" "$pylock" "$venv/bin/uv" "$venv/bin/pip" "$tools/validate_pylock.py" "$work"
