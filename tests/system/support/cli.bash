# shellcheck shell=bash
# The command line, over a daemon of the file's own (support/daemon.bash, which is loaded first).
# shellcheck disable=SC2154 # set there

cli=$root/cli/clawdspace

# use_cli   a home of its own, with the daemon of this file as its server
use_cli() {
  export HOME=$BATS_TEST_TMPDIR
  export CLAWDSPACE_URL CLAWDSPACE_KEY=$key
  CLAWDSPACE_URL=$(cat "$work/url")
  unset NO_COLOR
}

# claw ARGUMENT…   sets code, out and err (files beside have the bytes); the input is empty, or the caller's with claw_with
claw() { claw_with /dev/null "$@"; }
claw_with() { # claw_with INPUT-FILE ARGUMENT…
  local input=$1
  shift
  code=0
  timeout 60 "$cli" "$@" <"$input" >"$work/out" 2>"$work/err" || code=$?
  out=$(tr -d '\0' <"$work/out") err=$(tr -d '\0' <"$work/err")
}
# claws CODE ARGUMENT…   with that exit code
claws() {
  claw "${@:2}"
  [[ $code == "$1" ]] || { echo "clawdspace ${*:2}: $code instead of $1: $out $err" >&2; return 1; }
}
# complains CODE TEXT ARGUMENT…   with that exit code, nothing on the output, and one line of error that has TEXT in it
complains() {
  claw "${@:3}"
  [[ $code == "$1" && -z $out && $err == 'clawdspace: '*"$2"* && $err != *$'\n'* ]] ||
    { echo "clawdspace ${*:3}: $code instead of $1: $out / $err" >&2; return 1; }
}

# in_terminal STEPS COMMAND…   see in_terminal.py; what was shown is in the file shown
in_terminal() {
  printf '%s' "$1" >"$BATS_TEST_TMPDIR/steps"
  shift
  python3 "$root/tests/system/support/in_terminal.py" "$BATS_TEST_TMPDIR/steps" "$@" >"$BATS_TEST_TMPDIR/shown"
}
# Nothing of the command line is left: no process of it, no folder.
nothing_left() {
  [[ -z $(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'clawdspace.??????' 2>/dev/null) ]]
}
processes_with() {
  docker top "clawdspace-$1" -eo pid,args >"$work/top" && awk -v what="$2" 'index($0, what) {++n} END {print n + 0}' "$work/top"
}
runs_in() { [[ $(processes_with "$1" "$2") -gt 0 ]]; }
none_runs_in() { [[ $(processes_with "$1" "$2") == 0 ]]; }
