#!/usr/bin/env bats
# clawdspace-init on a real Engine: as PID 1, as the subreaper of commands that the Engine's exec brings in, and as what
# ends them. Needs CLAWDSPACE_TEST_ENGINE, _BUILD, _IMAGE and _IMAGE_SCRATCH, which script/test sets.
# shellcheck disable=SC2016,SC2030,SC2031 # shell texts are for the shell in the space; bats runs each test in a subshell

bats_require_minimum_version 1.5.0
token=5eedcafe

setup_file() {
  local name
  for name in ENGINE BUILD IMAGE IMAGE_SCRATCH; do
    name=CLAWDSPACE_TEST_$name
    if [[ -z ${!name:-} ]]; then
      echo "$name is not set: run script/test, which finds or starts an Engine, builds the images, and says where" >&2
      return 1
    fi
  done
  export DOCKER_HOST=$CLAWDSPACE_TEST_ENGINE
  export BATS_TEST_TIMEOUT=60
  export prefix=clawdspace-test-init-$$
  # However this run ends, its spaces do not outlive it: a fork bomb would be everybody's.
  # Forked twice and in a session of its own, so that what ends us does not end it.
  (setsid timeout 300 bash -c "$(declare -f remove_spaces)"'; tail --pid="$1" -f /dev/null; remove_spaces' \
    guard $$ </dev/null >/dev/null 2>&1 3>&- &)
  mkdir "$BATS_FILE_TMPDIR/door"
  cp "$CLAWDSPACE_TEST_BUILD/init/clawdspace-init" "$BATS_FILE_TMPDIR/door/init"
  start_space standard standard "$CLAWDSPACE_TEST_IMAGE" --pids-limit 256
  start_space strict strict "$CLAWDSPACE_TEST_IMAGE" --pids-limit 256
  start_space scratch strict "$CLAWDSPACE_TEST_IMAGE_SCRATCH"
}

teardown_file() { remove_spaces; }

# remove_spaces [TEST]   those that this run started, or one test of it; by their ids
remove_spaces() {
  timeout 20 docker ps --all --quiet --no-trunc --filter "label=clawdspace.test=$prefix" \
    ${1:+--filter "label=clawdspace.test.number=$1"} |
    xargs --no-run-if-empty timeout 60 docker rm --force --volumes >/dev/null
}

# No call waits for ever.
docker() { timeout --foreground --kill-after=2 30 docker "$@"; }

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  background=() # the pids of what a test lets run beside it
}

# A failed test says what was seen, and leaves no bomb behind.
teardown() {
  local file
  remove_spaces "$BATS_TEST_NUMBER"
  for file in out err; do
    if [[ -s $file ]]; then echo "$file: $(head -c 2000 "$file" | cat -v)"; fi
  done
}

# start_space NAME PROFILE IMAGE DOCKER-OPTION…   a container as the daemon makes one
start_space() {
  local name=$1 image=$3 options=(--cap-drop ALL) capability
  case $2 in
  standard) for capability in CHOWN DAC_OVERRIDE FOWNER FSETID SETUID SETGID KILL AUDIT_WRITE; do options+=(--cap-add "$capability"); done ;;
  strict)
    for capability in SETUID SETGID KILL CHOWN SETPCAP; do options+=(--cap-add "$capability"); done
    options+=(--security-opt no-new-privileges)
    ;;
  esac
  docker run --detach --name "$prefix-$name" --label "clawdspace.test=$prefix" \
    --label "clawdspace.test.number=${BATS_TEST_NUMBER:-0}" --user 0 --init=false --network none --log-driver none \
    --entrypoint /.clawdspace/init --mount "type=bind,src=$BATS_FILE_TMPDIR/door,dst=/.clawdspace,readonly" \
    "${options[@]}" "${@:4}" "$image" >/dev/null
}

# enter SPACE ID OPTION… -- ARGV…   a command through its subreaper: its streams go to the files out and err, its exit
# code to $code
enter() {
  code=0
  docker exec --env CLAWDSPACE_TOKEN=$token "$prefix-$1" /.clawdspace/init exec "${@:2}" >out 2>err </dev/null || code=$?
}

# as_root SPACE ARGV…   the test's own hand in the space
as_root() { docker exec --interactive --user 0 "$prefix-$1" "${@:2}"; }

end_command() { docker exec "$prefix-$1" /.clawdspace/init kill "$2"; }

reports() { tr '\0' '\n' <err | sed -n "s/^$token://p"; }

# expect_reports LINE…   `PID` stands for a number
expect_reports() {
  local seen wanted
  seen=$(reports | sed 's/^started [0-9]*$/started PID/')
  wanted=$(printf '%s\n' "$@")
  if [[ $seen != "$wanted" ]]; then
    printf 'expected reports:\n%s\nseen:\n%s\n' "$wanted" "$seen"
    return 1
  fi
}

# expect_failure CODE ERRNO WORDS
expect_failure() {
  local seen
  seen=$(reports)
  if [[ $seen != "failed $1 $2 "* || $seen != *"$3"* || $code -ne 125 ]]; then
    printf 'expected: failed %s %s …%s…\nseen: %s (exit code %s)\n' "$1" "$2" "$3" "$seen" "$code"
    return 1
  fi
}

# within SECONDS COMMAND…   until it is true
within() {
  local limit=$1 deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    if ((SECONDS > deadline)); then
      echo "still not so after $limit s: $*"
      return 1
    fi
    sleep 0.05
  done
}

eventually() { within 5 "$@"; }

# In a full space the Engine may find no room for what it needs itself to bring a process in, and says so ("read init-p:
# connection reset by peer"): then it can be asked again. These two do, with what came of it in the usual places.
told_in_full() {
  enter "$@"
  [[ -n $(reports) ]]
}
ended_in_full() { end_command "$1" "$2" >ended 2>&1; }

started() { reports | grep -q '^started '; }

# processes SPACE   how many there are beside PID 1
processes() { docker top "$prefix-$1" -o pid,stat,args | tail -n +3 | wc -l; }
empty() { [[ $(processes "$1") -eq 0 ]]; }
full() { [[ $(processes "$1") -ge $2 ]]; }
runs() { docker top "$prefix-$1" -o pid,args | grep -q -- "$2"; }
gone() { ! runs "$@"; }

# Python that starts sleepers until there is no room for another, and says so.
fill_up='import os, time
try:
    while True:
        if os.fork() == 0: time.sleep(600)
except OSError: print("full", flush=True)
'

# ended PID…   waits for what this test put into the background, however it ends; bats has children of its own
ended() { for pid in "$@"; do wait "$pid" || true; done; }

now_ms() { echo $(($(date +%s%N) / 1000000)); }

@test "init: the program is static, stripped and under 100 KiB" {
  local program=$CLAWDSPACE_TEST_BUILD/init/clawdspace-init
  [[ $(stat -c %s "$program") -lt 102400 ]]
  [[ $(readelf --wide --program-headers "$program") != *INTERP* ]]
  [[ $(readelf --wide --sections "$program") != *.symtab* ]]
}

@test "init: it says what it is, and what is wrong with its arguments" {
  local program=$CLAWDSPACE_TEST_BUILD/init/clawdspace-init
  [[ $("$program" --version) =~ ^clawdspace-init\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
  [[ $("$program" --help) == *"exec ID"*"kill ID"* ]]
  run "$program"
  [[ $status -eq 2 && $output == *"for PID 1"* ]]
  run "$program" open
  [[ $status -eq 2 && $output == *'no such verb: `open`'* ]]
  run docker exec "$prefix-standard" /.clawdspace/init exec a --bogus -- true
  [[ $status -eq 2 && $output == *'no such option `--bogus`'* ]]
  run docker exec "$prefix-standard" /.clawdspace/init exec a -- true
  [[ $status -eq 2 && $output == *'no usable token in `CLAWDSPACE_TOKEN`'* ]]
  run docker exec "$prefix-standard" /.clawdspace/init kill 'a b'
  [[ $status -eq 2 ]]
  run docker exec --user 1001 "$prefix-standard" /.clawdspace/init kill a
  [[ $status -eq 2 && $output == *"for uid 0"* ]]
}

@test "init: a command runs as sandbox, at home, with a login's environment and the mark but not the token" {
  enter standard login --shell -- 'id; pwd; umask; echo "$USER $LOGNAME $HOME $SHELL $CLAWDSPACE_EXEC_ID"; env; echo also >&2'
  [[ $code -eq 0 ]]
  expect_reports 'started PID' 'ended exited 0 oom=0'
  grep -qx 'uid=1001(sandbox) gid=1001(sandbox) groups=1001(sandbox)' out
  grep -qx /home/sandbox out
  grep -qx 0022 out
  grep -qx 'sandbox sandbox /home/sandbox /bin/bash login' out
  run ! grep -q "$token" out
  [[ $(sed 's/\x00[^\x00]*\x00//g' err) == also ]]
}

@test "init: what the request set is kept, what only the Engine set is not" {
  docker exec --env CLAWDSPACE_TOKEN=$token --env HOME=/root --env USER=me --env PATH=/bin:/usr/bin "$prefix-standard" \
    /.clawdspace/init exec keep --keep=HOME --keep=USER --shell -- 'echo "$HOME $USER $LOGNAME $PATH"' >out 2>err
  grep -qx '/root me sandbox /bin:/usr/bin' out
  docker exec --env CLAWDSPACE_TOKEN=$token --env HOME=/srv "$prefix-standard" \
    /.clawdspace/init exec keep --shell -- 'echo "$HOME"' >out 2>err
  grep -qx /srv out
}

@test "init: --user is a name, a number, or either with a group" {
  enter standard user --user=games:users -- id
  grep -qx 'uid=5(games) gid=100(users) groups=100(users)' out
  enter standard user --user=4321 --shell -- 'id; echo "$HOME"'
  grep -qx 'uid=4321 gid=0(root) groups=0(root)' out
  grep -qx / out
  enter standard user --user=root --shell -- 'id -u; echo "$HOME"'
  [[ $(tr '\n' ' ' <out) == '0 /root ' ]]
  enter standard user --image-user=games -- id -un
  grep -qx games out
  enter standard user --image-user=0:0 -- id -un
  grep -qx sandbox out
  as_root standard groupadd --users sandbox testers
  enter standard user -- id -nG
  grep -qw testers out
}

@test "init: a command starts in the directory asked for, else the image's unless it is /, else at home" {
  enter standard cwd --image-cwd=/ -- pwd
  grep -qx /home/sandbox out
  enter standard cwd --image-cwd=/usr -- pwd
  grep -qx /usr out
  enter standard cwd --image-cwd=/usr --cwd=/var/tmp -- pwd
  grep -qx /var/tmp out
  enter standard cwd --image-cwd=/usr --cwd=lib -- pwd
  grep -qx /usr/lib out
  enter standard cwd --user=4321 -- pwd
  grep -qx / out
}

@test "init: a strict space's command has no capability, no new privileges and no way to them" {
  enter strict caps --strict -- grep -E '^(Cap|NoNew)' /proc/self/status
  [[ $(awk '{print $1 $2}' out | tr '\n' ' ') == "CapInh:0000000000000000 CapPrm:0000000000000000 \
CapEff:0000000000000000 CapBnd:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1 " ]]
  enter strict caps --strict -- sudo -n id -u
  [[ $code -ne 0 && ! -s out ]]
}

@test "init: a standard space's command has no capability either, but sudo works" {
  enter standard caps -- grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status
  [[ $(awk '{print $2}' out | sort -u) == 0000000000000000 ]]
  enter standard caps -- sudo -n id -u
  [[ $code -eq 0 && $(<out) == 0 ]]
}

@test "init: a strict space refuses uid 0 by any spelling" {
  local spelling
  as_root strict sh -c 'echo "toor:x:0:0::/root:/bin/sh" >>/etc/passwd'
  for spelling in 0 00 root 0:0 root:games 0:1001 toor; do
    enter strict root --strict "--user=$spelling" -- id
    expect_failure not_allowed 0 "\`$spelling\` is uid 0"
    [[ ! -s out ]]
  done
  for spelling in +0 -0 0x0 ' 0' 4294967296; do
    enter strict root --strict "--user=$spelling" -- id
    expect_failure no_such_user 0 "$spelling"
  done
  enter strict root --strict --image-user=toor -- id -un
  grep -qx sandbox out
}

@test "init: every reason for not starting is told apart, with the words of the system" {
  as_root standard sh -c 'cd /srv; printf "echo no line\n" >plain; printf "#!/no/such\n" >lost; chmod 755 plain lost
    echo data >data; mkdir -p closed folder; chmod 700 closed'
  enter standard why -- no-such-program
  expect_failure program_not_found 2 'no program `no-such-program` in PATH'
  enter standard why -- /no/such/program
  expect_failure program_not_found 2 '/no/such/program: No such file or directory'
  enter standard why -- /etc/passwd/program
  expect_failure program_not_found 20 'Not a directory'
  enter standard why -- ''
  expect_failure program_not_found 2 'empty'
  enter standard why -- /srv/lost
  expect_failure program_not_found 2 '/srv/lost needs an interpreter'
  enter standard why -- /srv/data
  expect_failure not_executable 13 '/srv/data: Permission denied'
  enter standard why -- /srv/folder
  expect_failure not_executable 13 '/srv/folder is a directory'
  enter standard why -- /srv/plain
  expect_failure not_executable 8 'neither a program for this machine nor a script with a #! line'
  enter standard why --cwd=/no/such -- pwd
  expect_failure no_such_directory 2 '/no/such: No such file or directory'
  enter standard why --cwd=/srv/closed -- pwd
  expect_failure no_such_directory 13 '/srv/closed: Permission denied'
  enter standard why --cwd=/etc/passwd -- pwd
  expect_failure no_such_directory 20 'Not a directory'
  enter standard why --user=nobody-here -- id
  expect_failure no_such_user 0 'no user `nobody-here`'
  enter standard why --user=games:no-such-group -- id
  expect_failure no_such_user 0 'games:no-such-group'
  enter standard why --image-user=gone -- id
  expect_failure no_such_user 0 'no user `gone`'
  enter scratch why --strict --shell -- 'echo hi'
  expect_failure no_shell 2 '/bin/sh'
}

@test "init: a user at the limit of processes is told so" {
  start_space nproc standard "$CLAWDSPACE_TEST_IMAGE" --ulimit nproc=1:1
  # Two of a uid that no other space has: the limit is looked at before the new one counts.
  enter nproc first --user=61234 -- sleep 319 &
  local first=$!
  eventually runs nproc 'sleep 319'
  docker exec --env CLAWDSPACE_TOKEN=$token "$prefix-nproc" /.clawdspace/init exec second --user=61234 -- sleep 320 2>err2 &
  local second=$!
  eventually runs nproc 'sleep 320'
  enter nproc third --user=61234 -- true
  expect_failure process_limit 11 'Resource temporarily unavailable'
  [[ $(end_command nproc first) == 'gone confirmed' ]]
  [[ $(end_command nproc second) == 'gone confirmed' ]]
  ended "$first" "$second"
}

@test "init: in a space without room for a process commands are told so, and can still be ended" {
  start_space room standard "$CLAWDSPACE_TEST_IMAGE" --pids-limit 64
  docker exec --env CLAWDSPACE_TOKEN=$token "$prefix-room" /.clawdspace/init exec fill -- \
    python3 -c "$fill_up"'time.sleep(600)' >filled 2>/dev/null &
  background+=($!)
  eventually grep -q full filled
  within 20 told_in_full room more -- true
  expect_failure process_limit 11 'no room for another process'
  within 20 ended_in_full room fill
  grep -qx 'gone confirmed' ended
  ended "${background[@]}"
  eventually empty room
  enter room more -- true
  expect_reports 'started PID' 'ended exited 0 oom=0'
}

@test "init: a name is looked for as execvp does" {
  as_root standard sh -c 'mkdir -p /srv/a/tool /srv/b /srv/c; echo x >/srv/b/tool
    printf "#!/bin/sh\necho found\n" >/srv/c/tool; chmod 755 /srv/c/tool; cp /srv/c/tool /srv/here'
  run_with_path() {
    docker exec --env CLAWDSPACE_TOKEN=$token --env "PATH=$1" "$prefix-standard" /.clawdspace/init exec path \
      --cwd=/srv -- "$2" >out 2>err || code=$?
  }
  run_with_path /nowhere:/srv/a:/srv/b:/srv/c tool
  grep -qx found out
  run_with_path :/bin here
  grep -qx found out
  run_with_path /bin: here
  grep -qx found out
  run_with_path /bin here
  expect_failure program_not_found 2 'no program `here`'
  run_with_path /srv/a tool
  expect_failure program_not_found 2 'no program `tool`'
  run_with_path /srv/a:/srv/b tool
  expect_failure not_executable 13 '/srv/b/tool: Permission denied'
}

@test "init: exit codes and signals are told apart" {
  enter standard end --shell -- 'exit 137'
  expect_reports 'started PID' 'ended exited 137 oom=0'
  [[ $code -eq 137 ]]
  enter standard end --shell -- 'kill -9 $$'
  expect_reports 'started PID' 'ended signaled 9 oom=0'
  [[ $code -eq 137 ]]
  enter standard end --shell -- 'kill -SEGV $$'
  expect_reports 'started PID' 'ended signaled 11 oom=0'
  enter standard end --shell -- 'exit 3'
  expect_reports 'started PID' 'ended exited 3 oom=0'
  [[ $code -eq 3 ]]
}

@test "init: bytes that look like a report are the command's own" {
  enter standard forge --shell -- 'printf "\0ended exited 0 oom=0\0\0deadbeef:ended exited 0 oom=0\0" >&2; exit 4'
  expect_reports 'started PID' 'ended exited 4 oom=0'
}

@test "init: out-of-memory kills are counted, of the main process and of its children" {
  start_space small standard "$CLAWDSPACE_TEST_IMAGE" --memory 32m --memory-swap 32m
  enter small oom -- python3 -c 'x = bytearray(256 << 20); x[:] = b"1" * len(x)'
  expect_reports 'started PID' 'ended signaled 9 oom=1'
  enter small oom --shell -- 'python3 -c "x = b\"1\" * (256 << 20)"; exit 7'
  expect_reports 'started PID' 'ended exited 7 oom=1'
  enter small oom -- true
  expect_reports 'started PID' 'ended exited 0 oom=0'
}

@test "init: SIGTERM to a subreaper ends its tree" {
  enter standard term --shell -- 'trap "" TERM; (setsid sh -c "sleep 300 & sleep 301" &); exec sleep 302' &
  background+=($!)
  eventually runs standard 'sleep 302'
  eventually runs standard 'sleep 300'
  as_root standard pkill -TERM -f 'init exec term'
  ended "${background[@]}"
  expect_reports 'started PID' 'ended signaled 9 oom=0 tree=gone'
  empty standard
}

@test "init: kill ends a whole tree, double forks and sessions of their own included" {
  local profile options
  for profile in standard strict; do
    options=()
    if [[ $profile == strict ]]; then options=(--strict); fi
    enter $profile tree "${options[@]}" --shell -- \
      '(setsid sh -c "(setsid env -i sleep 303 &); sleep 304" >/dev/null 2>&1 &); exec sleep 305' &
    background+=($!)
    eventually runs $profile 'sleep 303'
    eventually runs $profile 'sleep 305'
    [[ $(end_command $profile tree) == 'gone confirmed' ]]
    ended "${background[@]}"
    expect_reports 'started PID' 'ended signaled 9 oom=0 tree=gone'
    eventually empty $profile
  done
}

@test "init: kill ends only the tree that it was asked for" {
  enter standard one --shell -- 'sleep 306; true' &
  background+=($!)
  docker exec --env CLAWDSPACE_TOKEN=$token "$prefix-standard" /.clawdspace/init exec one1 --shell -- 'sleep 307; true' 2>err1 &
  background+=($!)
  eventually runs standard 'sleep 306'
  eventually runs standard 'sleep 307'
  [[ $(end_command standard one) == 'gone confirmed' ]]
  gone standard 'sleep 306'
  runs standard 'sleep 307'
  [[ $(end_command standard one1) == 'gone confirmed' ]]
  ended "${background[@]}"
}

@test "init: two kills of one command both hear the truth" {
  enter standard twice --shell -- 'sleep 308; true' &
  background+=($!)
  eventually runs standard 'sleep 308'
  end_command standard twice >first &
  background+=($!)
  end_command standard twice >second
  ended "${background[@]}"
  # The later one may find nothing left to ask.
  grep -qx 'gone confirmed' first second
  [[ $(cat first second | grep -vcE '^gone (un)?confirmed$') -eq 0 ]]
  empty standard
}

@test "init: nothing to kill is said as such" {
  [[ $(end_command standard never-was) == 'gone unconfirmed' ]]
  [[ $(end_command scratch never-was) == 'gone unconfirmed' ]]
}

@test "init: what a command that ended left in the background is left alone, and found by its mark" {
  enter standard left --shell -- 'sleep 309 >/dev/null 2>&1 & (setsid sleep 310 >/dev/null 2>&1 &); exit 0'
  expect_reports 'started PID' 'ended exited 0 oom=0'
  runs standard 'sleep 309'
  runs standard 'sleep 310'
  [[ $(end_command standard left) == 'gone unconfirmed' ]]
  eventually empty standard
}

@test "init: when root in the space kills a subreaper, the tree is ended but not called confirmed" {
  enter standard orphaned --shell -- 'sleep 311; true' &
  background+=($!)
  eventually runs standard 'sleep 311'
  as_root standard pkill -KILL -f 'init exec orphaned'
  ended "${background[@]}"
  expect_reports 'started PID'
  runs standard 'sleep 311'
  [[ $(end_command standard orphaned) == 'gone unconfirmed' ]]
  eventually empty standard
}

# end_bomb PROFILE OPTION…   half a processor and 128 processes are bomb enough
end_bomb() {
  local bomb='import os
told = False
while True:
    try: os.fork()
    except OSError:
        if not told: os.write(1, b"full\n")
        told = True'
  start_space bomb "$1" "$CLAWDSPACE_TEST_IMAGE" --pids-limit 128 --cpus 0.5
  enter bomb bomb "${@:2}" -- python3 -c "$bomb" &
  background+=($!)
  eventually grep -q full out
  # Nearly all of the time that this takes is the Engine's, which has to get in between 128 processes that run.
  within 25 ended_in_full bomb bomb
  grep -qx 'gone confirmed' ended
  ended "${background[@]}"
  expect_reports 'started PID' 'ended signaled 9 oom=0 tree=gone'
  eventually empty bomb
}

@test "init: a fork bomb is ended, and confirmed" { end_bomb standard; }

@test "init: a fork bomb in a strict space is ended, and confirmed" { end_bomb strict --strict; }

@test "init: a stream that nobody reads holds up neither the end of a tree nor its confirmation" {
  mkfifo unread
  docker exec --env CLAWDSPACE_TOKEN=$token "$prefix-standard" /.clawdspace/init exec stuck --shell -- 'yes >&2' 2>unread &
  background+=($!)
  exec 9<unread
  eventually runs standard 'yes'
  # Until the pipes between are full, and it spends no more time.
  spent() { as_root standard sh -c 'cut -d " " -f 14,15 "/proc/$(pgrep -x yes)/stat"'; }
  stalled() {
    local before
    before=$(spent)
    sleep 0.3
    [[ -n $before && $(spent) == "$before" ]]
  }
  eventually stalled
  [[ $(end_command standard stuck) == 'gone confirmed' ]]
  tr '\0' '\n' <&9 | grep -a "^$token:" >err.reports
  exec 9<&-
  ended "${background[@]}"
  grep -q 'tree=gone' err.reports
}

@test "init: a thousand orphans leave no zombie" {
  local orphans='import os, time
for i in range(1000):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(0.5 if i % 2 else 0)
        os._exit(0)
    os.wait()'
  start_space orphans standard "$CLAWDSPACE_TEST_IMAGE" --pids-limit 2000
  enter orphans many -- python3 -c "$orphans"
  expect_reports 'started PID' 'ended exited 0 oom=0'
  eventually empty orphans
}

@test "init: what a subreaper was started with cannot be seen in the space, only its id" {
  enter standard shown --user=sandbox --cwd=/srv --keep=HUSH --shell -- 'sleep 312; : top secret' &
  background+=($!)
  eventually runs standard 'sleep 312'
  as_root standard sh -c 'for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline; echo; done' >lines
  grep -q '^/.clawdspace/init exec shown *$' lines
  run ! grep -q -e HUSH -e "$token" lines
  end_command standard shown
  ended "${background[@]}"
}

@test "init: PID 1 and subreapers cannot be read, traced or signalled from inside" {
  enter standard guard --shell -- 'sleep 313; true' &
  background+=($!)
  eventually runs standard 'sleep 313'
  local guard who pid
  guard=$(as_root standard pgrep -f '^/.clawdspace/init exec guard')
  # Opening mem passes the same gate in the kernel as tracing does.
  for who in '' 'sudo -n'; do
    for pid in 1 "$guard"; do
      docker exec --user 1001 "$prefix-standard" sh -c "
        for file in environ mem maps auxv; do
          if $who head -c 1 /proc/$pid/\$file >/dev/null 2>seen; then echo read $pid/\$file; exit 1; fi
          grep -q 'Permission denied' seen || { cat seen; exit 1; }
        done"
    done
  done
  run docker exec --user 1001 "$prefix-standard" sh -c "kill -KILL 1 || kill -TERM 1 || kill -KILL $guard || kill -TERM $guard"
  [[ $status -ne 0 && $output == *"not permitted"* ]]
  # Root can end a subreaper, but PID 1 takes no signal from inside that it does not ask for.
  as_root standard sh -c 'for s in HUP QUIT KILL STOP USR1 SEGV ABRT; do kill -$s 1; done'
  [[ $(end_command standard guard) == 'gone confirmed' ]]
  ended "${background[@]}"
}

@test "init: an idle space ends at once on SIGTERM, with 0" {
  start_space idle standard "$CLAWDSPACE_TEST_IMAGE"
  local before
  before=$(now_ms)
  docker stop --time 10 "$prefix-idle"
  [[ $(($(now_ms) - before)) -lt 3000 ]]
  [[ $(docker inspect --format '{{.State.ExitCode}}' "$prefix-idle") == 0 ]]
}

@test "init: commands get a SIGTERM of their own when their space stops, and the time to heed it" {
  start_space stop strict "$CLAWDSPACE_TEST_IMAGE"
  enter stop polite --strict --shell -- 'trap "sleep 1; echo saved >saved; echo bye; exit 0" TERM
    (trap "" TERM; until [ -e saved ]; do sleep 0.1; done) & echo ready; while :; do wait; done' &
  background+=($!)
  eventually grep -q ready out
  docker stop --time 5 "$prefix-stop"
  ended "${background[@]}"
  grep -qx bye out
  expect_reports 'started PID' 'ended exited 0 oom=0'
  [[ $(docker cp "$prefix-stop:/home/sandbox/saved" - | tar --extract --to-stdout) == saved ]]
  [[ $(docker inspect --format '{{.State.ExitCode}}' "$prefix-stop") == 0 ]]
}

@test "init: who ignores SIGTERM is the Engine's to kill" {
  start_space stubborn standard "$CLAWDSPACE_TEST_IMAGE"
  enter stubborn ignore --shell -- 'trap "" TERM; echo ready; while :; do sleep 0.1; done' &
  background+=($!)
  eventually grep -q ready out
  docker stop --time 1 "$prefix-stubborn"
  ended "${background[@]}"
  expect_reports 'started PID'
  [[ $(docker inspect --format '{{.State.ExitCode}}' "$prefix-stubborn") == 137 ]]
}

# The Engine itself looks a user up in the space's passwd, and a fifo there stops it; so this goes through a folder of its
# own in the space.
@test "init: a fifo, a folder, a ring of links or a huge file planted as passwd stops nothing" {
  start_space planted standard "$CLAWDSPACE_TEST_IMAGE" --cap-add SYS_CHROOT
  as_root planted sh -c 'mkdir -p /srv/jail/etc && cp /.clawdspace/init /srv/jail/'
  docker cp "$prefix-scratch:/busybox" - | docker cp - "$prefix-planted:/srv/jail"
  enter_jail() {
    code=0
    docker exec --env CLAWDSPACE_TOKEN=$token "$prefix-planted" chroot /srv/jail /init exec plant "$@" >out 2>err || code=$?
  }
  local plant
  for plant in 'mkfifo passwd group' 'mkdir passwd group' 'truncate -s 1G passwd group' 'ln -s passwd passwd; mkfifo group' \
    'true'; do
    as_root planted sh -c "cd /srv/jail/etc && rm -rf passwd group && $plant"
    # Programs that look a user up would wait at the fifo themselves.
    enter_jail -- /busybox touch mine
    expect_reports 'started PID' 'ended exited 0 oom=?' # a count that cannot be read is said as such
    [[ $(as_root planted stat -c '%u %g' /srv/jail/home/sandbox/mine) == '1001 1001' ]]
    as_root planted rm -r /srv/jail/home
    enter_jail --user=root -- /busybox id
    expect_failure no_such_user 0 root
  done
  as_root planted sh -c 'cd /srv/jail/etc; exec >passwd; head -c 900000 /dev/zero | tr "\0" "#"; echo
    echo "late:x:70:71::/:/bin/sh"; head -c 900000 /dev/zero | tr "\0" "\n"; echo "too-late:x:72:73::/:/bin/sh"'
  enter_jail --user=late -- /busybox id -u
  [[ $(<out) == 70 ]]
  enter_jail --user=too-late -- /busybox id -u
  expect_failure no_such_user 0 too-late
}

@test "init: a scratch image is a whole space" {
  enter scratch bare --strict -- /busybox sh -c 'id -u; id -g; pwd; echo $HOME $USER $PATH; /busybox stat -c "%u %g %a" .; echo x >f'
  [[ $code -eq 0 ]]
  [[ $(head -n 3 out | tr '\n' ' ') == '1001 1001 /home/sandbox ' ]]
  grep -qx '/home/sandbox sandbox /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' out
  grep -qx '1001 1001 700' out
  enter scratch bare --strict -- /busybox sh -c '(/busybox setsid /busybox sleep 314 &); exec /busybox sleep 315' &
  background+=($!)
  eventually runs scratch 'sleep 314'
  eventually runs scratch 'sleep 315'
  [[ $(end_command scratch bare) == 'gone confirmed' ]]
  ended "${background[@]}"
  expect_reports 'started PID' 'ended signaled 9 oom=0 tree=gone'
  eventually empty scratch
}

@test "init: a link planted in the place of the home is not followed" {
  start_space linked standard "$CLAWDSPACE_TEST_IMAGE"
  as_root linked sh -c 'rm -rf /home/sandbox /etc/passwd; mkdir /srv/victim; ln -s /srv/victim /home/sandbox'
  enter linked home --shell -- 'pwd; echo $HOME'
  [[ $(tr '\n' ' ' <out) == '/ / ' ]]
  [[ $(as_root linked stat -c %u /srv/victim) == 0 ]]
}

@test "init: a terminal's command has job control, and Ctrl-C and Ctrl-Z reach it alone" {
  mkfifo keys
  script --quiet --return --command "docker exec --interactive --tty --env CLAWDSPACE_TOKEN=$token $prefix-standard \
    /.clawdspace/init exec tty --tty -- bash --norc --noediting -i" /dev/null <keys >err 2>&1 &
  background+=($!)
  exec 9>keys
  typed() { tr -d '\r' <err | grep -qa -- "$1"; }
  eventually started
  echo 'echo "$((1000 + 1)) $TERM $(tty)"' >&9
  eventually typed '1001 xterm-256color /dev/pts/0'
  echo 'sleep 316' >&9
  eventually runs standard 'sleep 316'
  printf '\003' >&9
  eventually gone standard 'sleep 316'
  echo 'echo "$? after"' >&9
  eventually typed '130 after'
  echo 'sleep 317' >&9
  eventually runs standard 'sleep 317'
  printf '\032' >&9
  eventually grep -qa Stopped err
  echo 'fg' >&9
  eventually typed '^sleep 317$'
  printf '\003' >&9
  eventually gone standard 'sleep 317'
  echo 'exit 6' >&9
  ended "${background[@]}"
  exec 9>&-
  run ! grep -qa -e 'no job control' -e 'cannot set terminal' err
  reports | tail -n 1 | grep -qx 'ended exited 6 oom=0'
}

@test "init: Ctrl-Z does not strand a terminal's command that is no shell" {
  mkfifo keys
  script --quiet --return --command "docker exec --interactive --tty --env CLAWDSPACE_TOKEN=$token $prefix-standard \
    /.clawdspace/init exec tty --tty -- sleep 318" /dev/null <keys >err 2>&1 &
  background+=($!)
  exec 9>keys
  eventually started
  eventually runs standard 'sleep 318'
  printf '\032' >&9
  eventually grep -qa '\^Z' err
  printf '\003' >&9
  ended "${background[@]}"
  exec 9>&-
  reports | tail -n 1 | grep -qx 'ended signaled 2 oom=0'
}
