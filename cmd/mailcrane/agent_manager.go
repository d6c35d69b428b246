package main

import (
	"log/slog"
	"strings"

	"mailcrane/queue"
)

// A liaison tells the service manager how the agent is (sd_notify(3)); with
// none that listens it does nothing. There is no watchdog: its pings would
// wake an idle machine.
type liaison struct{ log *slog.Logger }

func (l liaison) tell(state string) {
	if err := notifyManager(state); err != nil {
		l.log.Debug("telling the service manager", "why", err)
	}
}

// ready: the spool is prepared, and the listeners are open.
func (l liaison) ready(network string) {
	l.tell("READY=1\nSTATUS=" + statusLine("network: "+network))
}

// reloading and reloaded are about a server that reads its configuration anew.
func (l liaison) reloading() { l.tell("RELOADING=1") }

func (l liaison) reloaded(status string) { l.tell("READY=1\nSTATUS=" + statusLine(status)) }

func (l liaison) stopping() { l.tell("STOPPING=1\nSTATUS=stopping") }

// watch tells, in the line that systemctl status shows, what a queue run is at.
// It names no address: everybody on the machine can read it.
func (l liaison) watch(e queue.Event) {
	route := string(e.Route)
	switch e.Kind {
	case queue.Opened:
		l.status("sending by account " + route)
	case queue.SessionEnded:
		l.status("nothing is being sent")
	case queue.CutOff:
		l.status("account " + route + " waits: " + e.Why)
	case queue.Retry:
		l.status("account " + route + " waits for another try")
	default:
	}
}

func (l liaison) status(line string) { l.tell("STATUS=" + statusLine(line)) }

// statusLine is one line of bounded length.
func statusLine(text string) string {
	const longest = 200
	line := strings.Join(strings.Fields(printable(text)), " ")
	if len(line) > longest {
		line = strings.ToValidUTF8(line[:longest], "")
	}
	return line
}
