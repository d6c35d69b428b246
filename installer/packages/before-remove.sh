#!/bin/sh
# dpkg: remove, upgrade, deconfigure, …; rpm: how many remain.
set -e
case ${1:-} in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	# With what the administrator has had it install before these.
	/usr/bin/mailcrane service uninstall --system >/dev/null || true
fi
if command -v systemctl >/dev/null; then
	systemctl --no-reload --quiet disable mailcrane.path mailcrane-submit.socket mailcrane.service || true
fi
[ "$1" != 0 ] || /usr/bin/mailcrane service unlink
