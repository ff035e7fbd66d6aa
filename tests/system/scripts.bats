# shellcheck disable=SC2016 # texts for another shell
# The scripts themselves: how they look for an Engine, run a private one, keep the key, and what they say when they cannot.

setup() {
  # A clone of its own, so that nothing here touches this one's state; readable by others, for the tests that are no root.
  clone=$(mktemp -d /tmp/clawdspace-bats-XXXXXX)
  chmod 755 "$clone"
  cp -r "$BATS_TEST_DIRNAME/../../script" "$clone"
  export NO_COLOR=1
  unset DOCKER_HOST DOCKER_TLS_VERIFY
  export XDG_RUNTIME_DIR=$clone/runtime
}

teardown() {
  rm -rf "$clone"
}

# A shell of the clone in which the libraries are loaded.
in_clone() {
  bash -euo pipefail -c '. "$1/script/lib/common.sh"; . "$1/script/lib/engine.sh"; . "$1/script/lib/key.sh"
    mkdir -p "$state"; '"$1" bash "$clone"
}

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }

# A socket that answers /_ping as an Engine does.
fake_engine() {
  python3 -c '
import socketserver, sys
class engine(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline().strip(): pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
socketserver.UnixStreamServer(sys.argv[1], engine).serve_forever()' "$1" 3>&- &
  fake=$!
  for _ in {1..200}; do
    [[ ! -S $1 ]] || return 0
    sleep 0.05
  done
  return 1
}
end_fake_engine() {
  kill "$fake"
  wait "$fake" || true
}

@test "bootstrap is quick when nothing is missing" {
  "$BATS_TEST_DIRNAME/../../script/bootstrap" build test
  start=$(date +%s%N)
  run "$BATS_TEST_DIRNAME/../../script/bootstrap" build test
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  [ $((($(date +%s%N) - start) / 1000000)) -lt 1000 ]
}

@test "bootstrap says what it needs where there is no apt-get" {
  mkdir "$clone/bin"
  for tool in bash dirname cat; do ln -s "$(command -v $tool)" "$clone/bin/$tool"; done
  PATH=$clone/bin run "$clone/script/bootstrap"
  [ "$status" -eq 1 ]
  [[ $output == *"clang 16 or later"*"subprojects/"* ]]
}

@test "a purpose that does not exist is refused by name" {
  run "$clone/script/bootstrap" nonsense
  [ "$status" -eq 1 ]
  [[ $output == *"no purpose 'nonsense'"* ]]
}

@test "the key is made once, of 64 hex digits, for its owner alone" {
  umask 000
  in_clone 'ensure_key "$state/key"'
  [ "$(stat -c %a "$clone/.state/key")" = 600 ]
  first=$(cat "$clone/.state/key")
  [[ $first =~ ^[0-9a-f]{64}$ ]]
  in_clone 'ensure_key "$state/key"'
  [ "$(cat "$clone/.state/key")" = "$first" ]
}

@test "a key that others could read is made private again" {
  in_clone 'ensure_key "$state/key"'
  chmod 644 "$clone/.state/key"
  in_clone 'ensure_key "$state/key"'
  [ "$(stat -c %a "$clone/.state/key")" = 600 ]
}

@test "a DOCKER_HOST that answers is used, and no other Engine" {
  fake_engine "$clone/engine.sock"
  DOCKER_HOST=unix://$clone/engine.sock run in_clone 'engine_find_or_start; echo "uses $DOCKER_HOST"; engine_release'
  end_fake_engine
  [ "$status" -eq 0 ]
  [[ $output == *"uses unix://$clone/engine.sock"* ]]
  [ ! -e "$clone/.state/engine" ]
}

@test "a DOCKER_HOST that does not answer is the user's choice: it is named, and no Engine is started" {
  DOCKER_HOST=unix://$clone/none.sock run in_clone 'engine_find_or_start'
  [ "$status" -eq 1 ]
  [[ $output == *"no Docker Engine answers at DOCKER_HOST=unix://$clone/none.sock"* ]]
  [ ! -e "$clone/.state/engine" ]
}

@test "a DOCKER_HOST over ssh or TLS is refused with words" {
  DOCKER_HOST=ssh://host run in_clone 'engine_find_or_start'
  [ "$status" -eq 1 ]
  [[ $output == *"only unix:// and tcp://"* ]]
  DOCKER_HOST=tcp://127.0.0.1:1 DOCKER_TLS_VERIFY=1 run in_clone 'engine_find_or_start'
  [ "$status" -eq 1 ]
  [[ $output == *"TLS"* ]]
}

@test "a socket that refuses us is named with the group to join" {
  [ "$EUID" -eq 0 ] || skip "needs root to become someone else"
  fake_engine "$clone/engine.sock"
  chown root:daemon "$clone/engine.sock"
  chmod 660 "$clone/engine.sock"
  mkdir -m 777 "$clone/.state"
  DOCKER_HOST=unix://$clone/engine.sock run as_nobody bash -c "$(declare -f in_clone); clone=$clone
    in_clone engine_find_or_start"
  end_fake_engine
  [ "$status" -eq 1 ]
  [[ $output == *"belongs to the group 'daemon'"*"usermod -aG daemon nobody"* ]]
}

@test "the rootless socket is found when there is no other" {
  [ ! -S /var/run/docker.sock ] || skip "this machine's own Engine comes first"
  mkdir "$XDG_RUNTIME_DIR"
  fake_engine "$XDG_RUNTIME_DIR/docker.sock"
  run in_clone 'engine_find_or_start; echo "uses $DOCKER_HOST"'
  end_fake_engine
  [ "$status" -eq 0 ]
  [[ $output == *"uses unix://$XDG_RUNTIME_DIR/docker.sock"* ]]
}

@test "without root a private Engine is not tried, and that is said" {
  [ "$EUID" -eq 0 ] || skip "needs root to become someone else"
  [ ! -S /var/run/docker.sock ] || skip "this machine has an Engine"
  mkdir -m 777 "$clone/.state"
  run as_nobody bash -c "$(declare -f in_clone); clone=$clone; in_clone engine_find_or_start"
  [ "$status" -eq 1 ]
  [[ $output == *"starting a private one needs root"* ]]
}

@test "a private Engine runs beside another, is shared within a clone, and goes with its last user" {
  [ "$EUID" -eq 0 ] || skip "a private Engine needs root"
  run in_clone '
    engine_start_private
    bridge=$(cat "$engine_data/bridge")
    pid=$(engine_private_pid)
    # A second script of the same clone uses the same one, and leaves it alone when it ends.
    bash -euo pipefail -c ". $root/script/lib/common.sh; . $root/script/lib/engine.sh
      engine_start_private; [[ \$(engine_private_pid) == $pid ]]; engine_release"
    engine_answers "$DOCKER_HOST" && echo "still answers"
    engine_release
    engine_private_gone && [[ ! -e /sys/class/net/$bridge && ! -e $engine_run ]] && echo "gone"'
  [ "$status" -eq 0 ]
  [[ $output == *"still answers"*"gone"* ]]
}

@test "a private Engine whose script was killed is taken over by the next one" {
  [ "$EUID" -eq 0 ] || skip "a private Engine needs root"
  run in_clone 'engine_start_private; kill -KILL $$'
  [ "$status" -ne 0 ]
  run in_clone '
    pid=$(engine_private_pid)
    engine_start_private
    [[ $(engine_private_pid) == "$pid" ]] && echo "same"
    engine_release
    engine_private_gone && echo "gone"'
  [[ $output == *"same"*"gone"* ]]
}

@test "what a killed Engine left behind does not hinder the next start" {
  [ "$EUID" -eq 0 ] || skip "a private Engine needs root"
  run in_clone 'engine_start_private; kill -KILL "$(engine_private_pid)"; wait_until 10 engine_private_gone; kill -KILL $$'
  run in_clone 'engine_start_private; engine_answers "$DOCKER_HOST" && echo answers; engine_release
    compgen -G "/sys/class/net/$(cat "$engine_data/bridge" 2>/dev/null || echo none)" || echo "no bridge left"'
  [ "$status" -eq 0 ]
  [[ $output == *"answers"*"no bridge left"* ]]
}
