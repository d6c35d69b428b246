#!/bin/bash
# A real systemd as PID 1 of a container, with user managers.
#
#   systemd.sh boot   boots a fresh one, prints the process id of its PID 1 when
#                     it is up, and turns it off when standard input ends
#
# Sourced by lab.sh, which installs it. Every boot begins with the same root and
# keeps what it writes in memory, so nothing is left and any number may run. In
# it are cron, rpm, and the users bob, whose user manager is up without a log-in (linger), and
# alice, who has none. Its network is a loopback of its own.
# shellcheck shell=bash

systemd_install() {
  host_packages systemd-container procps
  part_root systemd systemd systemd-sysv dbus dbus-user-session libpam-systemd procps cron rpm
  local root=$LAB/systemd/root user
  for user in bob alice; do
    grep -q "^$user:" "$root/etc/passwd" || chroot "$root" useradd --create-home --shell /bin/bash "$user"
  done
  mkdir -p "$root/var/lib/systemd/linger" "$LAB/systemd/boot"
  touch "$root/var/lib/systemd/linger/bob"
  touch "$LAB/systemd/ready"
}

# What systemd.sh boot runs in a mount namespace of its own: its mounts are gone
# when it ends, however it ends.
systemd_inside() {
  local boot=$LAB/systemd/boot container leader=
  mount -t tmpfs -o mode=755 mailcrane-lab "$boot"
  mkdir "$boot/upper" "$boot/work" "$boot/root"
  mount -t overlay overlay -o "lowerdir=$LAB/systemd/root,upperdir=$boot/upper,workdir=$boot/work" "$boot/root"
  # The container has the new cgroup tree also where this machine has the old
  # one; this machine's service manager, if there is one, is not told of it.
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --boot --directory="$boot/root" --private-network \
    --machine="mailcrane-$$" --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
    --console=pipe </dev/null >"$boot/console" 2>&1 &
  container=$!
  for _ in $(seq 300); do
    leader=$(pgrep --parent "$container" | head -n 1) && systemd_is_up "$leader" && break
    if ! kill -0 "$container" 2>/dev/null; then
      cat "$boot/console" >&2
      die "systemd did not boot"
    fi
    sleep .1
  done
  if systemd_is_up "$leader"; then
    echo "$leader"
    cat >/dev/null
  else
    cat "$boot/console" >&2
    echo "lab: systemd is not up after 30 seconds" >&2
  fi
  # Nothing of it is kept, so it is not asked to shut down.
  kill -KILL "$leader" || true
  wait "$container" || true
}

# systemd_is_up PID: also bob's user manager.
systemd_is_up() {
  # shellcheck disable=SC2016 # the inner shell expands it
  nsenter --target "$1" --all env -i PATH=/usr/bin:/bin sh -c \
    'systemctl is-system-running | grep -qxE "running|degraded" && systemctl is-active --quiet "user@$(id -u bob)"' 2>/dev/null
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  . "$(dirname "$0")/lib.sh"
  case ${1:-} in
  boot) exec unshare --mount --propagation private "$0" inside ;;
  inside) systemd_inside ;;
  *)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 64
    ;;
  esac
fi
