# shellcheck shell=bash
# Finds a Docker Engine, or runs a private one. Sourced after common.sh.
#
#   engine_find_or_start    sets DOCKER_HOST for everything that follows, or ends the script and says why
#   engine_release          stops the private Engine if this script was the last to use it
#
# A private Engine belongs to this clone: its data stays under .state/engine, so that images are built once. Its run
# folder is elsewhere, since a unix socket's path ends at 107 bytes and a clone may live deep. Several scripts of one clone
# share it: each holds `users` shared, and the last one to let go stops it.

engine_data=$state/engine
engine_run=/run/clawdspace-$(printf %s "$root" | sha256sum | cut -c1-8)
engine_users= # descriptor of the shared lock, while we use the private Engine

# engine_answers HOST   whether an Engine answers /_ping there; HOST as in DOCKER_HOST
engine_answers() {
  case $1 in
  unix://*) [[ $(curl -s -m 5 --unix-socket "${1#unix://}" http://engine/_ping 2>/dev/null) == OK ]] ;;
  tcp://*) [[ $(curl -s -m 5 "http://${1#tcp://}/_ping" 2>/dev/null) == OK ]] ;;
  *) return 1 ;;
  esac
}

# A socket that is there and is not ours to use.
engine_refuses() { [[ -S $1 && ! (-r $1 && -w $1) ]]; }

engine_explain_refusal() {
  local group
  group=$(stat -c %G "$1")
  die "a Docker Engine listens at $1, but $(id -un) may not use it" \
    "Its socket belongs to the group '$group'. Join it, then log in again:" \
    "    sudo usermod -aG $group $(id -un)"
}

engine_find_or_start() {
  local rootless=${XDG_RUNTIME_DIR:-/run/user/$EUID}/docker.sock
  if [[ -n ${DOCKER_HOST:-} ]]; then
    case $DOCKER_HOST in
    unix://*)
      if engine_refuses "${DOCKER_HOST#unix://}"; then engine_explain_refusal "${DOCKER_HOST#unix://}"; fi
      ;;
    tcp://*)
      [[ -z ${DOCKER_TLS_VERIFY:-} ]] || die "DOCKER_TLS_VERIFY is set, but an Engine behind TLS cannot be used" \
        "Forward its socket instead: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST"
      ;;
    *) die "DOCKER_HOST is '$DOCKER_HOST', but only unix:// and tcp:// can be used" ;;
    esac
    engine_answers "$DOCKER_HOST" || die "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST" \
      "It was set on purpose, so no other one is looked for. Start it, or unset DOCKER_HOST."
    say "Engine: $DOCKER_HOST (from DOCKER_HOST)"
  elif engine_answers unix:///var/run/docker.sock; then
    export DOCKER_HOST=unix:///var/run/docker.sock
    say "Engine: $DOCKER_HOST"
  elif [[ -S $rootless ]] && engine_answers "unix://$rootless"; then
    export DOCKER_HOST=unix://$rootless
    say "Engine: $DOCKER_HOST (rootless)"
  elif engine_refuses /var/run/docker.sock; then
    engine_explain_refusal /var/run/docker.sock
  else
    engine_start_private
    say "Engine: $DOCKER_HOST (private, data under ${engine_data#"$root"/})"
  fi
}

# engine_pid_in FILE   the pid in there, if it is still a process of our Engine: a pid may have been given to someone else
# since, or be a zombie, and ours have the run folder in their arguments
engine_pid_in() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 1
  [[ -n $pid ]] && { tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | grep -qF -- " $engine_run/" || return 1
  echo "$pid"
}
engine_private_pid() { engine_pid_in "$engine_run/pid"; }
engine_private_gone() { ! engine_private_pid >/dev/null; }

# A bridge of our own with a subnet that no route of this machine touches, so that the Engine can run beside another.
# Adding the link is what reserves the number.
engine_make_bridge() {
  local n net
  for n in {250..200}; do
    net=172.31.$n.0/24
    # `default` leads everywhere and is no hindrance; any other route that holds the net, or lies in it, is.
    if ip -4 route show match "$net" | grep -qv '^default' || [[ -n $(ip -4 route show root "$net") ]]; then continue; fi
    ip link add "clawd$n" type bridge 2>/dev/null || continue
    echo "clawd$n" >"$engine_data/bridge"
    ip addr add "172.31.$n.1/24" dev "clawd$n"
    ip link set "clawd$n" up
    return
  done
  die "no free subnet between 172.31.200.0/24 and 172.31.250.0/24 for a private Engine"
}

engine_remove_bridge() {
  local bridge
  [[ -f $engine_data/bridge ]] || return 0
  bridge=$(cat "$engine_data/bridge")
  if [[ -e /sys/class/net/$bridge ]]; then ip link delete "$bridge"; fi
  rm -f "$engine_data/bridge"
}

engine_start_private() {
  local dockerd socket=$engine_run/docker.sock starting
  [[ $EUID -eq 0 ]] || die "no Docker Engine answers, and starting a private one needs root" \
    "Run this as root, start Docker yourself, or point DOCKER_HOST at an Engine."
  "$root/script/bootstrap" engine
  dockerd=$(PATH=$PATH:/usr/sbin:/sbin command -v dockerd) || die "there is no dockerd on this machine"
  mkdir -p "$engine_data"
  mkdir -p "$engine_run"
  chmod 0711 "$engine_run"

  exec {starting}>"$engine_data/starting.lock"
  flock -w 60 "$starting" || die "another script of this clone has been starting or stopping the Engine for a minute"
  exec {engine_users}>"$engine_data/users.lock"
  flock -s -w 10 "$engine_users" || die "the lock $engine_data/users.lock is held by someone"

  export DOCKER_HOST=unix://$socket
  if ! engine_answers "$DOCKER_HOST"; then
    if ! engine_private_gone; then engine_stop_private; fi # one that hangs
    # What one that was killed left. Its containerd died with it, but dockerd would trust the pid that it finds.
    engine_remove_bridge
    rm -f "$engine_run/pid" "$socket"
    engine_pid_in "$engine_run/exec/containerd/containerd.pid" >/dev/null ||
      rm -f "$engine_run/exec/containerd/containerd.pid"
    say "starting a private Docker Engine"
    engine_make_bridge
    # In a session of its own: Ctrl-C is for the scripts, which stop the Engine last. Without our locks: they are ours.
    setsid "$dockerd" --data-root "$engine_data/data" --exec-root "$engine_run/exec" --pidfile "$engine_run/pid" \
      -H "$DOCKER_HOST" -b "$(cat "$engine_data/bridge")" \
      </dev/null >"$engine_data/log" 2>&1 {starting}>&- {engine_users}>&- &
    local pid=$!
    # The socket exists before the Engine answers: ask it.
    if ! wait_until 60 engine_up_or_dead "$pid" || ! engine_answers "$DOCKER_HOST"; then
      engine_stop_private
      die "the private Engine did not start; the end of $engine_data/log:" "$(tail -n 5 "$engine_data/log")"
    fi
    disown "$pid"
  fi
  exec {starting}>&-
}
engine_up_or_dead() { engine_answers "$DOCKER_HOST" || ! kill -0 "$1" 2>/dev/null; }

# Ends dockerd by its pid and waits: it stops its containers and its containerd first.
engine_stop_private() {
  local pid
  if pid=$(engine_private_pid); then
    kill -TERM "$pid"
    if ! wait_until 60 engine_private_gone; then
      note "the private Engine (pid $pid) did not end within a minute of SIGTERM: killing it"
      kill -KILL "$pid"
      wait_until 10 engine_private_gone || die "the private Engine (pid $pid) does not end"
    fi
  fi
  # What it leaves mounted: a network namespace, its data bound onto itself, and after a kill its containers' filesystems.
  local mounted
  while IFS= read -r mounted; do
    case $mounted/ in
    "$engine_data"/* | "$engine_run"/*) umount "$mounted" || note "cannot unmount $mounted" ;;
    esac
  done < <(findmnt -n -l -o TARGET | tac)
  rm -rf --one-file-system "$engine_run"
  engine_remove_bridge
}

engine_release() {
  [[ -n $engine_users ]] || return 0
  local starting
  exec {starting}>"$engine_data/starting.lock"
  flock -w 60 "$starting" || true
  flock -u "$engine_users"
  if flock -n -x "$engine_users"; then
    say "stopping the private Engine"
    engine_stop_private
  fi
  exec {engine_users}>&- {starting}>&-
  engine_users=
}
