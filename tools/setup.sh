# Sourced by the acceptance scripts, with $tools set to this folder. It finds a
# Python 3.12 (PYTHON, else one that is installed), makes $root/.venv from
# tools/requirements.txt, and makes $work, which is gone in the end.
# Exit status 2: the machine does not suit.

root=$(dirname "$tools")

is312() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' >/dev/null 2>&1; }
if [ -z "${PYTHON:-}" ]; then
  # A version manager's python3.12 may be a shim that runs only where it is chosen.
  for PYTHON in python3.12 python3 "$(ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12.*/bin/python3.12 2>/dev/null | tail -n 1)"; do
    if is312 "$PYTHON"; then break; fi
  done
fi
is312 "$PYTHON" || { echo "found no Python 3.12: set PYTHON" >&2; exit 2; }

# Settings of the shell must not decide what is compared. The index of pip is
# the one that pylock asks too, so uv is told of it.
for name in $(env | sed -nE 's/^((UV|PIP)_[A-Z_]+)=.*/\1/p'); do
  case $name in
    UV_DEFAULT_INDEX|UV_INDEX_URL|PIP_INDEX_URL|UV_NATIVE_TLS|UV_SYSTEM_CERTS|PIP_CERT|PIP_PROXY|PIP_DEFAULT_TIMEOUT|UV_HTTP_TIMEOUT) ;;
    *) unset "$name" ;;
  esac
done
export PYLOCK_NO_CONFIG=1
if [ -n "${PIP_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"; fi

venv=$root/.venv
if ! cmp -s "$tools/requirements.txt" "$venv/requirements.txt"; then
  rm -rf "$venv"
  "$PYTHON" -m venv "$venv"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check -r "$tools/requirements.txt"
  cp "$tools/requirements.txt" "$venv/requirements.txt"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# A real interpreter first on PATH: behind a version manager's shim uv is slow.
PATH=$("$PYTHON" -c 'import os, sys; print(os.path.dirname(os.path.realpath(sys.executable)))'):$PATH
UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1
export PATH UV_PYTHON_DOWNLOADS PIP_DISABLE_PIP_VERSION_CHECK

# Pip judges for the machine that it runs on.
needs_linux() {
  [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || { echo "pip judges for its own machine: run this on Linux x86_64" >&2; exit 2; }
}
