# Spaces through the command line: what is shown, what is asked, and what is said when something is wrong.
# shellcheck disable=SC2016,SC2154,SC2030,SC2031 # texts for another shell; set by the support files; each test is one

setup_file() {
  load support/daemon
  make_daemon
  create "$p-dev"
}
teardown_file() {
  load support/daemon
  remove_daemon
}
setup() {
  load support/daemon
  load support/cli
  use_cli
  s=$p-dev
  fake=
}
teardown() {
  if [[ -n $fake ]]; then kill "$fake"; fi
}

# fake_server STATUS TYPE BODY [CERTIFICATE]   what answers next is not the daemon
fake_server() {
  python3 "$root/tests/system/support/fake_server.py" "$BATS_TEST_TMPDIR/port" "$@" >/dev/null 2>&1 3>&- &
  fake=$!
  eventually 10 test -s "$BATS_TEST_TMPDIR/port"
  CLAWDSPACE_URL=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")
}

@test "config checks what it is given, says what it found, and keeps it for its owner alone" {
  local url=$CLAWDSPACE_URL
  unset CLAWDSPACE_URL CLAWDSPACE_KEY
  complains 3 'no server is set: run clawdspace config <url>' list
  printf '# mine\nCLAWDSPACE_URL=http://old\n' >"$HOME/.clawdspace"
  printf '%s\n' "$key" >"$BATS_TEST_TMPDIR/key"
  umask 000
  claw_with "$BATS_TEST_TMPDIR/key" config "$url/api/"
  [[ $code == 0 && $out == "$url is a Clawdspace server, version "*', and takes the key: 1 space'* ]]
  [[ $(stat -c %a "$HOME/.clawdspace") == 600 ]]
  [[ $(cat "$HOME/.clawdspace") == "# mine
CLAWDSPACE_URL=$url
CLAWDSPACE_KEY=$key" ]]
  claws 0 list --quiet
  [[ $out == "$s" ]]
  claws 0 config "$url" "$key"
  complains 4 'does not take this key' config "$url" wrong-key
  claws 0 config
  [[ $out == *"$url"* && $out != *"$key"* ]]
  chmod 644 "$HOME/.clawdspace"
  claws 0 list -q
  [[ $err == *'others can read the key'*chmod\ 600* ]]
}

@test "the file is data: nothing in it is run" {
  printf 'CLAWDSPACE_URL="%s"\nexport CLAWDSPACE_KEY='"'%s'"'\nX=$(touch %s/ran)\ntouch %s/ran\n' "$CLAWDSPACE_URL" "$key" "$HOME" "$HOME" >"$HOME/.clawdspace"
  chmod 600 "$HOME/.clawdspace"
  unset CLAWDSPACE_URL CLAWDSPACE_KEY
  claws 0 list -q
  [[ $out == "$s" && ! -e $HOME/ran ]]
}

@test "the key is in no process's arguments" {
  mkdir "$HOME/bin"
  printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>"%s"\nexec %s "$@"\n' "$HOME/arguments" "$(command -v curl)" >"$HOME/bin/curl"
  chmod 755 "$HOME/bin/curl"
  PATH=$HOME/bin:$PATH claws 0 exec -e SECRET=hidden "$s" 'echo $SECRET'
  PATH=$HOME/bin:$PATH claws 0 status "$s"
  [[ $(wc -l <"$HOME/arguments") -ge 3 ]]
  refute grep -qE "$key|hidden" "$HOME/arguments"
}

@test "a space is made, shown, put to sleep, woken and destroyed" {
  claws 0 create "$p-new" --memory 128m --cpus 0.5 -l team=blue --label 'note=two words' --idle 10m
  [[ $out == "$p-new is running, made of "*' with 128 MiB and 0.5 cores: clawdspace shell '* ]]
  claws 0 list --label team=blue
  [[ $out == 'NAME '*$'\n'"$p-new  running "*'128 MiB  0.5'* && $out != *"$s "* ]]
  claws 0 status "$p-new"
  [[ $out == *$'\nlabel note '*'two words'* && $out == *'after 10 min of no use'* ]]
  claws 0 stop "$p-new"
  [[ $out == "$p-new sleeps: any use wakes it" ]]
  claws 0 status -q "$p-new"
  [[ $out == paused ]]
  claws 0 stop --deep "$p-new"
  claws 0 start --json "$p-new"
  [[ $(jq -r .state "$work/out") == running ]]
  claws 0 destroy "$p-new"
  [[ $out == "$p-new is destroyed" ]]
  complains 9 "there is no space \"$p-new\": did you mean" status "$p-new"
}

@test "several are done one by one, and what fails is told" {
  create "$p-a"
  claws 9 destroy "$p-a" nosuchspace
  [[ $out == "$p-a is destroyed" && $err == *'no space "nosuchspace"'* ]]
}

@test "--json is the server's, everywhere" {
  for line in list "status $s" "ps $s" system "stop $s" "start $s" dashboard; do
    # shellcheck disable=SC2086 # parted
    claws 0 $line --json
    jq -e 'type == "object"' "$work/out" >"$work/kind"
  done
}

@test "system shows the server and its host" {
  claws 0 system
  [[ $out == "server  $CLAWDSPACE_URL, version "*$'\nengine '*$'\nspaces '* ]]
}

@test "watch tells what happens, as it happens" {
  timeout 30 "$cli" watch "$s" </dev/null >"$work/live" 2>&1 3>&- &
  local pid=$!
  woken() { claw exec "$s" true && grep -q 'ended\|exited' "$work/live"; }
  eventually 10 woken
  kill "$pid"
  grep -qE "^..:..:..  $s  command [0-9a-f]+ exited 0" "$work/live"
}

@test "each way in which there is no server has its own sentence and code" {
  CLAWDSPACE_KEY=wrong complains 4 'does not take this key' list
  CLAWDSPACE_URL=http://127.0.0.1:1 complains 5 'nothing answers at http://127.0.0.1:1' list
  CLAWDSPACE_URL=http://no-such-host.invalid complains 5 'no host called no-such-host.invalid' list
  CLAWDSPACE_URL=${CLAWDSPACE_URL/http/https} complains 6 'no TLS connection' list
  CLAWDSPACE_URL=ftp://x complains 3 'not an address' list
  CLAWDSPACE_URL=spaces.example.org complains 3 'try https://spaces.example.org' list
}

@test "a certificate that is not trusted is told as that" {
  openssl req -x509 -newkey rsa:2048 -nodes -keyout "$HOME/both" -out "$HOME/crt" -subj /CN=localhost -days 1 2>"$work/words"
  cat "$HOME/crt" >>"$HOME/both"
  fake_server 200 application/json '{}' "$HOME/both"
  CLAWDSPACE_URL=${CLAWDSPACE_URL/http/https} complains 6 'not one that this machine trusts' list
}

@test "a server that is not ours is told as that" {
  fake_server 200 text/html '<html><body>hello</body></html>'
  complains 7 'not a Clawdspace server' list
  complains 7 'not a Clawdspace server' config "$CLAWDSPACE_URL" k
  complains 7 'not a Clawdspace server' status x
  complains 125 'not a Clawdspace server' exec x true
}
@test "a page not found of another server, and one that sends elsewhere" {
  fake_server 404 text/html '<html>404</html>'
  complains 7 'not a Clawdspace server' list
  kill "$fake"
  rm "$BATS_TEST_TMPDIR/port"
  fake_server 301 text/html ''
  complains 7 'sends elsewhere' list
}
@test "a proxy whose server is away, and a connection that is cut" {
  fake_server 502 text/html '<html>Bad gateway</html>'
  complains 5 'is clawdspaced running behind it' list
  complains 125 'is clawdspaced running behind it' exec x true
  kill "$fake"
  rm "$BATS_TEST_TMPDIR/port"
  fake_server 200 x -
  complains 5 'was lost' list
}
@test "a server too old is told as that" {
  export HEALTH='{"status":"ok","version":"0.0.9","engine":{"reachable":true}}'
  fake_server 404 application/json '{"error":"no such path","code":"not_found"}'
  complains 8 'is version 0.0.9' ps x
  complains 8 'is version 0.0.9' config "$CLAWDSPACE_URL" k
}
@test "escape sequences in a server's answer never reach the terminal" {
  fake_server 200 application/json '{"spaces":[{"name":"a\u001b[31m","state":"run\u009bning\u202e","image":"\u0007\n"}]}'
  claws 0 list
  [[ $out == *'a^[[31m'*'run<U+009B>ning<bidi>'*'^G^J'* ]]
  refute grep -q $'[\e\a]' "$work/out"
  kill "$fake"
  rm "$BATS_TEST_TMPDIR/port"
  fake_server 400 application/json '{"error":"bad \u001b]0;title\u0007 thing","code":"invalid_field"}'
  complains 1 'bad ^[]0;title^G thing' list
}

@test "what is mistyped is met with what was meant" {
  complains 2 'did you mean status?' staus
  complains 2 'did you mean --json?' list --jsno
  complains 9 "did you mean $s?" status "${s%ev}ve"
  complains 2 'too few words' status
  complains 2 'one word too many' status a b
  complains 2 '--memory wants SIZE' create x --memory
  complains 2 'wants NAME=VALUE' create x --label y
  complains 2 'wants a time' create x --idle soon
  complains 1 'such as 512m or 2g' create x --memory abc
  complains 2 'cannot be the name' status 'a/b'
  complains 2 'not a port' forward "$s" http
  complains 1 'cannot listen on a port' forward "$s" 5432
}

@test "a broken pipe is silent, also where it is no signal" {
  "$cli" list 2>"$work/err" | head -n 0
  [[ ! -s $work/err ]]
  python3 -c '
import signal, subprocess, sys
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
ours = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, stderr=open(sys.argv[1], "w"), restore_signals=False)
ours.stdout.close()
sys.exit(ours.wait() != 141)' "$work/err" "$cli" help exec
  [[ ! -s $work/err ]]
}

@test "completion offers what fits: commands, options, names, ids" {
  claws 0 __complete sta
  [[ $out == *$'start\tWake spaces'* && $out == *$'status\t'* ]]
  claws 0 __complete status ''
  [[ $out == "$s"$'\t'* ]]
  claws 0 __complete create --m
  [[ $out == *$'--memory\tAt most'* ]]
  claws 0 exec -d "$s" sleep 501
  local id=$out
  claws 0 __complete kill "$s" ''
  [[ $out == *"${id:0:12}"* ]]
  claws 0 kill "$s" "$id"
  claws 0 __complete cp ''
  [[ $out == ':files'*"$s:"* ]]
  CLAWDSPACE_URL=http://127.0.0.1:1 claws 0 __complete status ''
  [[ -z $out$err ]]
}

@test "completion works in bash, zsh and fish" {
  mkdir "$HOME/bin"
  ln -s "$cli" "$HOME/bin/clawdspace"
  export PATH=$HOME/bin:$PATH
  [[ $(bash --norc -c 'eval "$(clawdspace completion bash)"
    COMP_WORDS=(clawdspace status "") COMP_CWORD=2; _clawdspace; echo "${COMPREPLY[@]}"') == *"$s"* ]]
  clawdspace completion fish >"$HOME/c.fish"
  [[ $(fish -c 'source $HOME/c.fish; complete -C "clawdspace status "') == *"$s"* ]]
  [[ $(fish -c 'source $HOME/c.fish; complete -C "clawdspace cre"') == create* ]]
  { echo 'autoload -U compinit; compinit -D -u'; clawdspace completion zsh; echo 'PS1="ready> "'; } >"$HOME/.zshrc"
  ZDOTDIR=$HOME in_terminal "[('expect', 'ready> '), ('type', 'clawdspace status \t'), ('expect', '$s'), ('type', '\x15exit\r'), ('end', 0)]" \
    zsh -d -i
}
