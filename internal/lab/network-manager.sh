#!/bin/bash
# What manages a laptop's network, away from this machine's: NetworkManager and
# systemd-networkd.
#
#   network-manager.sh boot DIR   a root for them with a system bus of its own, whose
#                                 socket is DIR/bus: prints the process id to enter it
#                                 by, and ends all that runs in it with standard input
#
# Sourced by lab.sh, which installs it. To be started in a network namespace: what
# runs here sees the interfaces of that one only, and never this machine's bus.
# shellcheck shell=bash

network_manager_install() {
  host_packages iproute2 util-linux
  part_root network-manager network-manager dbus systemd iproute2
  # What would hand events on to ifupdown, which is not there.
  rm -f "$LAB/network-manager/root/etc/NetworkManager/dispatcher.d/01-ifupdown"
  mkdir -p "$LAB/network-manager/boot"
  touch "$LAB/network-manager/ready"
}

# What network-manager.sh boot runs in mount and process namespaces of its own:
# mounts and processes are gone when it ends, however it ends.
network_manager_inside() {
  local dir=$1 boot=$LAB/network-manager/boot pid root
  # /proc is still that of this machine, and so is the number in it.
  read -r pid _ </proc/self/stat
  mount -t tmpfs -o mode=755 mailcrane-lab "$boot"
  root=$boot/root
  mkdir "$boot/upper" "$boot/work" "$root"
  mount -t overlay overlay -o "lowerdir=$LAB/network-manager/root,upperdir=$boot/upper,workdir=$boot/work" "$root"
  mount -t proc proc "$root/proc"
  # Not writable: there is no udev here, and nothing waits for it.
  mount -t sysfs -o ro sysfs "$root/sys"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs -o mode=755 mailcrane-lab "$root/run"
  mkdir -p "$root/run/dbus" "$root/run/lab"
  mount --bind "$dir" "$root/run/lab"
  # The root of the namespace too, so that nsenter(1) needs no more than the process.
  cd "$root"
  pivot_root . mnt
  umount --lazy mnt
  # shellcheck disable=SC2016 # the inner shell expands it
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root bash -c '
    ln -s /run/lab/bus /run/dbus/system_bus_socket
    dbus-daemon --system --address=unix:path=/run/lab/bus --nofork --nopidfile </dev/null >/run/lab/bus.log 2>&1 &
    for _ in $(seq 200); do [ -S /run/lab/bus ] && break; sleep .02; done
    echo "$1"
    cat >/dev/null' bash "$pid"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  . "$(dirname "$0")/lib.sh"
  case ${1:-} in
  boot) exec unshare --mount --propagation private --pid --fork --kill-child "$0" inside "$2" ;;
  inside) network_manager_inside "$2" ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
  esac
fi
