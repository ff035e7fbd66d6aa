# The daemon's own life: what it refuses to start with, how it ends, and what outlives it.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support file

setup() {
  load support/daemon
  export BATS_FILE_TMPDIR=$BATS_TEST_TMPDIR
}
teardown() {
  if [[ -n ${work:-} ]]; then remove_daemon; fi
}
check() { "$daemon_program" --state-dir "$BATS_TEST_TMPDIR/none" "$@" 2>&1; }

@test "a configuration that is wrong stops the start with file, line and key" {
  local file=$BATS_TEST_TMPDIR/c.toml row
  for row in '[spaces]\nmemroy = "1g"|2: there is no key spaces.memroy' '[space]\n|1: there is no section [space]' '[server]\nport = "80"|2: server.port: must be a whole number' \
    '[server]\n\nport = 70000|3: server.port: 70000' '[spaces]\nmemory = "abc"|2: spaces.memory:' '[log]\nlevel = "loud"|2: log.level:' '[log|1: '; do
    printf '%b\n' "${row%|*}" >"$file"
    run check --config "$file" --check-config
    [[ $status -ne 0 && $output == *"c.toml:${row#*|}"* ]] || { echo "$row: $output"; return 1; }
  done
  run check --config "$root/config/clawdspace.toml" --check-config
  [[ $status == 0 ]]
  run env PORT=many "$daemon_program" --check-config
  [[ $status -ne 0 && $output == *PORT* ]]
  run check --no-such-option
  [[ $status -ne 0 && $output == *--no-such-option* ]]
}

@test "others are let in only with a key that is worth the name" {
  run env -u API_KEY "$daemon_program" --listen 0.0.0.0 --check-config
  [[ $status -ne 0 && $output == *'needs an API key'* ]]
  run env API_KEY=short "$daemon_program" --listen 0.0.0.0 --check-config
  [[ $status -ne 0 && $output == *'16 characters'* ]]
  run env API_KEY=changemechangeme "$daemon_program" --listen :: --check-config
  [[ $status -ne 0 && $output == *'guessed'* ]]
  run env API_KEY=0123456789abcdef0 "$daemon_program" --listen 0.0.0.0 --check-config
  [[ $status == 0 ]]
}

@test "killing the daemon loses nothing: another one adopts every space with what was changed" {
  make_daemon
  create "$p-a" "{\"name\":\"$p-a\",\"idleTimeoutMs\":777000,\"metadata\":{\"k\":\"v\"}}"
  create "$p-b"
  expect 200 PATCH "/spaces/$p-b" '{"memory":"200m","metadata":{"changed":"yes"}}'
  expect 200 POST "/spaces/$p-b/stop"
  shell_in "$p-a" 'echo kept >kept'
  expect 200 GET "/spaces/$p-a"
  local before
  before=$(field '[.id,.createdAt,.profile,.idleTimeoutMs,.metadata.k] | tojson')
  # What a create that a crash cut off leaves behind.
  docker create --name "clawdspace-$p-half" --label "clawdspace.instance=$p" --label clawdspace.id=abc123 --label "clawdspace.name=$p-half" \
    --label clawdspace.profile=standard "$CLAWDSPACE_TEST_IMAGE" >/dev/null
  stop_daemon KILL
  start_daemon
  expect 200 GET "/spaces/$p-a"
  [[ $(field '[.id,.createdAt,.profile,.idleTimeoutMs,.metadata.k] | tojson') == "$before" ]]
  expect 200 GET "/spaces/$p-b"
  [[ $(field '[.state,.memory,.metadata.changed] | tojson') == '["paused",209715200,"yes"]' ]]
  [[ $(shell_in "$p-a" 'cat kept') == kept ]]
  eventually 10 is_gone "$p-half"
  refute docker inspect "clawdspace-$p-half"
}

@test "two daemons do not share a state folder" {
  make_daemon
  run timeout 10 "$daemon_program" --port 0 --key-file "$work/key" --state-dir "$work/state" --static-dir "$root/static" --init "$CLAWDSPACE_TEST_BUILD/init/clawdspace-init" --files "$CLAWDSPACE_TEST_BUILD/files/clawdspace-files"
  [[ $status == 1 && $output == *'another clawdspaced uses'* ]]
}

@test "an Engine that is away is told within a second, and found when it comes" {
  make_daemon --engine "unix://$BATS_TEST_TMPDIR/engine.sock"
  [[ $(curl -s "$(cat "$work/url")/api/health" | jq -c '[.status,.engine.reachable]') == '["degraded",false]' ]]
  refused 503 engine_unavailable '' GET /spaces '' -m 1
  refused 503 engine_unavailable '' POST /spaces "{\"name\":\"$p-x\"}" -m 1
  refused 503 engine_unavailable '' POST "/spaces/$p-x/exec" '{"command":"true"}' -m 1
  ln -s "${CLAWDSPACE_TEST_ENGINE#unix://}" "$BATS_TEST_TMPDIR/engine.sock"
  eventually 5 expect 200 GET /spaces
  [[ $(curl -s "$(cat "$work/url")/api/health" | jq -r .status) == ok ]]
  create "$p-x"
}

@test "SIGTERM lets a command end, and closes an endless stream in order" {
  make_daemon
  create "$p-s"
  curl -sSN -m 30 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/events" >"$work/events" 2>"$work/events.error" 3>&- &
  local events=$!
  curl -sSN -m 30 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/spaces/$p-s/exec?stream=ndjson" -d '{"command":"echo up; sleep 1; echo end"}' >"$work/out" 3>&- &
  local command=$!
  eventually 10 grep -q up "$work/out"
  kill -TERM "$(daemon_pid)"
  wait "$command"
  [[ $(tail -n 1 "$work/out" | jq -c '[.outcome,.exitCode]') == '["exited",0]' ]]
  wait "$events" # whole: the last chunk came
  eventually 15 daemon_is_gone
  grep -q stopped "$work/log"
}

@test "a second signal does not wait, and ends what runs" {
  make_daemon
  create "$p-s"
  curl -sSN -m 60 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/spaces/$p-s/exec?stream=raw" -d '{"command":"echo up; sleep 8001"}' >"$work/out" 2>/dev/null 3>&- &
  eventually 10 grep -q up "$work/out"
  kill -TERM "$(daemon_pid)"
  eventually 5 grep -q stopping "$work/log"
  kill -TERM "$(daemon_pid)"
  eventually 8 daemon_is_gone
  docker top "clawdspace-$p-s" -eo pid,args >"$work/top"
  refute grep -q 'sleep 8001' "$work/top"
}

@test "no key, command or environment value is ever in the log" {
  make_daemon --log-level debug
  create "$p-l" "{\"name\":\"$p-l\",\"env\":{\"A\":\"hidden-env\"}}"
  run_in "$p-l" '{"command":"echo hidden-command","env":{"B":"hidden-env"}}'
  curl -s -m 10 -o /dev/null -H "Authorization: Bearer $key" -T /dev/null "$(cat "$work/url")/api/spaces/$p-l/exec?command=echo+hidden-command&env=C=hidden-env"
  curl -s -m 10 -o /dev/null -H 'Authorization: Bearer hidden-key' "$(cat "$work/url")/api/spaces"
  grep -q 'path=/api/spaces' "$work/log"
  refute grep -e hidden -e "$key" "$work/log"
}
