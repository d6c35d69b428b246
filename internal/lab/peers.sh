# Sourced by lab.sh: other programs called sendmail, each in a root of its own,
# for make bench to measure beside ours. None of them delivers anything: the
# bench submits with delivery put off, and no daemon runs.
# shellcheck shell=bash

PEERS=(postfix exim sendmail nullmailer dma opensmtpd msmtpq)

peers_install() {
  local peer
  for peer in "${PEERS[@]}"; do "peer_$peer"; done
}

# peer NAME EXIT SYNCED QUEUE COMMAND...: how the bench calls it in its root,
# its exit code when all went well, what it syncs before it exits (seen with
# strace), and the folder where a message more is a file more. Written last: it
# says that the peer is whole.
peer() {
  local name=$1 code=$2 synced=$3 queue=$4
  shift 4
  printf '{"Name": "%s", "Exit": %s, "Synced": "%s", "Queue": "%s", "Root": "%s", "Command": [%s]}\n' \
    "$name" "$code" "$synced" "$queue" "$LAB/peer-$name/root" "$(printf '"%s"\n' "$@" | paste -sd,)" \
    >"$LAB/peer-$name/peer.json"
}

peer_postfix() {
  part_root peer-postfix postfix libsasl2-modules
  local conf=$LAB/peer-postfix/root/etc/postfix
  cp "$conf/master.cf.proto" "$conf/master.cf"
  printf '%s\n' 'compatibility_level = 3.6' 'myhostname = bench.test' 'message_size_limit = 67108864' \
    'mailbox_size_limit = 0' >"$conf/main.cf"
  in_root peer-postfix postfix set-permissions
  peer postfix 0 "file" /var/spool/postfix/maildrop /usr/sbin/sendmail -t -oi
}

peer_exim() {
  part_root peer-exim exim4-daemon-light
  cat >"$LAB/peer-exim/root/etc/exim4/exim4.conf" <<'C'
primary_hostname = bench.test
queue_only
message_size_limit = 64M
keep_environment =
begin routers
all:
  driver = accept
  transport = none
begin transports
none:
  driver = appendfile
  file = /dev/null
  user = Debian-exim
C
  peer exim 0 "file and directory" /var/spool/exim4/input /usr/sbin/sendmail -odq -t -oi
}

peer_sendmail() {
  part_root peer-sendmail sendmail-bin sensible-mda
  # It sleeps for a minute where it cannot find a full name for itself.
  echo "127.0.0.1 bench.test $(hostname) localhost" >"$LAB/peer-sendmail/root/etc/hosts"
  peer sendmail 0 "file and directory" /var/spool/mqueue-client /usr/sbin/sendmail -odq -t -oi
}

peer_nullmailer() {
  part_root peer-nullmailer nullmailer
  echo bench.test >"$LAB/peer-nullmailer/root/etc/mailname"
  echo '127.0.0.1 smtp' >"$LAB/peer-nullmailer/root/etc/nullmailer/remotes"
  peer nullmailer 0 "file and directory" /var/spool/nullmailer/queue /usr/sbin/sendmail -t -oi
}

peer_dma() {
  part_root peer-dma dma
  printf '%s\n' 'SPOOLDIR /var/spool/dma' 'MAILNAME bench.test' DEFER >"$LAB/peer-dma/root/etc/dma/dma.conf"
  peer dma 0 "file, not the last link" /var/spool/dma /usr/sbin/sendmail -t -oi
}

peer_opensmtpd() {
  part_root peer-opensmtpd opensmtpd
  local root=$LAB/peer-opensmtpd/root
  chroot "$root" install -d -m 711 /var/spool/smtpd
  chroot "$root" install -d -m 770 -g opensmtpq /var/spool/smtpd/offline
  # 75 is what it says when the message is kept for later.
  peer opensmtpd 75 nothing /var/spool/smtpd/offline /usr/sbin/sendmail -t -oi
}

peer_msmtpq() {
  part_root peer-msmtpq msmtp
  local root=$LAB/peer-msmtpq/root
  install -m 755 "$root/usr/libexec/msmtp/msmtpq/msmtpq" "$root/usr/local/bin/"
  mkdir -p "$root/root/.msmtp.queue"
  printf 'account default\nhost 127.0.0.1\nport 1\nfrom me@bench.test\n' >"$root/root/.msmtprc"
  chmod 600 "$root/root/.msmtprc"
  peer msmtpq 0 nothing /root/.msmtp.queue /usr/local/bin/msmtpq -t -oi
}
