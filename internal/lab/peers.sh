# Sourced by lab.sh: other programs called sendmail, each in a root of its own,
# for make bench to measure beside ours. None of them delivers anything: the
# bench submits with delivery put off, and no daemon runs.
# shellcheck shell=bash

PEERS=(postfix exim sendmail nullmailer dma opensmtpd msmtpq)

peers_install() {
  local peer
  for peer in "${PEERS[@]}"; do "peer_$peer"; done
}

# peer NAME COMMAND...: how the bench calls it inside its root, a word a line,
# and the folder whose files are the queue; written last, as it says that the
# peer is whole.
peer() {
  local name=$1
  shift
  printf '%s\n' "$@" >"$LAB/peer-$name/command"
}
