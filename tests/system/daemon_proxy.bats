# What a space serves, through the daemon: below its path, and at an address of its own. A real Engine, a server in a space that
# has no network, curl as the client.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support file

bats_require_minimum_version 1.5.0

setup_file() {
  load support/daemon
  make_daemon
  create "$p-a" "{\"name\":\"$p-a\"}"
  expect 202 POST "/spaces/$p-a/exec" "$(jq -n --rawfile program "$BATS_TEST_DIRNAME/support/echo_server.py" \
    '{command: ["python3", "-c", $program, "3000"], detach: true, keepAwake: false}')"
  eventually 10 listens "$p-a" 3000
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() {
  load support/daemon
  url=$(cat "$work/url")
  at=$url/api/spaces/$p-a/ports/3000
  host=3000--$p-a.localhost:${url##*:}
}

listens() { call GET "/spaces/$1/ports" && [[ $(field "[.ports[].port] | index($2) != null") == true ]]; }
with_key() { curl -sS --max-time 20 -H "Authorization: Bearer $key" "$@"; }
# At the preview's address, without a key.
visit() { curl -sS --max-time 20 --resolve "$host:127.0.0.1" "$@"; }

@test "a request below the path reaches the server as it is, without the key and with where it came from" {
  with_key -H 'X-Forwarded-For: 6.6.6.6' "$at/a%2Fb/../c?q=%20+" --path-as-is >"$work/seen"
  head -1 "$work/seen" | grep -qx 'GET /a%2Fb/../c?q=%20+ HTTP/1.1'
  grep -qx 'X-Forwarded-For: 127.0.0.1' "$work/seen"
  grep -qx "X-Forwarded-Prefix: /api/spaces/$p-a/ports/3000" "$work/seen"
  refute grep -q "$key" "$work/seen"
  curl -sS -H "X-API-Key: $key" -H 'Authorization: Basic YTpi' "$at/" >"$work/seen"
  grep -qx 'Authorization: Basic YTpi' "$work/seen"
  refute grep -qi 'x-api-key' "$work/seen"
}

@test "an answer below the path cannot run in the daemon's origin, nor leave anything with it" {
  with_key -D "$work/head" -o /dev/null "$at/"
  grep -qi '^Content-Security-Policy: sandbox' "$work/head"
  refute grep -qi '^Set-Cookie' "$work/head"
  [[ $(curl -sS -o /dev/null -w '%{http_code}' "$at/") == 401 ]]
}

@test "chunks and trailers go on as they come, and events arrive before their stream is over" {
  # curl sends no trailers.
  exec 9<>"/dev/tcp/127.0.0.1/${url##*:}"
  printf 'POST /api/spaces/%s/ports/3000/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: %s\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n' "$p-a" "$key" >&9
  timeout 20 cat <&9 | tr -d '\r' >"$work/seen"
  exec 9>&-
  [[ $(tail -4 "$work/seen") == $'3\nabc\n0\nX-Sum: 7' ]]
  run -28 with_key -N --max-time 2 "$at/events"
  [[ $output == *'data: 1'* ]]
}

@test "another protocol is bytes both ways, and one end is not the other's" {
  exec 9<>"/dev/tcp/127.0.0.1/${url##*:}"
  printf 'GET /api/spaces/%s/ports/3000/upgrade HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello' "$p-a" "$key" >&9
  python3 -c 'import socket; socket.socket(fileno=9).shutdown(socket.SHUT_WR)'
  timeout 20 cat <&9 | tr -d '\r' >"$work/seen"
  exec 9>&-
  [[ $(head -1 "$work/seen") == 'HTTP/1.1 101 Switching Protocols' && $(tail -1 "$work/seen") == helloover ]]
}

@test "where nothing listens the answer is 502, and names what does" {
  expect 502 GET "/spaces/$p-a/ports/99/"
  [[ $(field .code) == nothing_listens && $(field '[.listening[].port] | index(3000) != null') == true ]]
  for wrong in 0 65536 x; do expect 400 GET "/spaces/$p-a/ports/$wrong/"; done
}

@test "a preview is private, and says nothing about what there is" {
  for name in "$p-a" "$p-none"; do
    [[ $(curl -sS -o "$work/page" -w '%{http_code}' -H "Host: 3000--$name.localhost" -H 'Accept: text/html' "$url/") == 401 ]]
    grep -q 'This preview is private' "$work/page"
  done
  [[ $(visit -o "$work/page" -w '%{http_code}' "http://$host/api/health") == 401 && $(jq -r .code "$work/page") == unauthorized ]]
  # With the key it is the space's, whatever the path.
  visit -H "Authorization: Bearer $key" "http://$host/api/health" | head -1 | grep -qx 'GET /api/health HTTP/1.1'
}

@test "a link lets a browser in, which the server sees nothing of" {
  expect 201 POST "/spaces/$p-a/ports/3000/links" '{"path":"/p?q=1","ttlMs":60000}'
  link=$(field .url)
  visit -L -c "$work/jar" -b "$work/jar" "$link" >"$work/seen"
  head -1 "$work/seen" | grep -qx 'GET /p?q=1 HTTP/1.1'
  refute grep -qi 'clawdspace_' "$work/seen"
  visit -b "$work/jar" -D "$work/head" "http://$host/again" >"$work/seen"
  head -1 "$work/seen" | grep -qx 'GET /again HTTP/1.1'
  # Its cookies are for that host alone.
  grep -qi '^set-cookie: a=1' "$work/head"
  refute grep -qi 'domain=' "$work/head"
  # Other sites' pages, of another space as well, may not use the visitor's cookie.
  for origin in 'http://evil.test' "http://3000--$p-b.localhost:${url##*:}"; do
    [[ $(visit -b "$work/jar" -o /dev/null -w '%{http_code}' -H "Origin: $origin" "http://$host/") == 403 ]]
  done
  [[ $(visit -o /dev/null -w '%{http_code}' "http://$host/?clawdspace_link=${link##*=}0") == 401 ]]
  expect 400 POST "/spaces/$p-a/ports/3000/links" '{"path":"http://evil.test"}'
}

@test "a port that was made public is seen by anybody, also after a restart, and private again when it is told so" {
  expect 200 PUT "/spaces/$p-a/ports/3000" '{"public":true}'
  [[ $(field .public) == true ]]
  expect 200 GET "/spaces/$p-a/ports"
  [[ $(field '.ports[] | select(.port == 3000) | [.public, .url] | join(" ")') == "true http://$host/" ]]
  stop_daemon
  start_daemon
  url=$(cat "$work/url")
  [[ $(curl -sS -o /dev/null -w '%{http_code}' -H "Host: 3000--$p-a.localhost" "$url/") == 200 ]]
  expect 200 PUT "/spaces/$p-a/ports/3000" '{"public":false}'
  [[ $(curl -sS -o /dev/null -w '%{http_code}' -H "Host: 3000--$p-a.localhost" "$url/") == 401 ]]
}

@test "a space that sleeps answers its first request in one piece, and falls asleep again afterwards" {
  expect 200 POST "/spaces/$p-a/stop"
  is_state "$p-a" paused
  with_key "$at/awake" | head -1 | grep -qx 'GET /awake HTTP/1.1'
  is_state "$p-a" running
  expect 200 PATCH "/spaces/$p-a" '{"idleTimeoutMs":500}'
  with_key -o /dev/null "$at/"
  eventually 10 is_state "$p-a" paused
  expect 200 PATCH "/spaces/$p-a" '{"idleTimeoutMs":null}'
}
