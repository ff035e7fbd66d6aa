# shellcheck shell=bash
# Sourced after common.sh.

# Every shell script that is run, one a line; what they source is checked along with them.
shell_scripts() {
  local file
  for file in "$root"/script/* "$root"/cli/* "$root"/.ci/run "$root"/tests/system/* "$root"/tests/system/support/*; do
    [[ -f $file ]] || continue
    if [[ $file == *.ba[ts]* || $(head -n 1 "$file") =~ ^#!.*(bash|/sh) ]]; then echo "${file#"$root"/}"; fi
  done
}
