#!/bin/sh
# dpkg: remove, upgrade, deconfigure, …; rpm: how many remain.
set -e
case ${1:-} in
remove | 0) ;;
*) exit 0 ;;
esac
units="mailcrane.path mailcrane-submit.socket mailcrane.service"
if [ -d /run/systemd/system ]; then
	# shellcheck disable=SC2086 # a list
	systemctl --no-reload --quiet disable --now $units || true
elif command -v systemctl >/dev/null; then
	# shellcheck disable=SC2086 # a list
	systemctl --no-reload --quiet disable $units || true
fi
[ "$1" != 0 ] || /usr/bin/mailcrane service unlink
