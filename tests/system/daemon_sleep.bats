# Falling asleep, waking, and what happens behind the daemon's back.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support file

setup_file() {
  load support/daemon
  make_daemon
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() { load support/daemon; }

@test "an idle space is paused, and wakes for a command with its memory as it was" {
  create "$p-i" "{\"name\":\"$p-i\",\"idleTimeoutMs\":700}"
  shell_in "$p-i" 'setsid sleep 9001 >/dev/null 2>&1 & echo $! >/tmp/child'
  eventually 10 is_state "$p-i" paused
  [[ $(docker inspect --format '{{.State.Paused}}' "clawdspace-$p-i") == true ]]
  [[ $(shell_in "$p-i" 'kill -0 $(cat /tmp/child) && echo alive') == alive ]]
  is_state "$p-i" running
}

@test "reading about a space does not keep it awake" {
  create "$p-r" "{\"name\":\"$p-r\",\"idleTimeoutMs\":700}"
  eventually 10 is_state "$p-r" paused # asks twenty times a second
}

@test "a command that runs keeps its space awake beyond the idle time" {
  create "$p-k" "{\"name\":\"$p-k\",\"idleTimeoutMs\":500}"
  run_in "$p-k" '{"command":"sleep 2; echo through"}'
  [[ $(field .stdout) == through && $(field .durationMs) -ge 2000 ]]
  eventually 10 is_state "$p-k" paused
}

@test "a space that never sleeps does not, and one that computes is not idle" {
  create "$p-n" "{\"name\":\"$p-n\",\"idleTimeoutMs\":0}"
  create "$p-c" "{\"name\":\"$p-c\",\"idleTimeoutMs\":1000,\"cpus\":0.3}"
  shell_in "$p-c" 'setsid sh -c "while :; do :; done" >/dev/null 2>&1 & echo begun'
  refute eventually 5 is_state "$p-c" paused
  is_state "$p-n" running
  docker exec "clawdspace-$p-c" pkill -f 'while :'
  eventually 15 is_state "$p-c" paused
}

pause_is_seen() {
  call POST "/spaces/$p-h/start"
  call POST "/spaces/$p-h/stop"
  grep -qx pause "$work/pauses"
}

@test "a hundred commands on a sleeping space cause one unpause" {
  create "$p-h"
  # Live: the Engine remembers 256 events only.
  docker events --filter "container=clawdspace-$p-h" --filter event=pause --filter event=unpause --format '{{.Action}}' >"$work/pauses" 3>&- &
  local watcher=$!
  # It has begun to watch once it tells of this one.
  eventually 10 pause_is_seen
  : >"$work/pauses"
  seq 100 | xargs -P 100 -I{} curl -s -m 100 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $key" \
    "$(cat "$work/url")/api/spaces/$p-h/exec" -d '{"command":["true"]}' | sort | uniq -c >"$work/codes"
  [[ $(tr -s ' ' <"$work/codes") == ' 100 200' ]]
  expect 200 POST "/spaces/$p-h/stop" # an end to wait for: events are in order
  eventually 10 grep -qx pause "$work/pauses"
  kill "$watcher"
  [[ $(grep -cx unpause "$work/pauses") == 1 ]]
}

@test "stop and start say yes to what already is so" {
  create "$p-s"
  for _ in 1 2; do
    expect 200 POST "/spaces/$p-s/stop"
    [[ $(field .state) == paused ]]
  done
  for _ in 1 2; do
    expect 200 POST "/spaces/$p-s/start"
    [[ $(field .state) == running ]]
  done
  shell_in "$p-s" 'echo kept >kept'
  for _ in 1 2; do
    expect 200 POST "/spaces/$p-s/stop" '{"depth":"stopped"}'
    [[ $(field .state) == stopped ]]
  done
  refused 400 invalid_field depth POST "/spaces/$p-s/stop" '{"depth":"deep"}'
  [[ $(shell_in "$p-s" 'cat kept') == kept ]]
}

@test "files and processes survive being paused over and over" {
  create "$p-o"
  shell_in "$p-o" 'head -c 1000000 /dev/urandom >f; sha256sum <f >before; setsid sleep 9002 >/dev/null 2>&1 & echo $! >child'
  for _ in {1..15}; do
    expect 200 POST "/spaces/$p-o/stop"
    expect 200 POST "/spaces/$p-o/start"
  done
  [[ $(shell_in "$p-o" 'sha256sum <f | cmp - before && kill -0 $(cat child) && echo whole') == whole ]]
}

@test "a space whose time to live is over is destroyed" {
  create "$p-t" "{\"name\":\"$p-t\",\"ttlMs\":1500}"
  [[ $(field .expiresAt) != null ]]
  eventually 10 is_gone "$p-t"
  [[ -z $(docker ps -aq --filter "name=clawdspace-$p-t") ]]
}

@test "what is done behind the daemon's back is seen, and does not hinder the next command" {
  create "$p-b"
  docker pause "clawdspace-$p-b" >/dev/null
  eventually 5 is_state "$p-b" paused
  [[ $(shell_in "$p-b" 'echo awake') == awake ]]
  docker pause "clawdspace-$p-b" >/dev/null && docker unpause "clawdspace-$p-b" >/dev/null
  [[ $(shell_in "$p-b" 'echo still') == still ]]
  docker kill "clawdspace-$p-b" >/dev/null
  eventually 5 is_state "$p-b" stopped
  [[ $(shell_in "$p-b" 'echo back') == back ]]
  docker rm -f "clawdspace-$p-b" >/dev/null
  eventually 5 is_gone "$p-b"
  create "$p-b"
}
