# shellcheck shell=bash
# What every script shares: where things are, how they speak. Sourced, never run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for those who source this
state=$root/.state

# say WORDS…   one line of progress, on stderr: a script's stdout is for its results
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
note() { printf '    %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  shift
  if [[ $# -gt 0 ]]; then printf '    %s\n' "$@" >&2; fi
  exit 1
}
[[ -t 2 && -z ${NO_COLOR:-} ]] || say() { printf '==> %s\n' "$*" >&2; }

# The comment at the head of a script is its help.
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$1"; }

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command with root's rights; sudo only when we are not root ourselves.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    die "this needs root, and there is no sudo: $*"
  fi
}

# wait_until SECONDS COMMAND…   polls a condition that announces itself in no other way; false when the time is up
wait_until() {
  local limit=$((SECONDS + $1))
  shift
  until "$@"; do
    [[ $SECONDS -lt $limit ]] || return 1
    sleep 0.05
  done
}

# Runs a long command, in a process group of its own and without standard input, so that a signal to this script ends all of
# it at once: bash runs traps only between foreground commands, but they interrupt a `wait`. The caller's exit trap calls
# `end_child`.
child=
run() {
  set -m
  "$@" </dev/null &
  set +m
  child=$!
  local code=0
  wait "$child" || code=$?
  child=
  return "$code"
}
end_child() {
  [[ -n $child ]] || return 0
  kill -TERM -- "-$child" 2>/dev/null || true
  wait "$child" 2>/dev/null || true
  child=
}
