#!/bin/sh
# dpkg: configure [VERSION-BEFORE], or abort-…; rpm: how many there are now.
set -e
alternatives=yes before=
case ${1:-} in
abort-*) exit 0 ;;
configure) alternatives='' before=${2:-} ;;
*) [ "${1:-1}" -le 1 ] || before=yes ;;
esac

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers mailcrane.conf
elif ! getent passwd mailcrane >/dev/null; then
	getent group mailcrane >/dev/null || groupadd --system mailcrane
	useradd --system --gid mailcrane --home-dir /var/lib/mailcrane --no-create-home \
		--shell /usr/sbin/nologin --comment "mailcrane, the mail agent" mailcrane
fi

if command -v systemd-tmpfiles >/dev/null; then
	systemd-tmpfiles --create mailcrane.conf
else
	# As in mailcrane.conf: any user may drop a message, which gets the group of
	# the directory, so that its owner and the agent alone can read it.
	install -d -m 755 /var/spool/mailcrane
	install -d -m 700 -o mailcrane -g mailcrane /var/spool/mailcrane/queue
	install -d -m 3733 -o mailcrane -g mailcrane /var/spool/mailcrane/drop
fi

# Where mail programs are alternatives, ours is one.
[ -z "$alternatives" ] || /usr/bin/mailcrane service link

if command -v systemctl >/dev/null; then
	# What the administrator has turned off stays off.
	[ -n "$before" ] || systemctl --no-reload --quiet enable mailcrane.service mailcrane-submit.socket mailcrane.path
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		if [ -n "$before" ]; then
			systemctl try-restart mailcrane.service
		else
			systemctl start mailcrane-submit.socket mailcrane.path
		fi
	fi
fi

[ -n "$before" ] || cat <<'WORDS'
mailcrane keeps the mail of this machine from now on. To have it sent, type:
  mailcrane setup                  for your own mail
  sudo mailcrane setup --system    for this machine's: cron, services, all users
WORDS
