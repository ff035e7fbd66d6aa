# The command line in a terminal, as a person has it: shell, exec --tty, attach, and what is left behind.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by the support files

setup_file() {
  load support/daemon
  make_daemon
  create "$p-x"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() {
  load support/daemon
  load support/cli
  use_cli
  s=$p-x
  export TMPDIR=$BATS_TEST_TMPDIR
}
teardown() { eventually 10 nothing_left; }

# For a step of in_terminal: whether a program runs in the space, as the host sees it.
runs() { printf 'docker top clawdspace-%s -eo pid,args | grep -q "%s"' "$s" "$1"; }

@test "a shell has our kind and size of terminal, follows the window, and its code is ours" {
  in_terminal "[('expect', '$ '), ('type', 'echo a\$((1+1))b \$TERM; stty size\r'), ('expect', 'a2b xterm'), ('expect', '24 80'),
    ('size', 40, 132), ('run', '$cli ps $s --json | jq -e \".execs[0].rows == 40\" >$work/resized'),
    ('type', 'stty size\r'), ('expect', '40 132'), ('type', 'exit 5\r'), ('end', 5)]" "$cli" shell "$s"
}

@test "Ctrl-C reaches the program, and the shell goes on" {
  in_terminal "[('expect', '$ '), ('type', 'sleep 401\r'), ('run', '''$(runs 'sleep 401')'''), ('type', '\x03'),
    ('expect', '$ '), ('type', 'echo c\$?d\r'), ('expect', 'c130d'), ('type', '\x04'), ('end', 0)]" "$cli" shell "$s"
}

@test "vi edits a file, and leaves the screen as it was" {
  in_terminal "[('expect', '$ '), ('type', 'vi /tmp/edited\r'), ('expect', '/tmp/edited'), ('type', 'ihello from vi\x1b:wq\r'),
    ('expect', '$ '), ('type', 'cat /tmp/edited; exit\r'), ('expect', 'hello from vi'), ('end', 0)]" "$cli" shell "$s"
  claws 0 exec "$s" cat /tmp/edited
  [[ $out == 'hello from vi' ]]
}

@test "tmux works, and draws itself anew when the window changes" {
  in_terminal "[('expect', '$ '), ('type', 'tmux -L cli new -s work\r'), ('expect', '[work]'), ('size', 30, 100), ('expect', '[work]'),
    ('type', 'echo in\$((40+2))tmux; tput cols\r'), ('expect', 'in42tmux'), ('expect', '100'), ('type', '\x02d'), ('expect', '[detached'),
    ('type', 'tmux -L cli kill-server; exit\r'), ('end', 0)]" "$cli" shell "$s"
}

@test "ended from outside, by whatever means, the terminal is as it was and nothing runs on" {
  local one
  for one in 'SIGTERM 143' 'SIGHUP 129' 'SIGKILL -9'; do
    in_terminal "[('expect', '$ '), ('type', 'sleep 402\r'), ('run', '''$(runs 'sleep 402')'''), ('signal', '${one% *}'), ('end', ${one#* })]" \
      "$cli" shell "$s"
    eventually 20 none_runs_in "$s" 'sleep 402'
  done
}

@test "a terminal that is closed leaves nothing running" {
  in_terminal "[('expect', '$ '), ('type', 'sleep 403\r'), ('run', '''$(runs 'sleep 403')'''), ('close',), ('end', 129)]" "$cli" shell "$s"
  in_terminal "[('expect', 'begun'), ('close',), ('end', 129)]" "$cli" exec "$s" 'echo begun; sleep 404'
  eventually 20 none_runs_in "$s" 'sleep 40[34]'
}

@test "Ctrl-C interrupts a command in the space; a second one ends it whatever it does" {
  in_terminal "[('expect', 'begun'), ('type', '\x03'), ('end', 130)]" "$cli" exec "$s" 'echo begun; sleep 405'
  none_runs_in "$s" 'sleep 405'
  in_terminal "[('expect', 'begun'), ('type', '\x03'), ('expect', 'caught'), ('type', '\x03'), ('end', 130)]" \
    "$cli" exec "$s" 'trap "echo caught" INT; echo begun; while :; do sleep 0.1; done'
}

@test "exec --tty is a terminal for one command" {
  in_terminal "[('expect', '24 80'), ('type', 'yes\r'), ('expect', 'got yes'), ('end', 4)]" \
    "$cli" exec --tty "$s" 'stty size; read -r x; echo "got $x"; exit 4'
  printf 'typed\n' >"$BATS_TEST_TMPDIR/in"
  claw_with "$BATS_TEST_TMPDIR/in" exec --tty "$s" 'read -r x; echo "got $x"'
  [[ $out == *'got typed'* ]]
}

@test "Ctrl-] leaves a detached terminal running, and attach takes it up with what was on it" {
  claws 0 exec --detach --tty "$s" -- bash
  in_terminal "[('expect', '$ '), ('type', 'echo b\$((2+3))c\r'), ('expect', 'b5c'), ('type', '\x1d'), ('expect', 'left running'), ('end', 0)]" \
    "$cli" attach "$s"
  in_terminal "[('expect', 'b5c'), ('type', 'exit 6\r'), ('end', 6)]" "$cli" attach "$s"
}

@test "destroy asks where there is somebody to answer" {
  create "$p-asked"
  in_terminal "[('expect', 'Destroy $p-asked (running, 0 commands running) and everything in it? [y/N] '), ('type', '\r'), ('end', 1)]" \
    "$cli" destroy "$p-asked"
  state_of "$p-asked"
  in_terminal "[('expect', '[y/N] '), ('type', 'y\r'), ('end', 0)]" "$cli" destroy "$p-asked"
  is_gone "$p-asked"
}

@test "a list is coloured on a terminal, and not with NO_COLOR" {
  in_terminal "[('end', 0)]" "$cli" list
  grep -q $'\e\[32mrunning\e\[0m' "$BATS_TEST_TMPDIR/shown"
  NO_COLOR=1 in_terminal "[('end', 0)]" "$cli" list
  refute grep -q $'\e' "$BATS_TEST_TMPDIR/shown"
}

@test "a shell without a terminal says what does without" {
  complains 125 'needs a terminal' shell "$s"
}

# Last: the server goes, and with it everything.
@test "a server that goes is told, and the terminal is as it was" {
  in_terminal "[('expect', '$ '), ('type', 'vi\r'), ('expect', '~'), ('run', 'kill -KILL \$(cat $work/pid)'), ('expect', 'connection to the server was lost'), ('end', 125)]" \
    "$cli" shell "$s"
  start_daemon
}
