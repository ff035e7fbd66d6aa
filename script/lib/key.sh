# shellcheck shell=bash
# The API key. Sourced after common.sh.

# ensure_key FILE   makes a random key of 256 bits on the first run; readable by its owner alone, then and later
ensure_key() {
  local file=$1
  if [[ ! -e $file ]]; then
    say "making a key: ${file#"$root"/}"
    (
      umask 077
      od -An -vtx1 -N32 /dev/urandom | tr -d ' \n' >"$file.new"
      echo >>"$file.new"
      # Fails when another start was first; then its key is the key.
      ln "$file.new" "$file" 2>/dev/null || [[ -e $file ]]
      rm -f "$file.new"
    )
  fi
  [[ -f $file && -O $file && -r $file ]] || die "$file has to be a file of $(id -un)'s own: it is the key"
  if [[ $(stat -c %a "$file") != 600 ]]; then
    note "$file could be read by others: making it yours alone"
    chmod 600 "$file"
  fi
  [[ -s $file ]] || die "$file is empty: remove it, and a new key is made"
}
