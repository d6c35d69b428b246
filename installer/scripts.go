package installer

import (
	"fmt"
	"strings"
)

// shellWord is a word of the shell that stands for itself, also in the
// template of kardianos/service, in which only {{ has a meaning.
func shellWord(word string) string {
	return strings.ReplaceAll("'"+strings.ReplaceAll(word, "'", `'\''`)+"'", "{{", "{''{")
}

func shellWords(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellWord(w)
	}
	return strings.Join(quoted, " ")
}

// sysv is an init script (Linux Standard Base, "Init Script Actions"): the
// actions, their exit codes, and a status that kardianos/service can read.
func (o Options) sysv() string {
	return fmt.Sprintf(`#!/bin/sh
%s
### BEGIN INIT INFO
# Provides:          mailcrane
# Required-Start:    $local_fs $remote_fs
# Required-Stop:     $local_fs $remote_fs
# Should-Start:      $network $syslog
# Should-Stop:       $network $syslog
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: keeps mail and sends it
# Description:       %s
### END INIT INFO

PATH=/usr/sbin:/usr/bin:/sbin:/bin
program=%s
pidfile=/run/mailcrane.pid
log=/var/log/mailcrane.log
export HOME=/var/lib/mailcrane
umask 077
ulimit -c 0

running() { start-stop-daemon --status --pidfile "$pidfile" --exec "$program"; }

start() {
    running && return 0
    # /run begins empty; the log is there before the user could make a link of it.
    mkdir -p -m 755 /run/mailcrane && chown mailcrane:mailcrane /run/mailcrane || return 1
    touch "$log" && chown mailcrane:mailcrane "$log" || return 1
    start-stop-daemon --start --quiet --background --make-pidfile --pidfile "$pidfile" --chdir / \
        --chuid mailcrane:mailcrane --output "$log" --exec "$program" -- %s
    # It is in the background before it is the program.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        running && return 0
        sleep 0.1
    done
    return 1
}

case "$1" in
start)
    start
    ;;
stop)
    start-stop-daemon --stop --quiet --oknodo --retry TERM/20/KILL/5 --pidfile "$pidfile" --exec "$program" && rm -f "$pidfile"
    ;;
restart | force-reload)
    "$0" stop && start
    ;;
try-restart)
    ! running || "$0" restart
    ;;
status)
    if running; then
        echo "Running"
    else
        echo "Stopped"
        exit 3
    fi
    ;;
*)
    echo "Usage: $0 {start|stop|restart|try-restart|force-reload|status}" >&2
    exit 2
    ;;
esac
`, mark, description, shellWord(o.Program), shellWords(o.arguments()))
}

// openRC is a script of openrc-run(8), whose supervise-daemon(8) starts an
// agent again that has ended in error.
func (o Options) openRC() string {
	return fmt.Sprintf(`#!/sbin/openrc-run
%s
name=mailcrane
description=%s
supervisor=supervise-daemon
command=%s
command_args=%s
command_user=mailcrane:mailcrane
directory=/var/lib/mailcrane
supervise_daemon_args="--env HOME=/var/lib/mailcrane"
respawn_delay=5
respawn_max=8
respawn_period=60
umask=077
rc_ulimit="-c 0"
error_logger="logger -t mailcrane"

depend() {
	use net logger
	after firewall
}

start_pre() {
	checkpath --directory --owner mailcrane:mailcrane --mode 0755 /run/mailcrane
}
`, mark, shellWord(description), shellWord(o.Program), shellWord(shellWords(o.arguments())))
}
