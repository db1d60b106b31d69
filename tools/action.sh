#!/usr/bin/env bash
# The steps of action.yml: install puts pylock into $RUNNER_TEMP/pylock, run
# runs it. What a workflow says comes in the variables PYLOCK_*. macOS has bash
# 3.2.
set -euo pipefail

bin=$RUNNER_TEMP/pylock/pylock
[[ $(uname -s) == MINGW* ]] && bin=$bin.exe

install() {
  mkdir -p "$(dirname "$bin")"
  if [[ -n ${PYLOCK_VERSION:-} ]]; then
    GOBIN=$(dirname "$bin") GOFLAGS=-trimpath CGO_ENABLED=0 go install "github.com/pylock-dev/pylock/cmd/pylock@$PYLOCK_VERSION"
  else
    CGO_ENABLED=0 go build -C "$GITHUB_ACTION_PATH" -trimpath -buildvcs=false -o "$bin" ./cmd/pylock
  fi
  if [[ -n ${PYLOCK_CHECKSUM:-} ]]; then
    local sum
    sum=$(sha256sum "$bin" 2>/dev/null || shasum -a 256 "$bin")
    sum=${sum%% *}
    sum=${sum#\\} # which stands before the sum of a file with an odd name
    if [[ $sum != "$(tr A-F a-f <<<"$PYLOCK_CHECKSUM")" ]]; then
      rm -f "$bin"
      echo "error: the binary has the checksum $sum, which is not the one that the workflow wants" >&2
      exit 2
    fi
  fi
}

# lines splits a variable into the array words, a line each; spaces around
# lines do not count.
lines() {
  local line
  words=()
  while IFS= read -r line || [[ -n $line ]]; do
    line=${line#"${line%%[![:space:]]*}"}
    line=${line%"${line##*[![:space:]]}"}
    [[ -n $line ]] && words+=("$line")
  done <<<"$1"
  return 0
}

run() {
  cd -- "${PYLOCK_DIRECTORY:-.}"
  lines "${PYLOCK_ARGS:-}"
  local args=(${words[@]+"${words[@]}"})
  lines "${PYLOCK_SERVICES:-}"
  local services=(${words[@]+"${words[@]}"})
  case ${PYLOCK_COMMAND:-check} in
    check) check ;;
    compile) compile ;;
    *)
      printf 'error: the action runs check and compile, not %q\n' "$PYLOCK_COMMAND" >&2
      exit 2
      ;;
  esac
}

check() {
  local format=${PYLOCK_FORMAT:-github} code=0
  # pylock itself writes drift and changed-services.
  local line=("$bin" check "--format=$format" ${args[@]+"${args[@]}"} -- ${services[@]+"${services[@]}"})
  case $format in
    json | sarif | junit | gitlab)
      local report=$RUNNER_TEMP/pylock-report.$format
      "${line[@]}" >"$report" || code=$?
      echo "report-file=$report" >>"$GITHUB_OUTPUT"
      [[ $format == sarif ]] && echo "sarif-file=$report" >>"$GITHUB_OUTPUT"
      ;;
    *) "${line[@]}" || code=$? ;;
  esac
  exit "$code"
}

compile() {
  local code=0 folder list="" drift=false
  "$bin" compile ${args[@]+"${args[@]}"} -- ${services[@]+"${services[@]}"} || code=$?
  while IFS= read -r folder; do
    folder=${folder//\\/\\\\}
    list+="${list:+,}\"${folder//\"/\\\"}\""
    drift=true
  done < <(changed_folders | LC_ALL=C sort -u)
  printf 'drift=%s\nchanged-services=[%s]\n' "$drift" "$list" >>"$GITHUB_OUTPUT"
  exit "$code"
}

# changed_folders prints the folder of each lock that git sees as changed or new.
changed_folders() {
  local entry folder
  git status --porcelain=v1 -z --no-renames --untracked-files=all -- . |
    while IFS= read -r -d '' entry; do
      entry=${entry:3} # behind the two letters of the state
      case ${entry##*/} in
        requirements*.lock | pylock.toml | pylock.*.toml) ;;
        *) continue ;;
      esac
      folder=.
      [[ $entry == */* ]] && folder=${entry%/*}
      [[ $folder == *[[:cntrl:]]* ]] || printf '%s\n' "$folder"
    done
}

case ${1:-} in
  install) install ;;
  run) run ;;
  *)
    echo "usage: action.sh install|run" >&2
    exit 2
    ;;
esac
