# What a space can do and what it cannot, whatever its image brings along.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support file

setup_file() {
  load support/daemon
  make_daemon
  create "$p-std"
  create "$p-strict" "{\"name\":\"$p-strict\",\"profile\":\"strict\"}"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() { load support/daemon; }

@test "standard: commands run as sandbox, who may become root, with eight capabilities" {
  [[ $(shell_in "$p-std" 'id -un; sudo id -u; sudo touch /etc/ours && echo wrote') == $'sandbox\n0\nwrote' ]]
  # CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID AUDIT_WRITE
  [[ $(shell_in "$p-std" 'sudo grep CapBnd /proc/self/status') == $'CapBnd:\t00000000200000fb' ]]
  [[ $(shell_in "$p-std" 'sudo python3 -c "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)" 2>&1 | tail -1') == PermissionError* ]]
  [[ $(shell_in "$p-std" 'sudo mknod /tmp/d c 1 3 2>&1; sudo mount -t tmpfs x /mnt 2>&1') == *'not permitted'*'denied'* ]]
}

@test "strict: commands have no capability, no new privileges and no way to root" {
  [[ $(shell_in "$p-strict" 'grep -E "Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs" /proc/self/status | cut -f2 | sort -u | tr "\n" " "') == '0000000000000000 1 ' ]]
  [[ $(shell_in "$p-strict" 'sudo -n id -u; echo $?') == 1 ]]
  for user in root 0 00 0:0 root:root; do
    run_in "$p-strict" "{\"command\":\"id\",\"user\":\"$user\"}"
    [[ $(field '[.outcome,.code] | tojson') == '["failed_to_start","not_allowed"]' ]] || { echo "$user: $body"; return 1; }
  done
  [[ $(shell_in "$p-strict" 'kill -9 1 2>&1; cat /proc/1/environ 2>&1') == *'not permitted'*'denied'* ]]
}

@test "both: seccomp, limits without swap, no mount from the host but our own, no log that grows" {
  for s in "$p-std" "$p-strict"; do
    [[ $(shell_in "$s" 'grep -w Seccomp: /proc/self/status | cut -f2; ulimit -c; test $(ulimit -n) -le 65536 && echo bounded') == $'2\n0\nbounded' ]]
    [[ $(docker inspect "clawdspace-$s" | jq -c '.[0].HostConfig | [.Memory, .MemorySwap, .PidsLimit, .LogConfig.Type, .Privileged, (.Binds // []), .RestartPolicy.Name, .Init]') == '[268435456,268435456,1024,"none",false,[],"",false]' || $(docker inspect "clawdspace-$s" | jq -c '.[0].HostConfig | [.Memory, .MemorySwap, .PidsLimit, .LogConfig.Type]') == '[268435456,268435456,1024,"none"]' ]]
    [[ $(docker inspect "clawdspace-$s" | jq -c '[.[0].Mounts[] | [.Type, .Destination, .RW]]') == '[["bind","/.clawdspace",false]]' ]]
    run_in "$s" '{"command":"touch /.clawdspace/x","user":"sandbox"}'
    [[ $(field .exitCode) == 1 ]]
  done
  run_in "$p-std" '{"command":"sudo touch /.clawdspace/x"}'
  [[ $(field .stderr) == *'Read-only'* ]]
}

@test "a command's environment has nothing of ours but its mark" {
  [[ $(shell_in "$p-std" 'env | grep -c -i token; env | sed -n "s/CLAWDSPACE_EXEC_ID=//p" | wc -c') == $'0\n25' ]]
}

@test "what an image brings along changes nothing" {
  create "$p-hostile" "{\"name\":\"$p-hostile\",\"image\":\"$CLAWDSPACE_TEST_IMAGE_HOSTILE\"}"
  # Its user counts for commands, since it is not root, and its folder; nothing else does.
  [[ $(shell_in "$p-hostile" 'id -un; pwd; echo $IMAGE_SAYS; readlink /proc/1/exe; ls -A /srv/traces') == $'guest\n/srv/work\nhello' ]]
  [[ $(shell_in "$p-hostile" 'tr "\\0" " " </proc/1/cmdline') == '/.clawdspace/init ' ]]
  [[ $(shell_in "$p-hostile" 'echo $CLAWDSPACE_EXEC_ID') != forged ]]
  local volumes
  volumes=$(docker inspect "clawdspace-$p-hostile" | jq -r '.[0].Mounts[] | select(.Type == "volume").Name')
  [[ -n $volumes ]]
  [[ $(docker inspect --format '{{.Config.StopSignal}} {{.Config.Healthcheck.Test}}' "clawdspace-$p-hostile") == 'SIGTERM [NONE]' ]]
  local from=$SECONDS
  expect 200 POST "/spaces/$p-hostile/stop" '{"depth":"stopped"}'
  [[ $((SECONDS - from)) -lt 4 ]] # init ends at SIGTERM; the Engine's grace is longer
  expect 204 DELETE "/spaces/$p-hostile"
  for volume in $volumes; do refute docker volume inspect "$volume"; done
}

@test "an image with nothing in it is a space" {
  create "$p-scratch" "{\"name\":\"$p-scratch\",\"image\":\"$CLAWDSPACE_TEST_IMAGE_SCRATCH\"}"
  run_in "$p-scratch" '{"command":["/busybox","sh","-c","/busybox id -u; /busybox pwd"]}'
  [[ $(field .stdout) == $'1001\n/home/sandbox' ]]
  run_in "$p-scratch" '{"command":"echo hi"}'
  [[ $(field '[.outcome,.code] | tojson') == '["failed_to_start","no_shell"]' ]]
  run_in "$p-scratch" '{"command":["/busybox","sleep","1000"],"timeoutMs":300}'
  [[ $(field '[.outcome,.confirmed] | tojson') == '["timed_out",true]' ]]
}
