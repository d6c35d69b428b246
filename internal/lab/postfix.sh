# Sourced by lab.sh: a real smarthost, Postfix with Dovecot for AUTH (OpenSSL).
# shellcheck shell=bash

postfix_install() {
  part_root postfix postfix postfix-pcre dovecot-core
  certificates
  sink postfix
  smarthost_json postfix 12
}

postfix_runs() { listens 12465; }

postfix_up() {
  postfix_runs && return
  [ -e "$LAB/postfix/smarthost.json" ] || die "Postfix is not installed; run: internal/lab/lab.sh install postfix"
  local root=$LAB/postfix/root
  certificates_for postfix
  install -m 644 "$HERE"/postfix/{main,master}.cf "$root/etc/postfix/"
  rm -f "$root"/var/spool/postfix/pid/*.pid
  dovecot_up postfix
  quietly postfix-up setsid chroot "$root" /usr/sbin/postfix start
  await_port 12465
  say "postfix: runs"
}

postfix_down() {
  postfix_runs || return 0
  quietly postfix-down chroot "$LAB/postfix/root" /usr/sbin/postfix stop
  await_silence 12465
  dovecot_down postfix
  empty_sink postfix
  say "postfix: stopped"
}
