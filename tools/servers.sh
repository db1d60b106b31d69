#!/bin/sh
# Locks packages of indexes by other makers, by hand: `make servers`.
#
#   usage: servers.sh PYLOCK
#
# devpi-server (a user, a private index that inherits from a mirror of a local
# fake, behind TLS with an authority of its own), pypiserver with users, and
# Python's http.server over a folder, each on a port of this machine; then pip
# installs by the locks. The servers come from the package index into .venv, by
# tools/servers.txt, which pylock makes of tools/servers.in.
#
# Needs Linux and a Python 3.12, and the index once.
# Exit status: 0 all pass, 1 something failed, 2 the machine does not suit.
set -eu

[ $# -eq 1 ] && [ -x "$1" ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
pylock=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
tools=$(cd "$(dirname "$0")" && pwd)
. "$tools/setup.sh"
if ! cmp -s "$tools/servers.txt" "$venv/servers.txt"; then
  "$venv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$tools/servers.txt"
  cp "$tools/servers.txt" "$venv/servers.txt"
fi
cd "$root"
SERVERS_VENV=$venv SERVERS_PYLOCK=$pylock ${GO:-go} test -tags servers ./cmd/pylock -run='^TestServers$' -count=1 -v
