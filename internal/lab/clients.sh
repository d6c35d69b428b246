# Sourced by lab.sh: programs that send mail, on this machine, and the Secret
# Service. None of them may bring an MTA with it: the tests put the shim where
# the MTA would be.
# shellcheck shell=bash

CLIENTS=(git git-email libmailtools-perl libauthen-sasl-perl libio-socket-ssl-perl mutt s-nail cron swaks libnet-ssleay-perl python3 php-cli emacs-nox liblockfile1
  fetchmail dbus dbus-daemon gnome-keyring libsecret-tools libglib2.0-bin iproute2)

clients_install() {
  host_packages strace "${CLIENTS[@]}"
  bsd_mailx_install
  if dpkg-query -W -f='${db:Status-Abbrev} ${Package} ${Provides}\n' | grep '^ii.*mail-transport-agent'; then
    say "note: that is an MTA of this machine; the tests do not use it"
  fi
}

# bsd_mailx_install: unpacked only, for the package insists on an MTA.
bsd_mailx_install() {
  [ -x "$LAB/clients/usr/bin/bsd-mailx" ] && return
  say "unpacking bsd-mailx"
  local into=$LAB/clients
  rm -rf "$into"
  mkdir -p "$into"
  (cd "$into" && quietly apt-bsd-mailx apt download -o APT::Sandbox::User=root bsd-mailx)
  dpkg -x "$into"/bsd-mailx_*.deb "$into"
  rm "$into"/bsd-mailx_*.deb
}
