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
  DOCKER_BUILDKIT=$buildkit run docker build --network host --tag "$1" --build-arg "BASE=$3" \
    --file "$root/docker/$2" "$root/docker" >"$state/build-image.log" 2>&1 ||
    die "building $1 failed; the end of .state/build-image.log:" "$(tail -n 15 "$state/build-image.log")"
}

# Sets base_image, what to build on: Debian from a registry, or where none can be reached a base made from the Debian mirror
# with this machine's own apt configuration. That one bears a name of ours: calling it `debian` is not for us.
base_image=
ensure_base() {
  local official=debian:bookworm-slim suite made
  # shellcheck source=/dev/null
  suite=$(. /etc/os-release && [[ ${ID:-} == debian ]] && echo "${VERSION_CODENAME:-bookworm}" || echo bookworm)
  made=clawdspace/base:$suite
  if image_exists "$official"; then
    base_image=$official
  elif image_exists "$made"; then
    base_image=$made
  elif say "pulling $official" && run timeout 120 docker pull -q "$official" >/dev/null 2>"$state/pull.log"; then
    base_image=$official
  else
    note "that failed: $(tail -n 1 "$state/pull.log")"
    "$root/script/bootstrap" base
    say "making $made from the Debian mirror instead"
    run make_base "$suite" "$made" 2>"$state/base.log" ||
      die "making the base image failed; the end of .state/base.log:" "$(tail -n 15 "$state/base.log")"
    base_image=$made
  fi
}
make_base() {
  mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io "$1" - | docker import --change 'CMD ["bash"]' - "$2" >/dev/null
}

ensure_space_image() {
  if image_exists "$space_image"; then return 0; fi
  ensure_base
  say "building $space_image on $base_image (some minutes, once)"
  build_image "$space_image" Dockerfile "$base_image"
}

# Always built, so that a changed Dockerfile counts; from the cache that takes a second.
ensure_test_images() {
  ensure_base
  say "building the test images on $base_image"
  build_image "$test_image" Dockerfile.test "$base_image"
  build_image "$hostile_image" Dockerfile.hostile "$test_image"
  build_image "$scratch_image" Dockerfile.scratch "$base_image"
}
