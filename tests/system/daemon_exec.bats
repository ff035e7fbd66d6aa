# Commands over the API: what goes in, what comes out, and how they end.
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2154 # texts for another shell; each test is one; set by the support file

setup_file() {
  load support/daemon
  make_daemon --set exec.output_limit=64k
  create "$p-x"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() {
  load support/daemon
  s=$p-x
}

stream() { # stream QUERY BODY [CURL-OPTION…]
  curl -sSN -m 60 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/spaces/$s/exec?$1" -d "$2" "${@:3}"
}
# What the host sees: nothing inside the space has to help.
processes_with() {
  docker top "clawdspace-$s" -eo pid,args >"$work/top" && awk -v what="$1" 'index($0, what) {++n} END {print n + 0}' "$work/top"
}
none_left() { [[ $(processes_with "$1") == 0 ]]; }

@test "both outputs come apart, to the last byte, and nothing is trimmed" {
  run_in "$s" '{"command":"printf \"  out\\n\\n\"; printf \"\\terr \" >&2; exit 3"}'
  [[ $(field '[.stdout,.stderr,.outcome,.exitCode,.truncated] | tojson') == '["  out\n\n","\terr ","exited",3,null]' ]]
}

@test "exit codes and signals are told apart" {
  for number in 0 1 126 127 137 255; do
    run_in "$s" "{\"command\":\"exit $number\"}"
    [[ $(field '[.outcome,.exitCode] | tojson') == "[\"exited\",$number]" ]]
  done
  for signal in TERM KILL SEGV; do
    run_in "$s" "{\"command\":\"kill -$signal \$\$\"}"
    [[ $(field '[.outcome,.exitCode,.signal] | tojson') == "[\"signaled\",null,\"SIG$signal\"]" ]]
  done
}

@test "every byte value comes back as it was" {
  run_in "$s" '{"command":["python3","-c","import sys; sys.stdout.buffer.write(bytes(range(256)))"]}'
  [[ $(field .stdoutBase64 | base64 -d | od -An -v -tu1 | tr -s ' \n' ' ') == " $(seq -s ' ' 0 255) " ]]
  [[ $(field .stdout) == null ]]
}

@test "output past the limit is counted, and the command runs to its end" {
  run_in "$s" '{"command":"head -c 200000 /dev/zero | tr \"\\\\0\" x; echo done >&2"}'
  [[ $(field '[(.stdout|length),.truncated.stdout.kept,.truncated.stdout.total,.stderr] | tojson') == '[65536,65536,200000,"done\n"]' ]]
}

@test "64 MiB of noise through a raw stream have the hash that they had inside" {
  stream stream=raw '{"command":"head -c 67108864 /dev/urandom | tee /tmp/noise"}' | sha256sum >"$work/outside"
  [[ $(shell_in "$s" 'sha256sum </tmp/noise; rm /tmp/noise') == "$(cat "$work/outside")" ]]
}

@test "megabytes of many-byte characters at full speed stay whole as lines of JSON" {
  stream stream=ndjson '{"command":["python3","-c","import sys; sys.stdout.write(\"añ漢😀\"*400000)"]}' >"$work/lines"
  jq -j 'select(.type == "stdout").data' "$work/lines" | sha256sum >"$work/outside"
  python3 -c 'import sys; sys.stdout.reconfigure(encoding="utf-8"); sys.stdout.write("añ漢😀"*400000)' | sha256sum >"$work/expected"
  diff "$work/outside" "$work/expected"
  refute grep -q '"base64"' "$work/lines"
}

@test "a raw stream tells its ending in declared trailers" {
  curl -sS -m 20 -i --raw -H "Authorization: Bearer $key" "$(cat "$work/url")/api/spaces/$s/exec?stream=raw" -d '{"command":"echo hi; exit 7"}' >"$work/raw"
  grep -qi '^trailer: .*X-Exit-Code' "$work/raw"
  grep -qi '^x-exec-id: ' "$work/raw"
  [[ $(tr -d '\r' <"$work/raw" | grep -A3 '^0$' | grep -i '^x-') == $'X-Outcome: exited\nX-Exit-Code: 7' ]]
  [[ $(stream 'stream=raw&output=stderr' '{"command":"echo out; echo err >&2"}') == err ]]
}

@test "lines arrive while the command runs" {
  stream stream=ndjson '{"command":"echo first; while ! test -e /tmp/go; do sleep 0.05; done; echo last"}' >"$work/live" 3>&- &
  local reader=$!
  eventually 10 grep -q first "$work/live"
  refute grep -q last "$work/live"
  shell_in "$s" 'touch /tmp/go'
  wait "$reader"
  [[ $(jq -rs 'map(.type) | join(" ")' "$work/live") == 'started stdout stdout exit' ]]
  [[ $(tail -n 1 "$work/live" | jq -c '[.outcome,.exitCode]') == '["exited",0]' ]]
}

@test "input is what was given, and end-of-file where nothing was" {
  run_in "$s" '{"command":"cat"}'
  [[ $(field .stdout) == '' ]]
  run_in "$s" '{"command":"cat","stdin":" a\nb"}'
  [[ $(field '.stdout | tojson') == '" a\nb"' ]]
  run_in "$s" '{"command":"od -An -tx1","stdinBase64":"AP8K"}'
  [[ $(field .stdout) == ' 00 ff 0a' ]]
  refused 400 invalid_field stdinBase64 POST "/spaces/$s/exec" '{"command":"cat","stdinBase64":"?"}'
}

@test "a body is streamed in and out at once, whole both ways" {
  head -c 33554432 /dev/urandom >"$work/in"
  curl -sS -m 60 -H "Authorization: Bearer $key" -T - "$(cat "$work/url")/api/spaces/$s/exec?command=cat&stream=raw" <"$work/in" | cmp - "$work/in"
  curl -sS -m 60 -H "Authorization: Bearer $key" -H 'Content-Type: application/octet-stream' --data-binary "@$work/in" \
    "$(cat "$work/url")/api/spaces/$s/exec?arg=sha256sum" >"$work/body"
  [[ $(jq -r .stdout "$work/body") == "$(sha256sum <"$work/in")" ]]
  curl -sS -m 60 -H "Authorization: Bearer $key" -T - "$(cat "$work/url")/api/spaces/$s/exec?command=head+-c1+|+wc+-c" <"$work/in" >"$work/body"
  [[ $(jq -r .stdout "$work/body") == 1 ]]
}

@test "environment, directory and user are what was asked for" {
  run_in "$s" '{"command":"echo \"$A|$HOME|$USER\"; pwd","env":{"A":"q\"u o\u0074e\nü"},"cwd":"/tmp"}'
  [[ $(field .stdout) == $'q"u ote\nü|/home/sandbox|sandbox\n/tmp' ]]
  run_in "$s" '{"command":"id -u; echo $HOME","user":"root"}'
  [[ $(field .stdout) == $'0\n/root' ]]
  run_in "$s" '{"command":"id -u","user":4321}'
  [[ $(field .stdout) == 4321 ]]
}

@test "what never ran says why" {
  local row
  for row in 'program_not_found {"command":["no-such-program"]}' 'not_executable {"command":["/etc/passwd"]}' \
    'no_such_directory {"command":"true","cwd":"/no/such"}' 'no_such_user {"command":"true","user":"nobody-here"}'; do
    run_in "$s" "${row#* }"
    [[ $(field '[.outcome,.code,.exitCode,.stdout] | tojson') == "[\"failed_to_start\",\"${row%% *}\",null,\"\"]" ]] || { echo "$row: $body"; return 1; }
    [[ -n $(field .reason) ]]
  done
}

@test "a command that is over its time ends with all that it started" {
  run_in "$s" '{"command":"echo begun; setsid sleep 3001 & (nohup sleep 3002 &) ; trap \"\" TERM; sleep 3003","timeoutMs":400}'
  [[ $(field '[.outcome,.signal,.confirmed,.exitCode,.stdout] | tojson') == '["timed_out","SIGKILL",true,null,"begun\n"]' ]]
  none_left 'sleep 300'
}

@test "a client that leaves takes its command along, and the space stays" {
  stream stream=raw '{"command":"setsid sleep 4001 & sleep 4002"}' -m 1 || true
  eventually 10 none_left 'sleep 400'
  stream stream=ndjson '{"command":"while :; do echo x; done"}' -m 1 >/dev/null || true
  curl -sS -m 1 -H "Authorization: Bearer $key" "$(cat "$work/url")/api/spaces/$s/exec" -d '{"command":"sleep 4003"}' || true
  eventually 10 none_left 'sleep 4003'
  eventually 10 none_left 'echo x'
  is_state "$s" running
}

@test "a half-closed connection counts as leaving, also behind a request that was not read yet" {
  python3 - "$(cat "$work/url")" "$key" "$s" <<'PY'
import socket, sys, urllib.parse
url, key, space = sys.argv[1:]
at = urllib.parse.urlparse(url)
s = socket.create_connection((at.hostname, at.port))
body = b'{"command":"sleep 4004"}'
one = f"POST /api/spaces/{space}/exec HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
s.sendall(one + b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
s.shutdown(socket.SHUT_WR)
s.settimeout(20)
while s.recv(65536): pass
PY
  eventually 10 none_left 'sleep 4004'
}

@test "a child in the background does not hold the call, and lives on" {
  run_in "$s" '{"command":"sleep 5001 & echo hi"}'
  [[ $(field '[.stdout,.outcome,.exitCode] | tojson') == '["hi\n","exited",0]' && $(field .durationMs) -lt 3000 ]]
  [[ $(processes_with 'sleep 5001') == 1 ]]
  shell_in "$s" 'pkill -x sleep; true'
}

@test "a client that does not read stops its process, and then gets every byte" {
  python3 - "$(cat "$work/url")" "$key" "$s" "$(daemon_pid)" <<'PY'
import hashlib, http.client, json, sys, time, urllib.parse
url, key, space, pid = sys.argv[1:]
at = urllib.parse.urlparse(url)
def rss(): return int(next(l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")).split()[1])
def ask(query, text):
    c = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
    c.request("POST", f"/api/spaces/{space}/exec{query}", json.dumps({"command": text}), {"Authorization": f"Bearer {key}"})
    return c.getresponse()
def written(): # nothing yet where it has not begun
    return int(json.loads(ask("", "sed -n 's/^wchar: //p' /proc/$(pgrep -x yes)/io").read())["stdout"] or 0)
before = rss()
r = ask("?stream=raw", "yes | head -c 100000000")
last, still, deadline = -1, 0, time.monotonic() + 40
while still < 5: # the count has stopped growing
    assert time.monotonic() < deadline, "the process was never stopped"
    now = written()
    still = still + 1 if now == last and now > 0 else 0
    last = now
assert last < 30_000_000, last
assert rss() - before < 24_576, (before, rss())
size, digest = 0, hashlib.sha256()
while data := r.read(1 << 20):
    size += len(data); digest.update(data)
assert size == 100_000_000, size
assert digest.hexdigest() == hashlib.sha256(b"y\n" * 50_000_000).hexdigest()
PY
}

@test "a slow reader gets the last bytes of a process that ended long before" {
  python3 - "$(cat "$work/url")" "$key" "$s" <<'PY'
import http.client, json, socket, sys, time, urllib.parse
url, key, space = sys.argv[1:]
at = urllib.parse.urlparse(url)
c = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
c.connect(); c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
c.request("POST", f"/api/spaces/{space}/exec?stream=raw", json.dumps({"command": "head -c 3000000 /dev/zero"}), {"Authorization": f"Bearer {key}"})
r = c.getresponse()
time.sleep(4) # the Engine drops what is unread two seconds after a process's end
size = 0
while data := r.read(65536): size += len(data)
assert size == 3_000_000, size
PY
}

@test "the kernel's out-of-memory kills are told" {
  run_in "$s" '{"command":["python3","-c","a = bytearray(400 << 20)"]}'
  [[ $(field '[.outcome,.exitCode] | tojson') == '["out_of_memory",null]' && $(field .oomKills) -ge 1 ]]
  run_in "$s" '{"command":"python3 -c \"a = bytearray(400 << 20)\"; echo survived"}'
  [[ $(field '[.outcome,.exitCode,.stdout] | tojson') == '["exited",0,"survived\n"]' && $(field .oomKills) -ge 1 ]]
}

@test "a stopped space freezes its command and the command's clock" {
  stream stream=ndjson '{"command":"echo up; sleep 1.5; echo end","timeoutMs":4000}' >"$work/frozen" 3>&- &
  local reader=$!
  eventually 10 grep -q up "$work/frozen"
  expect 200 POST "/spaces/$s/stop"
  refute eventually 5 grep -q exit "$work/frozen" # more than its time: the clock stands still
  expect 200 POST "/spaces/$s/start"
  wait "$reader"
  [[ $(tail -n 1 "$work/frozen" | jq -c '[.outcome,.exitCode]') == '["exited",0]' ]]
}

@test "a space that goes takes its commands along, and says so" {
  create "$p-y"
  s=$p-y
  stream stream=ndjson '{"command":"echo up; sleep 6001"}' >"$work/gone" 3>&- &
  local reader=$!
  eventually 10 grep -q up "$work/gone"
  expect 200 POST "/spaces/$s/stop" '{"depth":"stopped"}'
  wait "$reader"
  [[ $(tail -n 1 "$work/gone" | jq -c '[.type,.outcome,.exitCode]') == '["exit","canceled",null]' ]]
  stream stream=ndjson '{"command":"echo up; sleep 6002"}' >"$work/gone-too" 3>&- &
  reader=$!
  eventually 10 grep -q up "$work/gone-too"
  expect 204 DELETE "/spaces/$s"
  wait "$reader"
  [[ $(tail -n 1 "$work/gone-too" | jq -c '[.type,.outcome,.exitCode]') == '["exit","canceled",null]' ]]
}

@test "a container killed behind our back is never a success" {
  create "$p-z"
  s=$p-z
  stream stream=ndjson '{"command":"echo up; sleep 7001"}' >"$work/lost" 3>&- &
  local reader=$!
  eventually 10 grep -q up "$work/lost"
  docker kill "clawdspace-$s" >/dev/null
  wait "$reader"
  [[ $(tail -n 1 "$work/lost" | jq -r .outcome) =~ ^(lost|canceled|signaled)$ && $(tail -n 1 "$work/lost" | jq .exitCode) == null ]]
}

@test "a terminal is one, of the size that was asked for" {
  run_in "$s" '{"command":"tty; sleep 0.3; stty size","tty":true,"rows":33,"cols":101}'
  [[ $(field .stdout | tr -d '\r') == /dev/pts/*$'\n33 101' ]]
}

@test "a fork bomb ends with its time" {
  create "$p-fork" "{\"name\":\"$p-fork\",\"pids\":64,\"cpus\":0.5}"
  s=$p-fork
  run_in "$s" '{"command":"f() { f | f & }; f; exec sleep 100","timeoutMs":1000}'
  [[ $(field .outcome) == timed_out ]]
  expect 204 DELETE "/spaces/$s"
}

@test "sixteen at once get each their own answer" {
  seq 64 | xargs -P 16 -I{} sh -c 'curl -s -m 60 -H "Authorization: Bearer $1" "$2" -d "{\"command\":\"echo mine-{}\"}" | jq -r .stdout | grep -qx "mine-{}" && echo ok' \
    _ "$key" "$(cat "$work/url")/api/spaces/$s/exec" >"$work/answers"
  [[ $(grep -c ok "$work/answers") == 64 ]]
}

@test "bad input to exec is refused by name" {
  refused 400 invalid_command missing POST "/spaces/$s/exec" '{}'
  refused 400 invalid_command empty POST "/spaces/$s/exec" '{"command":""}'
  refused 400 invalid_command empty POST "/spaces/$s/exec" '{"command":[]}'
  refused 400 invalid_command NUL POST "/spaces/$s/exec" '{"command":"a\u0000b"}'
  refused 400 invalid_command string POST "/spaces/$s/exec" '{"command":["a",1]}'
  refused 400 unknown_field '"comand"' POST "/spaces/$s/exec" '{"comand":"x"}'
  refused 400 unknown_field '"strem"' POST "/spaces/$s/exec?strem=raw" '{"command":"x"}'
  refused 400 invalid_field stream POST "/spaces/$s/exec?stream=xml" '{"command":"x"}'
  refused 400 invalid_field output POST "/spaces/$s/exec?output=stdout" '{"command":"x"}'
  refused 400 invalid_field timeoutMs POST "/spaces/$s/exec" '{"command":"x","timeoutMs":"1s"}'
  refused 400 invalid_field stream POST "/spaces/$s/exec?stream=raw" '{"command":"x","detach":true}'
  refused 404 space_not_found no-such POST "/spaces/no-such/exec" '{"command":"x"}'
}
