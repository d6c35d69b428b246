#!/bin/bash
# The lab: real parts for the tests. Debian 12, as root.
#
#   lab.sh install             everything the tests use: smarthosts, clients, keyring, systemd, disks, NetworkManager, a virtual machine, Wine, OpenRC, an issuer of tokens, an authority for certificates, a browser, a desktop, a name service, mailboxes, databases (minutes, once)
#   lab.sh install PART...     postfix, exim, opensmtpd, clients, systemd, disks, network-manager, machine, wine, openrc, issuer, acme, browser, desktop, dns, mailboxes, databases
#   lab.sh install-peers       other sendmails, for make bench and for the queues that import takes
#   lab.sh up [PART...]        start the servers (seconds): postfix, exim, opensmtpd, dns; what runs already is left alone
#   lab.sh down [PART...]      stop them
#   lab.sh status              what is installed and what runs
#   lab.sh remove              stop all and delete everything but the Debian packages on this machine
#
# Everything lives below $MAILCRANE_LAB (default /var/tmp/mailcrane-lab). The
# servers listen on 127.0.0.1 only.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$HERE/lib.sh"
. "$HERE/smarthosts.sh"
. "$HERE/postfix.sh"
. "$HERE/exim.sh"
. "$HERE/opensmtpd.sh"
. "$HERE/clients.sh"
. "$HERE/systemd.sh"
. "$HERE/disks.sh"
. "$HERE/wine.sh"
. "$HERE/openrc.sh"
. "$HERE/desktop.sh"
. "$HERE/network-manager.sh"
. "$HERE/machine.sh"
. "$HERE/issuer.sh"
. "$HERE/acme.sh"
. "$HERE/peers.sh"
. "$HERE/dns.sh"
. "$HERE/databases.sh"
. "$HERE/mailboxes.sh"

SMARTHOSTS=(postfix exim opensmtpd)
SERVERS=("${SMARTHOSTS[@]}" dns)

usage() { sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 64; }

# locked: one lab command at a time, so that tests of packages that run side
# by side may all say "up".
locked() {
  mkdir -p "$RUN"
  exec 9>"$RUN/lock"
  flock 9
}

each() { # each ACTION PART...
  local action=$1 part
  shift
  for part; do
    case $action:$part in
    install:network-manager) network_manager_install 9>&- ;;
    install:clients | install:systemd | install:disks | install:machine | install:wine | install:openrc | install:issuer | install:acme | install:browser | install:desktop | install:databases | install:mailboxes | *:postfix | *:exim | *:opensmtpd | *:dns) "${part}_$action" 9>&- ;;
    *:clients | *:systemd | *:disks | *:network-manager | *:machine | *:wine | *:openrc | *:issuer | *:acme | *:browser | *:desktop | *:mailboxes | *:databases) die "$part needs no $action; $action knows ${SERVERS[*]}" ;;
    *) die "no part is called $part; there are ${SERVERS[*]}, clients, systemd, disks, network-manager, machine, wine, openrc, issuer, acme, browser, desktop, mailboxes, databases" ;;
    esac
  done
}

status() {
  local part
  for part in "${SERVERS[@]}"; do
    if ! [ -e "$LAB/$part/smarthost.json" ] && ! [ -e "$LAB/$part/installed" ]; then
      say "$part: not installed; run: internal/lab/lab.sh install $part"
    elif "${part}_runs"; then
      say "$part: runs"
    else
      say "$part: installed, not started; run: internal/lab/lab.sh up $part"
    fi
  done
}

command=${1:-}
shift || usage
case $command in
install)
  need_root install
  locked
  rm -f "$RUN/.apt-updated"
  [ $# -gt 0 ] || set -- "${SERVERS[@]}" clients systemd disks network-manager machine wine openrc issuer acme browser desktop mailboxes databases
  each install "$@"
  ;;
install-peers) need_root install-peers; locked; rm -f "$RUN/.apt-updated"; peers_install 9>&- ;;
up | down) need_root "$command"; locked; [ $# -gt 0 ] || set -- "${SERVERS[@]}"; each "$command" "$@" ;;
status) status ;;
remove)
  need_root remove
  locked
  each down "${SERVERS[@]}"
  rm -rf --one-file-system "${LAB:?}"
  ;;
*) usage ;;
esac
