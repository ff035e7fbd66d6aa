# cp, over a server that does with files what ours is to do: which requests a copy is made of, and what becomes of names.
# shellcheck disable=SC2154 # set by the support files

setup() {
  load support/daemon
  load support/cli
  work=$BATS_TEST_TMPDIR
  mkdir -p "$work/space/home" "$work/space/work" "$work/here" "$work/tmp"
  python3 "$root/tests/system/support/fake_files.py" "$work/port" "$work/space" >"$work/fake.log" 2>&1 3>&- &
  fake=$!
  eventually 10 test -s "$work/port"
  export HOME=$work CLAWDSPACE_KEY=$key TMPDIR=$work/tmp CLAWDSPACE_URL
  CLAWDSPACE_URL=http://127.0.0.1:$(cat "$work/port")
  cd "$work/here" || return 1
}
teardown() {
  kill "$fake"
  nothing_left
}

@test "a file goes in and out with its bytes and its mode, whatever it is called" {
  local name
  head -c 300000 /dev/urandom >noise
  for name in plain 'with space' 'q"uo'"'"'te' 'per%2Fcent' 'ünïcode' '#hash?' 'a:b'; do
    cp noise "./$name"
    chmod 750 "./$name"
    claws 0 cp "./$name" "dev:/work/$name"
    cmp noise "$work/space/work/$name"
    [[ $(stat -c %a "$work/space/work/$name") == 750 ]]
    claws 0 cp "dev:/work/$name" "./back"
    cmp noise back
    [[ -z $out$err ]]
  done
}

@test "into a folder it keeps its name, and a relative path begins at the home" {
  echo text >file
  claws 0 cp file dev:/work
  claws 0 cp file dev:/work/
  claws 0 cp file dev:
  claws 0 cp file dev:renamed
  [[ $(cat "$work/space/work/file" "$work/space/home/file" "$work/space/home/renamed") == $'text\ntext\ntext' ]]
  mkdir into
  claws 0 cp dev:renamed into
  [[ $(cat into/renamed) == text ]]
}

@test "a folder becomes the other, or goes into one that is there" {
  mkdir -p src/deep
  echo a >src/deep/a
  ln -s deep/a src/link
  claws 0 cp src dev:/new
  claws 0 cp ./src/ dev:/work
  [[ $(cat "$work/space/new/deep/a" "$work/space/work/src/deep/a") == $'a\na' ]]
  [[ $(readlink "$work/space/new/link") == deep/a ]]
  claws 0 cp dev:/new out
  claws 0 cp dev:/new out
  [[ $(cat out/deep/a out/new/deep/a) == $'a\na' && $(readlink out/link) == deep/a ]]
}

@test "what comes out of a space is neither setuid nor anybody else's" {
  mkdir "$work/space/bad"
  echo x >"$work/space/bad/root"
  chmod 4755 "$work/space/bad/root"
  if [[ $EUID -eq 0 ]]; then chown 1234 "$work/space/bad/root"; fi
  chmod 4755 "$work/space/bad/root"
  claws 0 cp dev:/bad out
  [[ $(stat -c '%a %u' out/root) == "755 $EUID" ]]
}

@test "- is a stream: of a file its bytes, of a folder a tar" {
  printf 'a\0b' >file
  claw_with file cp - dev:/work/streamed
  [[ $code == 0 ]]
  cmp file "$work/space/work/streamed"
  claws 0 cp dev:/work/streamed -
  cmp file "$work/out"
  claws 0 cp dev:/work -
  [[ $(tar tf "$work/out") == *./streamed* ]]
  claw_with <(tar cf - file) cp - dev:/work
  [[ $code == 0 ]]
  cmp file "$work/space/work/file"
}

@test "what cannot be copied is told in one line, and nothing half-written is left" {
  mkdir folder
  echo x >file
  complains 9 'there is no /nothing in dev' cp dev:/nothing .
  complains 9 'there is no missing here' cp missing dev:/work
  complains 9 'there is no folder /none/ in dev' cp file dev:/none/
  complains 9 'there is no space "nosuch"' cp file nosuch:/work
  complains 2 'neither "a" nor "b" is in a space' cp a b
  complains 2 'goes from one to another' cp dev:/a dev:/b
  echo y >"$work/space/work/plain"
  complains 1 'is a file, and folder a folder' cp folder dev:/work/plain
  claws 0 cp dev:/work/plain .
  complains 1 'cannot be written here' cp dev:/work/plain /proc/none
  [[ $(find . -name '*.clawdspace-*') == '' ]]
}

@test "a terminal sees how far it is" {
  head -c 300000 /dev/zero >big
  in_terminal "[('end', 0)]" "$cli" cp big dev:/work/big
  grep -q '100' "$BATS_TEST_TMPDIR/shown"
  in_terminal "[('end', 0)]" "$cli" cp --quiet big dev:/work/big
  [[ ! -s $BATS_TEST_TMPDIR/shown ]]
}
