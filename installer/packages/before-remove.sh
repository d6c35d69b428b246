#!/bin/sh
# dpkg: remove, upgrade, deconfigure, …; rpm: how many remain.
set -e
case ${1:-} in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl --no-reload --quiet disable --now mailcrane.path mailcrane.socket mailcrane.service || true
elif command -v systemctl >/dev/null; then
	systemctl --no-reload --quiet disable mailcrane.path mailcrane.socket mailcrane.service || true
fi
if [ "$1" = 0 ] && command -v update-alternatives >/dev/null; then
	update-alternatives --remove mta /usr/lib/mailcrane/sendmail
fi
