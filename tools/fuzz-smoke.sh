#!/bin/sh
# Runs every fuzz target of the repository's modules for $FUZZTIME (a count of inputs, or a time), one after the other.
set -eu
: "${GO:=go}" "${FUZZTIME:=200x}"
grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
  dir=$(dirname "$file")
  sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$file" | while read -r name; do
    echo "fuzz $dir $name"
    "$GO" test -C "$dir" . -run='^$' -fuzz="^$name\$" -fuzztime="$FUZZTIME" -fuzzminimizetime=10x >/tmp/fuzz-smoke.$$ 2>&1 || { cat /tmp/fuzz-smoke.$$; rm -f /tmp/fuzz-smoke.$$; exit 1; }
    rm -f /tmp/fuzz-smoke.$$
  done
done
