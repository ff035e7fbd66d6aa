# shellcheck shell=bash
# A real daemon over a real Engine, for the daemon_*.bats files: each file has one of its own, with a port, a state folder and
# an instance that nobody else uses.

: "${CLAWDSPACE_TEST_ENGINE:?these tests need a Docker Engine: run them through script/test}"
: "${CLAWDSPACE_TEST_BUILD:?these tests need a build: run them through script/test}"
export DOCKER_HOST=$CLAWDSPACE_TEST_ENGINE

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
daemon_program=$CLAWDSPACE_TEST_BUILD/src/app/clawdspaced
key='key-of-a-test-that-nobody-else-knows'

# make_daemon [OPTION…]   a new one, in BATS_FILE_TMPDIR; made once per file, in setup_file
make_daemon() {
  export work=$BATS_FILE_TMPDIR
  # Spaces have names that no other run on this Engine uses.
  export p; p=t$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
  mkdir -p "$work"
  printf '%s\n' "$key" >"$work/key"
  start_daemon "$@"
}

# start_daemon [OPTION…]   with the state that an earlier one left
start_daemon() {
  : >"$work/log"
  env -u API_KEY -u PORT "$daemon_program" --port 0 --key-file "$work/key" --state-dir "$work/state" \
    --static-dir "$root/static" --init "$CLAWDSPACE_TEST_BUILD/init/clawdspace-init" --files "$CLAWDSPACE_TEST_BUILD/files/clawdspace-files" --set "spaces.instance=$p" \
    --set "spaces.image=$CLAWDSPACE_TEST_IMAGE" --set spaces.memory=256m --set spaces.network=none "$@" \
    </dev/null >>"$work/log" 2>&1 3>&- &
  echo $! >"$work/pid"
  eventually 20 grep -q 'listening url=' "$work/log" || { cat "$work/log" >&2; return 1; }
  sed -n 's/.*listening url=\([^ ]*\).*/\1/p' "$work/log" >"$work/url"
  [[ " $* " == *' --engine '* ]] || eventually 20 grep -q 'following the Docker Engine' "$work/log" || { cat "$work/log" >&2; return 1; }
}
daemon_pid() { cat "$work/pid"; }
daemon_is_gone() { ! kill -0 "$(daemon_pid)" 2>/dev/null; }
# stop_daemon [SIGNAL]   true where it ended within a bounded time
# shellcheck disable=SC2120 # the tests give one
stop_daemon() {
  kill "-${1:-TERM}" "$(daemon_pid)" 2>/dev/null || return 0
  eventually 30 daemon_is_gone
}

remove_daemon() {
  stop_daemon TERM || kill -KILL "$(daemon_pid)"
  docker ps -aq --filter "label=clawdspace.instance=$p" | xargs -r docker rm -fv >/dev/null
  # What the sanitizers say of the daemon comes with its log.
  if grep -E 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$work/log"*; then return 1; fi
}

# eventually SECONDS COMMAND…   waits for a condition, and fails when the time is up
eventually() {
  local limit=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [[ $SECONDS -le $limit ]] || { echo "not within the time: $*" >&2; return 1; }
    sleep 0.05
  done
}

# call METHOD PATH [BODY] [CURL-OPTION…]   sets code and body
call() {
  local method=$1 path=$2 data=()
  [[ $# -lt 3 || -z $3 ]] || data=(--data-binary "$3")
  code=$(curl -sS -m 60 -o "$work/body" -D "$work/head" -w '%{http_code}' -X "$method" -H "Authorization: Bearer $key" "${data[@]}" "${@:4}" \
    "$(cat "$work/url")/api$path")
  body=$(tr -d '\0' <"$work/body")
}
# expect CODE METHOD PATH [BODY] [CURL-OPTION…]
expect() {
  call "${@:2}"
  [[ $code == "$1" ]] || { echo "$2 $3 ${4-}: $code instead of $1: $body" >&2; return 1; }
}
# refused CODE WORD TEXT METHOD PATH [BODY]   an error of that code, whose sentence has TEXT in it
refused() {
  expect "$1" "${@:4}"
  [[ $(field .code) == "$2" && $(field .error) == *"$3"* ]] || { echo "$4 $5 ${6-}: $body" >&2; return 1; }
}
field() { jq -r "$1" <<<"$body"; }

create() { expect 201 POST /spaces "${2:-{\"name\":\"$1\"\}}"; }
# run_in SPACE BODY   a buffered command; its answer in body
run_in() { expect 200 POST "/spaces/$1/exec" "$2"; }
# shell_in SPACE TEXT   its output, without more ado
shell_in() {
  run_in "$1" "$(jq -n --arg c "$2" '{command: $c}')"
  field .stdout
}
state_of() { call GET "/spaces/$1"; field .state; }
is_state() { [[ $(state_of "$1") == "$2" ]]; }
is_gone() { call GET "/spaces/$1"; [[ $code == 404 ]]; }
container() { docker inspect --format '{{.Id}}' "clawdspace-$1"; }
# `! command` does not fail a bats test; this does.
refute() {
  if "$@"; then
    echo "unexpectedly true: $*" >&2
    return 1
  fi
}
