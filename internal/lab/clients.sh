# Sourced by lab.sh: programs that send mail, on this machine, and the Secret
# Service. None of them may bring an MTA with it: the tests put the shim where
# the MTA would be.
# shellcheck shell=bash

CLIENTS=(git git-email mutt bsd-mailx s-nail cron swaks python3 php-cli emacs-nox
  dbus gnome-keyring libsecret-tools libglib2.0-bin iproute2 procps)

clients_install() {
  host_packages "${CLIENTS[@]}"
  local mta
  mta=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package} ${Provides}\n' | grep '^ii.*mail-transport-agent' || true)
  [ -z "$mta" ] || say "note: an MTA is installed on this machine: $mta"
}
