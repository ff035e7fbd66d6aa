# The command line as a text: it keeps to what bash 3.2 can, reads JSON rightly with every awk, and its help is its documentation.
# shellcheck disable=SC2016,SC2154 # texts for another shell; set by bats

setup() {
  root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  cli=$root/cli/clawdspace
  export NO_COLOR=1
  # All of it but its last line, which runs it.
  sed '/^main "\$@"$/d' "$cli" >"$BATS_TEST_TMPDIR/parts"
}

# Not of bash 3.2, by the versions that brought them (bash's own CHANGES and NEWS). Heredocs with other shells' code and awk's
# programs are left out by the caller.
newer_than_32='declare -[A-Zgn]|local -[An]|typeset -[A-Z]|readonly -A|mapfile|readarray|coproc|wait -[nfp]|\|&|&>>|;&|;;&'
newer_than_32+='|\$\{[A-Za-z_0-9@*]+(\[[^]]*\])?(,|\^|@[A-Za-z]\})|BASHPID|EPOCHSECONDS|EPOCHREALTIME|SRANDOM|globstar|lastpipe'
newer_than_32+='|\[\[ -[vR] |read [^|;]*-[Nia] |read [^|;]*-t *[0-9]*\.|printf [^|;]*%\(|\$'"'"'[^'"'"']*\\[uU]|\{[a-z_]+\}[<>]|compopt|\$\{[a-z_]+: *[0-9$a-z]+: *-|exec \{|printf -v [^ ]+ (%s|1)'

shell_code() { # without heredocs, and without the awk that stands in quotes over several lines
  awk '
    /<<.?END/ {print; skip = 1; next}
    skip {if ($0 == "END") skip = 0; next}
    {
      line = $0
      if (!awk && line ~ /(awk .*|_program|_reader=|text_program=).*\047[^\047]*$/) {awk = 1; print FNR ": " line; next}
      if (awk) {if (line ~ /\047/) awk = 0; next}
      print FNR ": " line
    }' "$cli"
}

@test "it has nothing in it that bash 3.2 does not know" {
  shell_code | grep -vE '^[0-9]+: *#' >"$BATS_TEST_TMPDIR/code"
  [[ $(wc -l <"$BATS_TEST_TMPDIR/code") -gt 800 ]]
  run grep -nE "$newer_than_32" "$BATS_TEST_TMPDIR/code"
  echo "$output"
  [[ $status -eq 1 ]]
}

@test "the search finds what bash 3.2 does not know" {
  local line missed=
  while IFS= read -r line; do
    grep -qE "$newer_than_32" <<<"$line" || missed+="$line "
  done <<'END'
declare -A map
local -n name=$1
mapfile -t lines
wait -n
echo ${x,,} done
echo ${x^^} done
cmd |& cat
cmd &>> file
read -r -t 0.1 x
printf '%(%F)T' -1
printf -v name %s "$empty"
exec {fd}<file
[[ -v x ]]
echo ${x@Q}
coproc cat
echo "$BASHPID"
echo ${x: 1: -1}
echo $'\u00fc'
END
  echo "missed: $missed"
  [[ -z $missed ]]
}

@test "an array that may be empty is expanded so that bash 3.2 takes it under set -u" {
  # Those that are never empty.
  run grep -nE '"\$\{(words|rest|opt_env|opt_label|session_env|transfer_options)\[[@*]\]\}"' <(shell_code | grep -vE '\[@\]\+"')
  echo "$output"
  # add_command and exec_query have words for certain: exec without any is refused before.
  [[ $(grep -cvE 'rest\[[@*]\]' <<<"$output" || [[ $? -eq 1 ]]) == 0 ]]
}

@test "no pattern of a case within \$(…) lacks its opening parenthesis, which bash 3.2 takes for the end" {
  run awk '/\$\($/ {inside = 1} inside && /^ *[^ (]+\) / && !/^ *(\(|[a-z_]+=\$\()/ {print FNR ": " $0; bad = 1} /^ *\)/ {inside = 0} END {exit bad}' "$cli"
  echo "$output"
  [[ $status -eq 0 ]]
}

# read_with AWK TEXT   the values of a text, as that awk reads it
read_with() {
  printf '%s' "$2" | bash -c '. "$1"; awk() { $2 "$@"; }
    if [[ $2 == jq ]]; then
      jq -r "paths(type != \"object\" and type != \"array\") as \$p | \"\(\$p | map(tostring) | join(\".\")) \(getpath(\$p) | if type == \"string\" then . else tojson end)\""
    else
      '"$1"' "$json_program$json_reader"'"'"'
        function value(path, kind, s) {gsub(SUBSEP, ".", path); lines[++n] = path " " s}
        function finish(   i) {if (bad == "") for (i = 1; i <= n; i++) print lines[i]}'"'"'
    fi' reader "$BATS_TEST_TMPDIR/parts" "$1"
}

@test "JSON is read alike by every awk there is, and as jq reads it" {
  local text one expected newline=$'\n'
  for text in '{"a":1,"b":[true,false,"x"],"c":{"d":"e","f":[]},"g":{}}' '[]' '"text"' '  [ 1 , -2.5e+3 , 0 ]  ' \
    '{"s":"q\" b\\ s\/ t\tx","u":"\u00fc\u4e2d\ud83d\ude00é漢😀"}' '{"":{"":"empty keys"}}' '[[["deep"],"er"],{"a":{"b":[{"c":"d"}]}}]' \
    '{"ends in a backslash":"x\\","and":"y\\\"","next":"\\\\"}' "{
  \"over\" : [ \"lines\",
   2 ]
}
"; do
    expected=$(jq -r 'paths(type != "object" and type != "array") as $p | "\($p | map(tostring) | join(".")) \(getpath($p) | if type == "string" then . else tojson end)"' <<<"$text")
    for one in mawk gawk original-awk 'busybox awk'; do
      [[ $text != '"text"' ]] || expected=' text'
      [[ ${text// /} != *-2.5e+3* ]] || expected=$'0 1\n1 -2.5e+3\n2 0'
      diff <(printf %s "${expected:+$expected$newline}") <(read_with "$one" "$text") || { echo "$one: $text" >&2; return 1; }
    done
  done
}

@test "what is no JSON is refused by every awk" {
  local text one
  for text in '' '{' '{"a"}' '{"a":}' '{"a":1,}' '[1,]' '[1 2]' '{"a":1}}' '<html>' '{a:1}' '{"a":"b' '[01]' '["\x"]' '{"a":1]' 'nul' '{"a":1} {"b":2}' "[\"a
b\"]"; do
    for one in mawk gawk original-awk 'busybox awk'; do
      if read_with "$one" "$text" >"$BATS_TEST_TMPDIR/read"; then
        echo "$one takes $text" >&2
        return 1
      fi
    done
  done
}

@test "a thousand spaces are read in well under the time of a blink" {
  local text
  text=$(jq -nc '{spaces: [range(1000) | {name: "space-\(.)", state: "running", image: "i", metadata: {a: "b\"c"}}]}')
  [[ $(printf %s "$text" | bash -c '. "$1"; json_rows spaces name state | tail -n 1 | tr "\037" " "' x "$BATS_TEST_TMPDIR/parts") == 'space-999 running' ]]
}

@test "text becomes JSON that jq reads back, and addresses that decode to it" {
  local text
  for text in 'plain' 'q"b\s' $'n\nt\tr\r\x01\x1f' 'ü漢😀' "it's" '' '\n' '&' '$x `y`'; do
    [[ $(bash -c '. "$1"; json_string "$2"; printf %s "$quoted"' x "$BATS_TEST_TMPDIR/parts" "$text" | jq -j '. + "."') == "$text." ]]
    [[ $(bash -c '. "$1"; encode "$2"; printf %s "$encoded"' x "$BATS_TEST_TMPDIR/parts" "$text" | python3 -c 'import sys, urllib.parse
sys.stdout.buffer.write(urllib.parse.unquote_to_bytes(sys.stdin.read()))'; echo .) == "$text." ]]
  done
}

@test "it says the same with every awk" {
  local one
  for one in mawk gawk original-awk 'busybox awk'; do
    mkdir -p "$BATS_TEST_TMPDIR/${one%% *}"
    printf '#!/bin/sh\nexec %s "$@"\n' "$one" >"$BATS_TEST_TMPDIR/${one%% *}/awk"
    chmod 755 "$BATS_TEST_TMPDIR/${one%% *}/awk"
    [[ $(PATH=$BATS_TEST_TMPDIR/${one%% *}:$PATH "$cli" help exec) == "$("$cli" help exec)" ]]
    run env "PATH=$BATS_TEST_TMPDIR/${one%% *}:$PATH" "$cli" $'sta\e[31mus'
    [[ $status -eq 2 && $output == *'^[[31m'* ]]
  done
}

@test "every command has help with an example, and an option table that fits" {
  local name
  for name in $("$cli" __complete '' | cut -f 1); do
    run "$cli" "$name" --help
    [[ $status -eq 0 && $output == "Usage: clawdspace $name"*'Options'*'Example'*"clawdspace"* ]]
  done
  [[ $("$cli" __complete '' | wc -l) -ge 20 ]]
}

@test "docs/cli.md is what the help says now" {
  diff "$root/docs/cli.md" <("$root/script/cli-docs")
}

@test "without curl, without HOME, without a command it says what to do" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  for tool in bash env awk cat; do ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin/$tool"; done
  run env -u HOME PATH="$BATS_TEST_TMPDIR/bin" "$cli" list
  [[ $status -eq 3 && $output == *'curl is not installed'* ]]
  run env -u HOME -u CLAWDSPACE_URL "$cli" list
  [[ $status -eq 3 && $output == *'no server is set'* ]]
  run "$cli"
  [[ $status -eq 2 && $output == *'Usage: clawdspace <command>'* ]]
}
