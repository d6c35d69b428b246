# Sourced by lab.sh: what the smarthosts have in common.
# shellcheck shell=bash

# sink PART: the Maildir that all mail lands in, and its owner.
sink() {
  local root=$LAB/$1/root
  chroot "$root" getent passwd labmail >/dev/null ||
    chroot "$root" useradd -u 5000 -d /nonexistent -s /usr/sbin/nologin labmail
  install -d -o 5000 -g 5000 "$root"/var/mail/lab "$root"/var/mail/lab/sink{,/new,/cur,/tmp}
}

empty_sink() { find "$LAB/$1/root/var/mail/lab/sink" -type f -delete; }

# smarthost_json PART PORTS: what the tests need to know of a smarthost. PORTS
# is what stands before the usual port number.
smarthost_json() {
  cat >"$LAB/$1/smarthost.json" <<J
{
  "Name": "smarthost.test",
  "Implicit": "127.0.0.1:${2}465", "StartTLS": "127.0.0.1:${2}587", "Plain": "127.0.0.1:${2}525",
  "Picky": "127.0.0.1:${2}600",
  "Expired": "127.0.0.1:${2}466", "ExpiredStartTLS": "127.0.0.1:${2}588",
  "WrongName": "127.0.0.1:${2}467", "WrongNameStartTLS": "127.0.0.1:${2}589",
  "CAFile": "$CA/ca.pem", "ClientCert": "$CA/client.pem", "ClientKey": "$CA/client.key",
  "User": "bob@smarthost.test", "Password": "sekrit",
  "Sink": "$LAB/$1/root/var/mail/lab/sink"
}
J
}

certificates_for() {
  local to=$LAB/$1/root/etc/labtls
  install -d "$to"
  install -m 600 "$CA"/*.key "$CA"/*.pem "$to/"
}

dovecot_up() {
  local root=$LAB/$1/root
  install -m 644 "$HERE/dovecot.conf" "$root/etc/dovecot/dovecot.conf"
  echo 'bob@smarthost.test:{PLAIN}sekrit' >"$root/etc/dovecot/lab.users"
  rm -f "$root/run/dovecot/master.pid"
  quietly "dovecot-up-$1" setsid chroot "$root" /usr/sbin/dovecot
}

dovecot_down() { quietly "dovecot-down-$1" chroot "$LAB/$1/root" /usr/sbin/dovecot stop; }
