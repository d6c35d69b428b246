# Sourced by lab.sh: what delivers mail on a machine, procmail on this one, and
# Dovecot with LMTP and a quota, which the tests start with a configuration of
# their own.
# shellcheck shell=bash

mailboxes_install() {
  host_packages procmail
  part_root dovecot dovecot-lmtpd
}
