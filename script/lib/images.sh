# shellcheck shell=bash
# The images that spaces are made of. Sourced after common.sh; DOCKER_HOST is set.

space_image=clawdspace/space:latest
test_image=clawdspace/space:test
hostile_image=clawdspace/space:hostile
scratch_image=clawdspace/space:scratch

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# build_image TAG DOCKERFILE BASE   an ordinary build; what did not change comes from the Engine's cache
build_image() {
  local buildkit=1
  # Debian 12's docker has no buildx, and a client without it refuses to build unless told to use the Engine's builder.
  docker buildx version >/dev/null 2>&1 || buildkit=0
  # The host's network: a package proxy or a resolver that only the host can reach works in the build, too.
  DOCKER_BUILDKIT=$buildkit docker build --network host --tag "$1" --build-arg "BASE=$3" \
    --file "$root/docker/$2" "$root/docker" >"$state/build-image.log" 2>&1 ||
    die "building $1 failed; the end of .state/build-image.log:" "$(tail -n 15 "$state/build-image.log")"
}

# Prints the base to build on: Debian from a registry, or where none can be reached one made from the Debian mirror with
# this machine's own apt configuration. That one has a name of ours: `debian` it is not called by us.
ensure_base() {
  local base=debian:bookworm-slim suite made
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && [[ ${ID:-} == debian ]] && echo "${VERSION_CODENAME:-bookworm}" || echo bookworm)
  made=clawdspace/base:$suite
  if ! image_exists "$base"; then
    if image_exists "$made"; then
      base=$made
    elif say "pulling $base" && timeout 120 docker pull -q "$base" >/dev/null 2>"$state/pull.log"; then
      :
    else
      note "no image registry can be reached: $(tail -n 1 "$state/pull.log")"
      "$root/script/bootstrap" base
      say "making $made from the Debian mirror"
      mmdebstrap --quiet --variant=minbase "$suite" - 2>"$state/base.log" |
        docker import --change 'CMD ["bash"]' - "$made" >/dev/null ||
        die "making the base image failed; the end of .state/base.log:" "$(tail -n 15 "$state/base.log")"
      base=$made
    fi
  fi
  echo "$base"
}

ensure_space_image() {
  if image_exists "$space_image"; then return 0; fi
  local base
  base=$(ensure_base)
  say "building $space_image on $base (some minutes, once)"
  build_image "$space_image" Dockerfile "$base"
}

# Always built, so that a changed Dockerfile counts; from the cache that takes a second.
ensure_test_images() {
  local base
  base=$(ensure_base)
  say "building the test images on $base"
  build_image "$test_image" Dockerfile.test "$base"
  build_image "$hostile_image" Dockerfile.hostile "$test_image"
  build_image "$scratch_image" Dockerfile.scratch "$base"
}
