# Sourced by lab.sh: a real name service, unbound (127.0.0.1:15300) over nsd
# (127.0.0.1:15301) with the zones of the folder dns, and oidentd
# (127.0.0.1:15113), which says whose a connection is.
# shellcheck shell=bash

dns_install() {
  part_root dns unbound nsd oidentd
  touch "$LAB/dns/installed"
}

dns_runs() { listens 15300; }

dns_up() {
  dns_runs && return
  [ -e "$LAB/dns/installed" ] || die "the name service is not installed; run: internal/lab/lab.sh install dns"
  local root=$LAB/dns/root
  rm -rf "$root/etc/lab"
  cp -r "$HERE/dns" "$root/etc/lab"
  big_zone >"$root/etc/lab/big.zone"
  quietly nsd-up setsid chroot "$root" /usr/sbin/nsd -c /etc/lab/nsd.conf
  await_port 15301
  quietly unbound-up setsid chroot "$root" /usr/sbin/unbound -c /etc/lab/unbound.conf
  await_port 15300
  # It looks for a connection's owner in /proc, which is mounted for it alone.
  # shellcheck disable=SC2016 # the inner shell expands it
  setsid unshare --mount --propagation private sh -c \
    'mount -t proc proc "$1/proc" && exec chroot "$1" /usr/sbin/oidentd --foreground --nosyslog --address 127.0.0.1 --port 15113' \
    sh "$root" >"$RUN/oidentd-up.log" 2>&1 </dev/null &
  echo $! >"$RUN/oidentd.pid"
  await_port 15113
  say "dns: runs"
}

dns_down() {
  local root=$LAB/dns/root
  dns_runs || return 0
  kill "$(cat "$root/run/unbound-lab.pid")" "$(cat "$root/run/nsd-lab.pid")" "$(cat "$RUN/oidentd.pid")"
  await_silence 15300
  await_silence 15301
  await_silence 15113
  say "dns: stopped"
}

# big_zone: answers that do not fit into a packet, and some that hardly fit
# into any; a chain of aliases.
big_zone() {
  local i
  printf '$%s\n' 'ORIGIN big.test.' 'TTL 60'
  echo '@ SOA ns.names.test. hostmaster.names.test. 1 3600 900 604800 60'
  echo '@ NS ns.names.test.'
  for i in $(seq 0 199); do
    echo "addresses A 10.9.8.$i"
  done
  for i in $(seq 0 1999); do
    echo "exchangers MX $((i % 100)) mx$i"
  done
  for i in $(seq 0 39); do
    echo "chain$i CNAME chain$((i + 1))"
  done
  echo 'chain40 A 192.0.2.40'
}
