# Commands through the door of a real space: its own init, a real Engine.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support file

setup_file() {
  load support/daemon
  make_daemon
  create "$p-a" "{\"name\":\"$p-a\"}"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() { load support/daemon; }

through() { call GET "/spaces/$1"; [[ $(field .backend) == "$2" && $(field '.backendReason // ""') == *"${3-}"* ]]; }
descriptors() { find "/proc/$(daemon_pid)/fd" -mindepth 1 | wc -l; }
# exec_events SPACE SINCE   how often the Engine was asked to run something in it
exec_events() {
  docker events --since "$2" --until "$(date +%s.%N)" --filter "container=$(container "$1")" --filter event=exec_create | wc -l
}

@test "a new space's first command comes through its door, and the Engine runs nothing" {
  local since; since=$(date +%s.%N)
  create "$p-new" "{\"name\":\"$p-new\"}"
  run_in "$p-new" '{"command":"echo out; echo err >&2; exit 3"}'
  [[ $(field .stdout) == out && $(field .stderr) == err && $(field .exitCode) == 3 && $(field .oomKills) == 0 ]]
  through "$p-new" door
  [[ $(exec_events "$p-new" "$since") == 0 ]]
  expect 204 DELETE "/spaces/$p-new"
}

@test "input, environment, directory, user and terminal are the command's own" {
  run_in "$p-a" '{"command":"cat; echo \"$A\"; pwd; id -un","stdin":"typed\n","env":{"A":"b  c"},"cwd":"/tmp","user":"root"}'
  [[ $(field .stdout) == $'typed\nb  c\n/tmp\nroot' ]]
  run_in "$p-a" '{"command":"stty size; echo direct > $(tty)","tty":true,"rows":33,"cols":101}'
  [[ $(field .stdout) == $'33 101\r\ndirect\r' ]]
  run_in "$p-a" '{"command":"cat; echo over","tty":true}'
  [[ $(field .outcome) == exited ]]
}

@test "why a command did not start is told by the system call" {
  run_in "$p-a" '{"command":["no-such-program"]}'
  [[ $(field .outcome) == failed_to_start && $(field .code) == program_not_found && $(field .exitCode) == null ]]
  run_in "$p-a" '{"command":["true"],"cwd":"/nowhere"}'
  [[ $(field .code) == no_such_directory ]]
  run_in "$p-a" '{"command":["true"],"user":"nobody-of-that-name"}'
  [[ $(field .code) == no_such_user ]]
}

@test "a command larger than a frame runs, and output larger than any pipe is whole" {
  local argument; argument=$(head -c 100000 /dev/zero | tr '\0' x)
  jq -n --arg a "$argument" '{command: ["sh", "-c", "printf %s \"$1\" | wc -c", "sh", $a]}' >"$BATS_TEST_TMPDIR/large"
  expect 200 POST "/spaces/$p-a/exec" "@$BATS_TEST_TMPDIR/large"
  [[ $(field .stdout) == 100000 ]]
  expect 200 POST "/spaces/$p-a/exec?stream=raw" '{"command":"head -c 50000000 /dev/zero"}'
  [[ $(stat -c %s "$work/body") == 50000000 ]]
}

@test "a child in the background does not hold its parent's end, and lives on" {
  run_in "$p-a" '{"command":"sleep 347 & echo now"}'
  [[ $(field .stdout) == now && $(field .durationMs) -lt 2000 ]]
  [[ $(shell_in "$p-a" 'pgrep -cf "^sleep 347"') == 1 ]]
  shell_in "$p-a" 'pkill -f "^sleep 347"'
}

@test "a timeout ends the whole tree, and that is confirmed" {
  run_in "$p-a" '{"command":"setsid sleep 353 & (sleep 353 &) ; sleep 353","timeoutMs":400}'
  [[ $(field .outcome) == timed_out && $(field .confirmed) == true && $(field .signal) == SIGKILL ]]
  [[ $(shell_in "$p-a" 'pgrep -cf "^sleep 353"') == 0 ]]
}

@test "descriptors do not grow with commands" {
  local before; before=$(descriptors)
  for _ in $(seq 60); do run_in "$p-a" '{"command":["true"]}'; done
  run_in "$p-a" '{"command":["no-such-program"]}'
  eventually 5 eval '[[ $(descriptors) -le '"$((before + 1))"' ]]'
}

@test "who knocks at the door from inside is not let in, and stops nobody's commands" {
  run_in "$p-a" '{"command":["perl","-e","use Socket; for (1..3000) { socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0); if (connect($s, sockaddr_un(\"/.clawdspace/door\"))) { send($s, \"hello\\0001\\0x\\0\", 0); } } print \"done\""],"timeoutMs":20000}'
  run_in "$p-a" '{"command":["echo","still"]}'
  [[ $(field .stdout) == still ]]
  through "$p-a" door
}

@test "a paused space's command wakes it and comes through the same door" {
  expect 200 POST "/spaces/$p-a/stop"
  is_state "$p-a" paused
  run_in "$p-a" '{"command":["echo","awake"]}'
  [[ $(field .stdout) == awake ]]
  through "$p-a" door
}

@test "a stopped and started space has another init, noticed without a wait" {
  expect 200 POST "/spaces/$p-a/stop" '{"depth":"stopped"}'
  local since; since=$(date +%s.%N)
  run_in "$p-a" '{"command":["echo","anew"]}'
  [[ $(field .stdout) == anew ]]
  through "$p-a" door
  [[ $(exec_events "$p-a" "$since") == 0 ]]
}

@test "a space that somebody else restarts is served again" {
  docker restart -t 1 "clawdspace-$p-a" >/dev/null
  run_in "$p-a" '{"command":["echo","again"]}'
  [[ $(field .stdout) == again ]]
  eventually 5 through "$p-a" door
}

@test "a space that is destroyed in the middle ends its commands clearly" {
  create "$p-gone" "{\"name\":\"$p-gone\"}"
  call POST "/spaces/$p-gone/exec?stream=ndjson" '{"command":["sleep","359"]}' --max-time 20 &
  eventually 10 eval 'call GET "/spaces/'"$p-gone"'"; [[ $(field .commands) == 1 ]]'
  local answer=$work/answer
  curl -sS -m 20 -X POST -H "Authorization: Bearer $key" --data '{"command":["sleep","359"]}' "$(cat "$work/url")/api/spaces/$p-gone/exec" >"$answer" &
  local asked=$!
  eventually 10 eval 'call GET "/spaces/'"$p-gone"'"; [[ $(field .commands) == 2 ]]'
  expect 204 DELETE "/spaces/$p-gone"
  wait "$asked"
  [[ $(jq -r .outcome "$answer") == canceled && $(jq -r .exitCode "$answer") == null ]]
}

@test "a daemon that is killed leaves the door to the next one, which is let in at once; what it ran ends" {
  curl -sS -m 30 -X POST -H "Authorization: Bearer $key" --data '{"command":["sleep","367"]}' "$(cat "$work/url")/api/spaces/$p-a/exec" >/dev/null 2>&1 &
  eventually 10 eval 'call GET "/spaces/'"$p-a"'"; [[ $(field .commands) == 1 ]]'
  stop_daemon KILL
  start_daemon
  local since; since=$(date +%s.%N)
  run_in "$p-a" '{"command":["echo","next"]}'
  [[ $(field .stdout) == next ]]
  through "$p-a" door
  [[ $(exec_events "$p-a" "$since") == 0 ]]
  eventually 20 eval '[[ $(shell_in "$p-a" "pgrep -cf \"^sleep 367\"") == 0 ]]'
}

@test "a space whose init opens no door says so, and why" {
  printf '#!/bin/sh\nexec sleep 1000\n' >"$BATS_TEST_TMPDIR/init"
  chmod 755 "$BATS_TEST_TMPDIR/init"
  stop_daemon TERM
  start_daemon --init "$BATS_TEST_TMPDIR/init"
  create "$p-old" "{\"name\":\"$p-old\"}"
  eventually 10 through "$p-old" engine 'did not open the door'
  stop_daemon TERM
  start_daemon
  eventually 10 through "$p-old" engine 'another version'
}
