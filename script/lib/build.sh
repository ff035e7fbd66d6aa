# shellcheck shell=bash
# Configures and builds. Sourced after common.sh.

# configure DIRECTORY MESON-OPTION…   sets a build folder up, or corrects the options of one that is there
configure() {
  local directory=$root/$1
  shift
  if [[ -f $directory/build.ninja ]]; then
    run meson configure "$directory" "$@" >/dev/null
    return
  fi
  # A folder that a broken configuration left behind is no build folder; Meson would refuse to go on in it.
  rm -rf "$directory"
  if [[ -z ${CC:-}${CXX:-} ]] && have clang-19; then
    local through=
    if have ccache; then through='ccache '; fi
    CC=${through}clang-19 CXX=${through}clang++-19 run meson setup "$directory" "$root" "$@" >"$state/configure.log" 2>&1
  else
    run meson setup "$directory" "$root" "$@" >"$state/configure.log" 2>&1
  fi || die "configuring ${directory##*/} failed; the end of .state/configure.log:" "$(tail -n 20 "$state/configure.log")"
}

build() { run ninja -C "$root/$1" "${@:2}" >&2; }
