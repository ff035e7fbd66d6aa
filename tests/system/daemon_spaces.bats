# Spaces over the API: made, told, changed, refused, destroyed.
# shellcheck disable=SC2154 # set by the support file

setup_file() {
  load support/daemon
  make_daemon
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() { load support/daemon; }

@test "a space is created, listed, shown and destroyed" {
  expect 201 POST /spaces "{\"name\":\"$p-a\",\"memory\":\"128m\",\"cpus\":0.5,\"pids\":64,\"metadata\":{\"team\":\"blue\"},\"idleTimeoutMs\":0}"
  grep -qi "^location: /api/spaces/$p-a" "$work/head"
  [[ $(field '[.state,.memory,.cpus,.pids,.metadata.team,.idleTimeoutMs,.sleepsAt] | tojson') == '["running",134217728,0.5,64,"blue",0,null]' ]]
  expect 200 GET "/spaces?label=team=blue"
  [[ $(field '[.spaces[].name] | tojson') == "[\"$p-a\"]" ]]
  expect 200 GET "/spaces?label=team=red"
  [[ $(field '.spaces | length') == 0 ]]
  expect 200 GET "/spaces/$p-a"
  expect 204 DELETE "/spaces/$p-a"
  refused 404 space_not_found "$p-a" GET "/spaces/$p-a"
  refused 404 space_not_found "$p-a" DELETE "/spaces/$p-a"
  [[ -z $(docker ps -aq --filter "name=clawdspace-$p-a") ]]
}

@test "everything under /api but health needs the key" {
  for path in /system /spaces /spaces/x /events /openapi.yaml /nothing ''; do
    code=$(curl -s -o "$work/body" -D "$work/head" -w '%{http_code}' "$(cat "$work/url")/api$path")
    [[ $code == 401 ]] || { echo "$path: $code"; return 1; }
    grep -qi '^www-authenticate: Bearer' "$work/head"
  done
  for path in / /api/health; do [[ $(curl -s -o /dev/null -w '%{http_code}' "$(cat "$work/url")$path") == 200 ]]; done
  [[ $(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer wrong' "$(cat "$work/url")/api/spaces") == 401 ]]
}

@test "bad names are refused, and the name that would do is told" {
  refused 400 invalid_name '"dev-box" would do' POST /spaces '{"name":"Dev_Box"}'
  for name in '' '-a' 'a-' 'a b' 'ü' '../x' "$(printf 'a%.0s' {1..57})"; do
    refused 400 invalid_name '' POST /spaces "$(jq -n --arg n "$name" '{name: $n}')"
  done
  refused 400 invalid_field 'name' POST /spaces '{}'
}

@test "bad input is refused by name, and nothing is left of it" {
  local name="\"name\":\"$p-bad\""
  refused 400 invalid_json 'at byte 9' POST /spaces '{"name":"'
  refused 400 invalid_json 'object' POST /spaces '[1]'
  refused 400 unknown_field '"nmae"' POST /spaces "{$name,\"nmae\":1}"
  refused 400 invalid_field 'memory' POST /spaces "{$name,\"memory\":\"abc\"}"
  refused 400 invalid_field 'memory' POST /spaces "{$name,\"memory\":true}"
  refused 400 invalid_field 'at least 6 MiB' POST /spaces "{$name,\"memory\":\"5m\"}"
  refused 400 invalid_field 'host has' POST /spaces "{$name,\"memory\":\"900t\"}"
  refused 400 invalid_field 'cpus' POST /spaces "{$name,\"cpus\":0}"
  refused 400 invalid_field 'cpus' POST /spaces "{$name,\"cpus\":-1}"
  refused 400 invalid_field 'host has' POST /spaces "{$name,\"cpus\":9999}"
  refused 400 invalid_field 'cpus' POST /spaces "{$name,\"cpus\":\"two\"}"
  refused 400 invalid_field 'pids' POST /spaces "{$name,\"pids\":1}"
  refused 400 invalid_field 'profile' POST /spaces "{$name,\"profile\":\"loose\"}"
  refused 400 invalid_field 'host' POST /spaces "{$name,\"network\":\"host\"}"
  refused 400 invalid_field 'network' POST /spaces "{$name,\"network\":\"no-such-network\"}"
  refused 400 invalid_field 'env' POST /spaces "{$name,\"env\":{\"A=B\":\"c\"}}"
  refused 400 invalid_field 'metadata' POST /spaces "{$name,\"metadata\":{\"a\":1}}"
  refused 400 invalid_field 'idleTimeoutMs' POST /spaces "{$name,\"idleTimeoutMs\":-1}"
  refused 404 image_not_found 'docker pull no/such:image' POST /spaces "{$name,\"image\":\"no/such:image\"}"
  refused 415 unsupported_media_type 'text/plain' POST /spaces "{$name}" -H 'Content-Type: text/plain'
  refused 404 not_found '/api/nothing' GET /nothing
  refused 405 method_not_allowed 'GET' PUT /spaces '{}'
  grep -qi '^allow: .*GET' "$work/head"
  head -c 17000000 /dev/zero | tr '\0' ' ' >"$work/large"
  expect 413 POST /spaces "@$work/large"
  refused 404 space_not_found "$p-bad" GET "/spaces/$p-bad"
  [[ -z $(docker ps -aq --filter "name=clawdspace-$p-bad") ]]
  [[ $(find "$work/state/spaces" -mindepth 1 -maxdepth 1 | wc -l) == "$(docker ps -aq --filter "label=clawdspace.instance=$p" | wc -l)" ]]
}

@test "a name is given once, also to a hundred who ask at the same time" {
  seq 100 | xargs -P 100 -I{} curl -s -m 60 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $key" \
    "$(cat "$work/url")/api/spaces" -d "{\"name\":\"$p-once\"}" | sort | uniq -c >"$work/codes"
  [[ $(awk '$2 == 201 {print $1}' "$work/codes") == 1 && $(awk '$2 == 409 {print $1}' "$work/codes") == 99 ]]
  docker create --name "clawdspace-$p-foreign" "$CLAWDSPACE_TEST_IMAGE" true >"$work/foreign"
  refused 409 name_taken "clawdspace-$p-foreign" POST /spaces "{\"name\":\"$p-foreign\"}"
  docker inspect "$(cat "$work/foreign")" >/dev/null # not ours: not touched
  docker rm -f "$(cat "$work/foreign")"
}

@test "all who destroy a space at the same time succeed, in every state" {
  create "$p-d"
  seq 20 | xargs -P 20 -I{} curl -s -m 60 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $key" -X DELETE \
    "$(cat "$work/url")/api/spaces/$p-d" | sort -u >"$work/codes"
  [[ $(cat "$work/codes") == 204 || $(cat "$work/codes") == $'204\n404' ]]
  create "$p-d"
  expect 200 POST "/spaces/$p-d/stop"
  expect 204 DELETE "/spaces/$p-d"
  create "$p-d"
  expect 200 POST "/spaces/$p-d/stop" '{"depth":"stopped"}'
  [[ $(field .state) == stopped ]]
  expect 204 DELETE "/spaces/$p-d"
}

@test "the list is 200 while spaces come and go" {
  (for i in 1 2 3; do
    curl -s -m 60 -o /dev/null -H "Authorization: Bearer $key" "$(cat "$work/url")/api/spaces" -d "{\"name\":\"$p-c$i\"}"
    curl -s -m 60 -o /dev/null -H "Authorization: Bearer $key" -X DELETE "$(cat "$work/url")/api/spaces/$p-c$i"
  done; touch "$work/churned") 3>&- &
  for _ in {1..200}; do expect 200 GET /spaces; done
  eventually 60 test -e "$work/churned"
  expect 200 GET /spaces
}

@test "limits, times and metadata are changed, and a limit that cannot be is refused" {
  create "$p-e"
  expect 200 PATCH "/spaces/$p-e" '{"memory":"200m","pids":99,"idleTimeoutMs":123456,"metadata":{"k":"v"}}'
  [[ $(field '[.memory,.pids,.idleTimeoutMs,.metadata.k] | tojson') == '[209715200,99,123456,"v"]' ]]
  [[ $(docker inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}' "clawdspace-$p-e") == '209715200 209715200 99' ]]
  expect 200 PATCH "/spaces/$p-e" '{"idleTimeoutMs":null}'
  [[ $(field .idleTimeoutMs) == 900000 ]]
  refused 400 unknown_field '"image"' PATCH "/spaces/$p-e" '{"image":"x"}'
  refused 400 invalid_field 'memory' PATCH "/spaces/$p-e" '{"memory":"1k"}'
}

@test "events tell a space's life in order, and resume where one left off" {
  curl -sN -m 8 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/events" >"$work/events" 3>&- &
  local follower=$!
  eventually 5 grep -q clawdspace "$work/events"
  create "$p-ev"
  run_in "$p-ev" '{"command":"true"}'
  expect 200 POST "/spaces/$p-ev/stop"
  expect 204 DELETE "/spaces/$p-ev"
  eventually 5 grep -q 'space.destroyed' "$work/events"
  wait "$follower" || true
  [[ $(grep '^event:' "$work/events" | tr '\n' ' ') == *'space.created event: space.running event: exec.started event: exec.ended event: space.paused event: space.destroying event: space.destroyed '* ]]
  local id
  id=$(grep -B1 'event: space.running' "$work/events" | sed -n 's/^id: //p' | tail -1)
  curl -sN -m 2 -H "Authorization: Bearer $key" -H "Last-Event-ID: $id" "$(cat "$work/url")/api/events" >"$work/resumed" || true
  [[ $(grep -m1 '^event:' "$work/resumed") == 'event: exec.started' ]]
  curl -sN -m 1 -H "Authorization: Bearer $key" -H 'Last-Event-ID: 00000000-5' "$(cat "$work/url")/api/events" >"$work/resumed" || true
  grep -q '^event: gap' "$work/resumed"
}
