# shellcheck shell=bash
# What comes as npm packages: fixed in a package-lock.json with their hashes, none of their scripts run. Sourced after
# common.sh.
: "${root:?}" "${state:?}"

# npm_install FOLDER   the packages of FOLDER/package-lock.json, into .state/npm; prints where. Does nothing where they are.
npm_install() {
  local from=$root/$1 into=$state/npm/${1//\//-}
  if ! cmp -s "$from/package-lock.json" "$into/installed"; then
    have npm || die "there is no npm to fetch $(basename "$1")'s packages with"
    say "fetching the packages of $1"
    rm -rf "$into"
    mkdir -p "$into"
    cp "$from/package.json" "$from/package-lock.json" "$from/.npmrc" "$into"
    (cd "$into" && npm ci --silent --no-progress >&2) || die "npm could not fetch the packages of $1"
    cp "$from/package-lock.json" "$into/installed"
  fi
  printf '%s\n' "$into"
}

# vendor_dashboard   the terminal and the charts, into static/vendor, whole or not at all
vendor_dashboard() {
  local lock=$root/third_party/dashboard/package-lock.json vendor=$root/static/vendor from new
  ! cmp -s "$lock" "$vendor/.installed" || return 0
  from=$(npm_install third_party/dashboard)/node_modules
  new=$root/static/.vendor.new
  rm -rf "$new"
  mkdir -p "$new"
  cp "$from/@xterm/xterm/lib/xterm.mjs" "$from/@xterm/xterm/css/xterm.css" "$from/@xterm/addon-fit/lib/addon-fit.mjs" "$new"
  cp "$from/uplot/dist/uPlot.esm.js" "$new/uplot.mjs"
  cp "$from/uplot/dist/uPlot.min.css" "$new/uplot.css"
  cp "$from/@xterm/xterm/LICENSE" "$new/xterm.LICENSE.txt"
  cp "$from/@xterm/addon-fit/LICENSE" "$new/addon-fit.LICENSE.txt"
  cp "$from/uplot/LICENSE" "$new/uplot.LICENSE.txt"
  sed -i '/^\/\/# sourceMappingURL=/d' "$new"/*.mjs
  cp "$lock" "$new/.installed"
  rm -rf "$vendor"
  mv "$new" "$vendor"
}
