# Sourced by lab.sh: a third real smarthost, OpenSMTPD, which has neither
# PIPELINING nor CHUNKING.
# shellcheck shell=bash

# Debian 12's own 6.8.0p2 fails at each TLS handshake ("missing private key"):
# it was written for an older OpenSSL.
opensmtpd_install() {
  part_root opensmtpd opensmtpd/bookworm-backports
  certificates
  sink opensmtpd
  smarthost_json opensmtpd 14
}

opensmtpd_runs() { listens 14465; }

opensmtpd_up() {
  opensmtpd_runs && return
  [ -e "$LAB/opensmtpd/smarthost.json" ] || die "OpenSMTPD is not installed; run: internal/lab/lab.sh install opensmtpd"
  local root=$LAB/opensmtpd/root
  certificates_for opensmtpd
  install -m 644 "$HERE"/opensmtpd/{smtpd.conf,picky.awk} "$root/etc/"
  echo smarthost.test >"$root/etc/mailname"
  # In the foreground, since it logs to a file only there.
  quietly opensmtpd-up setsid chroot "$root" sh -c '/usr/sbin/smtpd -d >/var/log/smtpd.log 2>&1 &'
  await_port 14465
  say "opensmtpd: runs"
}

opensmtpd_down() {
  opensmtpd_runs || return 0
  kill "$(cat "$LAB/opensmtpd/root/run/smtpd.pid")"
  await_silence 14465
  empty_sink opensmtpd
  say "opensmtpd: stopped"
}
