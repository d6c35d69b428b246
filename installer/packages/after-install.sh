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
	useradd --system --gid mailcrane --home-dir /var/spool/mailcrane --no-create-home \
		--shell /usr/sbin/nologin --comment "mailcrane, the mail agent" mailcrane
fi

# Any user may drop a message here, which only its owner and the agent can
# read: it gets the group of the directory.
install -d -m 755 -o mailcrane -g mailcrane /var/spool/mailcrane
install -d -m 700 -o mailcrane -g mailcrane /var/spool/mailcrane/queue
install -d -m 3733 -o mailcrane -g mailcrane /var/spool/mailcrane/drop

# Where mail programs are alternatives, ours is one.
if [ -n "$alternatives" ] && command -v update-alternatives >/dev/null; then
	update-alternatives --install /usr/sbin/sendmail mta /usr/lib/mailcrane/sendmail 20 \
		--slave /usr/bin/mailq mta-mailq /usr/lib/mailcrane/sendmail \
		--slave /usr/bin/newaliases mta-newaliases /usr/lib/mailcrane/sendmail \
		--slave /usr/lib/sendmail mta-sendmail /usr/lib/mailcrane/sendmail
fi

if command -v systemctl >/dev/null; then
	# What the administrator has turned off stays off.
	[ -n "$before" ] || systemctl --no-reload --quiet enable mailcrane.service mailcrane.socket mailcrane.path
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
		if [ -n "$before" ]; then
			systemctl try-restart mailcrane.service
		else
			systemctl start mailcrane.socket mailcrane.path
		fi
	fi
fi

[ -n "$before" ] || cat <<'WORDS'
mailcrane keeps the mail of this machine from now on. To have it sent, type:
  mailcrane setup                  for your own mail
  sudo mailcrane setup --system    for this machine's: cron, services, all users
WORDS
