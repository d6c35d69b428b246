# Sourced by lab.sh: a second real smarthost with another TLS stack, Exim with
# GnuTLS.
# shellcheck shell=bash

exim_install() {
  part_root exim exim4-daemon-heavy dovecot-core
  certificates
  sink exim
  smarthost_json exim 13
}

exim_runs() { listens 13465; }

exim_up() {
  exim_runs && return
  [ -e "$LAB/exim/smarthost.json" ] || die "Exim is not installed; run: internal/lab/lab.sh install exim"
  local root=$LAB/exim/root
  certificates_for exim
  chroot "$root" chown -R root:Debian-exim /etc/labtls
  chmod 640 "$root"/etc/labtls/*
  install -m 644 "$HERE/exim/exim.conf" "$root/etc/exim4/exim4.conf"
  dovecot_up exim
  quietly exim-up setsid chroot "$root" /usr/sbin/exim4 -bd -q1m
  await_port 13465
  say "exim: runs"
}

exim_down() {
  local root=$LAB/exim/root
  exim_runs || return 0
  kill "$(cat "$root/run/exim-lab.pid")"
  await_silence 13465
  dovecot_down exim
  empty_sink exim
  say "exim: stopped"
}
