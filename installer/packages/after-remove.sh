#!/bin/sh
# dpkg: remove, purge, upgrade, …; rpm: how many remain. What waits in the queue
# is somebody's mail, and is never removed.
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
[ "${1:-}" = purge ] || exit 0
spool=/var/spool/mailcrane
rm -rf /etc/mailcrane
waiting() { find "$spool/queue/queue" "$spool/queue/slow" "$spool/queue/damaged" "$spool/drop" -type f 2>/dev/null | head -n 1; }
if [ -n "$(waiting)" ]; then
	echo "mailcrane: mail still waits in $spool, which is left as it is; remove it with: rm -r $spool" >&2
else
	rm -rf "$spool" /var/lib/mailcrane
	if getent passwd mailcrane >/dev/null; then userdel mailcrane || true; fi
	if getent group mailcrane >/dev/null; then groupdel mailcrane || true; fi
fi
