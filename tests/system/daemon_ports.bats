# What listens in a real space, and connections to it: its own init, a real Engine, a WebSocket client that is not ours.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support file

setup_file() {
  load support/daemon
  make_daemon
  create "$p-a" "{\"name\":\"$p-a\"}"
  serve "$p-a"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() { load support/daemon; }

# serve SPACE   sends back what comes, and says `over` when all of it came: on 127.0.0.1:8001 and on a unix socket
serve() {
  local program='
import socket,threading
def answer(c):
    while d := c.recv(65536): c.sendall(d)
    c.sendall(b"over"); c.close()
def serve(s, at):
    s.bind(at); s.listen()
    while True: threading.Thread(target=answer, args=(s.accept()[0],)).start()
threading.Thread(target=serve, args=(socket.socket(socket.AF_UNIX), "/tmp/x.sock")).start()
serve(socket.socket(), ("127.0.0.1", 8001))'
  expect 202 POST "/spaces/$1/exec" "$(jq -n --arg p "$program" '{command: ["python3", "-c", $p], detach: true}')"
  eventually 10 listens "$1" 8001
}
listens() { call GET "/spaces/$1/ports" && [[ $(field "[.ports[].port] | index($2) != null") == true ]]; }
tunnel() { "$BATS_TEST_DIRNAME/support/tunnel.py" "ws${url#http}/api/spaces/$1/tunnel/$2" "$key"; }

@test "what listens is told with its process, in a space without a network" {
  expect 200 GET "/spaces/$p-a/ports"
  [[ $(field '.ports[] | select(.port == 8001) | [.protocol, .address, .process.name] | join(" ")') == 'tcp 127.0.0.1 python3' ]]
  [[ $(field '.ports[] | select(.protocol == "unix") | [.path, .process.name] | join(" ")') == '/tmp/x.sock python3' ]]
}

@test "a tunnel carries every byte both ways, and an end in one direction leaves the other open" {
  url=$(cat "$work/url")
  head -c 20000000 /dev/urandom >"$work/sent"
  for port in 8001 %2Ftmp%2Fx.sock; do
    tunnel "$p-a" "$port" <"$work/sent" >"$work/came"
    cmp "$work/came" <(cat "$work/sent"; printf over)
  done
}

@test "where nothing listens the answer is 502 and names what does, and what is no port is 400" {
  local upgrade=(-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
  expect 502 GET "/spaces/$p-a/tunnel/99" '' "${upgrade[@]}"
  [[ $(field .code) == nothing_listens && $(field '[.listening[].port] | index(8001) != null') == true ]]
  expect 502 GET "/spaces/$p-a/tunnel/%2Fno%2Fsuch" '' "${upgrade[@]}"
  for wrong in 0 65536 x -1 8001x rel%2Fative; do expect 400 GET "/spaces/$p-a/tunnel/$wrong" '' "${upgrade[@]}"; done
  expect 404 GET "/spaces/$p-none/tunnel/99" '' "${upgrade[@]}"
  expect 426 GET "/spaces/$p-a/tunnel/8001"
}

@test "a path leads only where the space's own user may go" {
  run_in "$p-a" '{"command":"mkdir -m 700 /root/s; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind(\\\"/root/s/x\\\")\"; ln -s /root/s/x /tmp/link","user":"root"}'
  expect 502 GET "/spaces/$p-a/tunnel/%2Ftmp%2Flink" '' -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  [[ $(field .code) == connection_refused && $(field .error) == *'Permission denied'* ]]
}

@test "a sleeping space is woken by a connection, and only thawed for the list" {
  expect 200 POST "/spaces/$p-a/stop" '{"depth":"paused"}'
  expect 200 GET "/spaces/$p-a/ports"
  [[ $(field '.ports | length') -ge 2 ]]
  expect 200 GET "/spaces/$p-a"
  [[ $(field .state) == paused ]]
  url=$(cat "$work/url")
  [[ $(printf hi | tunnel "$p-a" 8001) == hiover ]]
  expect 200 GET "/spaces/$p-a"
  [[ $(field .state) == running ]]
}

@test "in a strict space too, processes have names and tunnels lead to them" {
  create "$p-s" "{\"name\":\"$p-s\",\"profile\":\"strict\"}"
  serve "$p-s"
  [[ $(field '.ports[] | select(.port == 8001) | .process.name') == python3 ]]
  url=$(cat "$work/url")
  for port in 8001 %2Ftmp%2Fx.sock; do [[ $(printf hi | tunnel "$p-s" "$port") == hiover ]]; done
}

@test "whoever follows the events hears of a port that opens and of one that closes" {
  curl -sN -m 30 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/events" >"$work/events" 3>&- &
  local reader=$!
  eventually 10 grep -q clawdspace "$work/events"
  create "$p-e" "{\"name\":\"$p-e\"}"
  serve "$p-e"
  eventually 10 grep -q '^event: port.opened' "$work/events"
  expect 200 POST "/spaces/$p-e/stop" '{"depth":"stopped"}'
  eventually 10 grep -q '^event: port.closed' "$work/events"
  kill "$reader"
  [[ $(grep -A1 '^event: port.opened' "$work/events" | sed -n 's/^data: //p' | jq -r '[.space, .port] | join(" ")') == *"$p-e 8001"* ]]
}
