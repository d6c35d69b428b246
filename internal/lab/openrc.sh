#!/bin/bash
# A real OpenRC, in namespaces of its own.
#
#   openrc.sh boot   starts a fresh one, prints a process id to enter it by when
#                    its runlevel is reached, and ends it when standard input does
#
# Sourced by lab.sh, which installs it. What it writes is kept in memory, as that
# of systemd.sh is; it has no network. Its first process is a
# shell that waits for all that ends: OpenRC is run as an init would run it.
# shellcheck shell=bash

openrc_install() {
  host_packages procps
  part_root openrc openrc procps
  mkdir -p "$LAB/openrc/boot"
  touch "$LAB/openrc/ready"
}

# What openrc.sh boot runs in a mount namespace of its own.
openrc_inside() {
  local boot=$LAB/openrc/boot first=
  mount -t tmpfs -o mode=755 mailcrane-lab "$boot"
  mkdir "$boot/upper" "$boot/work" "$boot/root"
  mount -t overlay overlay -o "lowerdir=$LAB/openrc/root,upperdir=$boot/upper,workdir=$boot/work" "$boot/root"
  mkdir -p "$boot/root/old"
  # shellcheck disable=SC2016 # the inner shell expands it
  unshare --mount --pid --net --ipc --uts --fork --kill-child sh -c '
    cd "$1" && pivot_root . old && mount -t proc proc /proc && mount -t tmpfs tmpfs /run &&
    umount -l /old
    mkdir -p /run/openrc && touch /run/openrc/softlevel && openrc default >/run/boot 2>&1
    touch /run/up
    sleep infinity & wait' sh "$boot/root" &
  local fork=$!
  for _ in $(seq 100); do
    first=$(pgrep --parent "$fork" | head -n 1) && [ -e "/proc/$first/root/run/up" ] && break
    kill -0 "$fork" 2>/dev/null || die "OpenRC did not start"
    sleep .1
  done
  echo "$first"
  cat >/dev/null
  kill -KILL "$first" || true
  wait "$fork" || true
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  . "$(dirname "$0")/lib.sh"
  case ${1:-} in
  boot) exec unshare --mount --propagation private "$0" inside ;;
  inside) openrc_inside ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
  esac
fi
