# Commands through the command line: as transparent as a local one.
# shellcheck disable=SC1003,SC2016,SC2154 # texts for another shell; set by the support files

setup_file() {
  load support/daemon
  make_daemon
  create "$p-x"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() {
  load support/daemon
  load support/cli
  use_cli
  s=$p-x
  export TMPDIR=$BATS_TEST_TMPDIR
}
teardown() { nothing_left; }

@test "outputs go where they belong, byte for byte, and the exit code is the command's" {
  claws 7 exec "$s" 'printf "out\n\n"; printf "err " >&2; exit 7'
  [[ $(od -An -c <"$work/out") == *'o   u   t  \n  \n'* && $err == 'err ' ]]
  claws 0 exec "$s" true
  [[ -z $out$err ]]
  claws 255 exec "$s" 'exit 255'
}

@test "three megabytes each way, and both outputs at once, have the hash that they had" {
  head -c 3000000 /dev/urandom >"$work/noise"
  claw_with "$work/noise" exec "$s" cat
  [[ $code == 0 ]]
  cmp "$work/noise" "$work/out"
  claws 0 exec "$s" 'head -c 2000000 /dev/zero | tr "\0" e >&2; head -c 1000000 /dev/zero | tr "\0" o'
  [[ $(wc -c <"$work/err") == 2000000 && $(wc -c <"$work/out") == 1000000 ]]
}

@test "behind -- the arguments are untouched" {
  claws 0 exec "$s" -- printf '%s|' 'a b' '$x' '"q\' $'n\nl\t\x01' 'ü' '' -n --help '*'
  [[ $out == 'a b|$x|"q\|'$'n\nl\t\x01''|ü||-n|--help|*|' ]]
  claws 0 exec -- "$s" printf '%s|' --json
  [[ $out == '--json|' ]]
}

@test "without -- it is a text for the shell, with environment, folder and user" {
  claws 0 exec -e A='1 "2"' --env=B=x=y -w /usr "$s" echo '$A $B; pwd' '|' tr a-z A-Z
  [[ $out == $'1 "2" x=y\n/USR' ]]
  claws 0 exec --user root "$s" id -u
  [[ $out == 0 ]]
}

@test "the endings are told as docker tells them" {
  complains 127 'no program' exec "$s" -- nosuchprogram
  complains 126 'ermission denied' exec "$s" -- /etc/passwd
  claws 143 exec "$s" 'kill -TERM $$'
  claws 137 exec "$s" 'kill -KILL $$'
  complains 124 'the time was over' exec --timeout 300ms "$s" 'sleep 60'
  complains 125 'there is no space' exec nosuch true
  complains 125 'wants a command' exec "$s"
  CLAWDSPACE_URL=http://127.0.0.1:1 complains 125 'nothing answers' exec "$s" true
}

@test "input is passed on as it comes, and a command that needs no more of it ends" {
  mkfifo "$work/pipe"
  timeout 30 "$cli" exec "$s" 'while read x; do echo "got $x"; done' <"$work/pipe" >"$work/live" 2>&1 3>&- &
  local pid=$!
  exec 7>"$work/pipe"
  echo one >&7
  eventually 10 grep -q 'got one' "$work/live"
  echo two >&7
  eventually 10 grep -q 'got two' "$work/live"
  exec 7>&-
  wait "$pid"
  [[ $(yes | "$cli" exec "$s" 'head -n 1') == y ]]
  printf 'a\nb\n' >"$work/list"
  while read -r line; do "$cli" exec -n "$s" echo "$line"; done <"$work/list" >"$work/both"
  [[ $(cat "$work/both") == $'a\nb' ]]
}

@test "a reader that goes ends the command, and nothing is said" {
  [[ $("$cli" exec "$s" 'while :; do echo y; done # endless' </dev/null 2>"$work/err" | head -n 1) == y ]]
  [[ ! -s $work/err ]]
  eventually 10 none_runs_in "$s" endless
}

@test "--json is one answer, with the input in it" {
  printf 'a\0b' >"$work/in"
  claw_with "$work/in" exec --json "$s" 'wc -c; echo e >&2; exit 3'
  [[ $code == 3 && $(jq -c '[.stdout, .stderr, .exitCode]' "$work/out") == '["3\n","e\n",3]' ]]
}

@test "a detached command is listed, read, and ended" {
  claws 0 exec --detach "$s" 'echo begun; echo oops >&2; sleep 301'
  local id=$out
  claws 0 ps "$s"
  [[ $out == 'ID '*"${id:0:12}  running  "*'echo begun'* ]]
  claws 0 ps --quiet "$s"
  [[ $out == "$id" ]]
  reads_begun() { claw logs "$s" "${id:0:6}" && [[ $out == *begun* && $out == *oops* ]]; }
  eventually 10 reads_begun
  claws 0 logs --stderr "$s"
  [[ $out == oops ]]
  claws 0 kill "$s" "${id:0:10}"
  [[ $out == *'is ended, with all that it started' ]]
  claws 0 ps "$s"
  [[ -z $out ]]
  claws 0 ps -a --json "$s"
  [[ $(jq -r --arg id "$id" '.execs[] | select(.id == $id).outcome' "$work/out") == canceled ]]
  complains 9 'there is no command "ffff"' logs "$s" ffff
}

@test "kill sends a signal where one is named, and attach shows a command to its end" {
  claws 0 exec --detach "$s" 'trap "echo caught >&2; exit 9" INT; echo ready; while :; do sleep 0.1; done'
  local id=$out
  timeout 30 "$cli" attach "$s" "$id" </dev/null >"$work/live" 2>"$work/live.err" 3>&- &
  local pid=$!
  eventually 10 grep -q ready "$work/live"
  claws 0 kill -s INT "$s" "$id"
  local ended=0
  wait "$pid" || ended=$?
  [[ $ended == 9 && $(cat "$work/live.err") == caught ]]
}

@test "what a command is called cannot move the cursor of who lists it" {
  claws 0 exec "$s" -- true $'\e[31mred\a\x9b' $'\u202eesrever' $'new\nline'
  claws 0 ps -a "$s"
  [[ $out == *'^[[31mred^G'* && $out == *'new^Jline'* ]]
  refute grep -q $'\e' "$work/out"
  refute grep -q $'\u202e' "$work/out"
}

@test "a server that goes is told, with 125" {
  timeout 60 "$cli" exec "$s" 'echo begun; sleep 302' </dev/null >"$work/live" 2>"$work/live.err" 3>&- &
  local pid=$! ended=0
  eventually 10 grep -q begun "$work/live"
  stop_daemon KILL
  wait "$pid" || ended=$?
  start_daemon
  [[ $ended == 125 && $(cat "$work/live.err") == 'clawdspace: the connection to the server was lost'* ]]
}
