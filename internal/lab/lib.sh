# Sourced by lab.sh. Ground that every part stands on: the places, the base
# root that is copied for each part, packages, ports.
# shellcheck shell=bash

LAB=${MAILCRANE_LAB:-/var/tmp/mailcrane-lab}
RUN=$LAB/run
CA=$LAB/ca
export DEBIAN_FRONTEND=noninteractive

say() { echo "lab: $*"; }
die() { echo "lab: $*" >&2; exit 1; }

need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root; run: sudo internal/lab/lab.sh $1"; }

# quietly NAME CMD...: output goes to a log, which is shown only when it failed.
quietly() {
  local log=$RUN/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; die "failed: $* (log: $log)"; }
}

apt() { apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"; }

# host_packages PKG...: install on this machine what is missing, and nothing
# that is merely recommended: a recommendation is how an MTA would get in.
host_packages() {
  local p missing=()
  for p; do
    dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q ^ii || missing+=("$p")
  done
  [ ${#missing[@]} = 0 ] && return
  say "installing ${missing[*]}"
  [ -e "$RUN/.apt-updated" ] || { quietly apt-update apt update; touch "$RUN/.apt-updated"; }
  quietly apt-host apt install -y --no-install-recommends "${missing[@]}"
}

# apt_mirror: where this machine gets Debian's packages.
apt_mirror() {
  sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\).*/\2/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1
}

# base_root: a minimal Debian 12 that every part's root is copied from. Each
# part has a root of its own because Debian lets only one MTA be installed.
base_root() {
  [ -e "$LAB/base/.done" ] && return
  host_packages debootstrap
  say "making the base system (about a minute)"
  rm -rf --one-file-system "$LAB/base"
  quietly debootstrap debootstrap --variant=minbase --include=ca-certificates \
    bookworm "$LAB/base" "$(apt_mirror)"
  # Packages must not start daemons; the lab does that.
  printf '#!/bin/sh\nexit 101\n' >"$LAB/base/usr/sbin/policy-rc.d"
  chmod 755 "$LAB/base/usr/sbin/policy-rc.d"
  rm -f "$LAB/base/etc/apt/sources.list"
  cp /etc/apt/sources.list.d/debian.sources "$LAB/base/etc/apt/sources.list.d/" 2>/dev/null ||
    cp /etc/apt/sources.list "$LAB/base/etc/apt/"
  rm -rf "$LAB"/base/var/cache/apt/archives/*.deb
  touch "$LAB/base/.done"
}

# part_root NAME PKG...: a root for one part with its packages, made once. A
# package PKG/bookworm-backports is taken from there.
# A plain copy and no mounts: nothing has to be undone before it is deleted.
part_root() {
  local name=$1 root=$LAB/$1/root
  shift
  [ "$(cat "$LAB/$name/.packages" 2>/dev/null)" = "$*" ] && return
  base_root
  say "installing $name"
  rm -rf --one-file-system "${LAB:?}/$name"
  mkdir -p "$LAB/$name"
  cp -a --reflink=auto "$LAB/base" "$root"
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  if [[ $* == */bookworm-backports* ]]; then
    echo "deb $(apt_mirror) bookworm-backports main" >"$root/etc/apt/sources.list.d/backports.list"
  fi
  quietly "apt-$name" in_root "$name" sh -c \
    'apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@" && apt-get -qq clean' sh "$@"
  echo "$*" >"$LAB/$name/.packages"
}

# in_root NAME CMD...: run a command in a part's root, with a /proc that is
# gone when the command ends.
in_root() {
  local root=$LAB/$1/root
  shift
  # shellcheck disable=SC2016 # the inner shell expands it
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    unshare --mount --propagation private sh -c \
    'root=$1; shift; mount -t proc proc "$root/proc" && exec chroot "$root" "$@"' sh "$root" "$@"
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# await_port PORT: until something listens there, ten seconds at most.
await_port() {
  for _ in $(seq 200); do
    listens "$1" && return
    sleep .05
  done
  die "nothing listens on 127.0.0.1:$1 after ten seconds; see $RUN and $LAB/*/root/var/log"
}

# await_silence PORT: until nothing listens there any more.
await_silence() {
  for _ in $(seq 200); do
    listens "$1" || return 0
    sleep .05
  done
  die "127.0.0.1:$1 is still in use"
}

# certificates: the lab's own CA and what it signed, made once.
certificates() {
  [ -e "$CA/done" ] && return
  (cd "$HERE/../.." && go run ./internal/lab/certs "$CA") || die "could not make the certificates"
}
