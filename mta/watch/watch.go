// Package watch is what a server tells of itself: sendmail's log, metrics, and
// its health. The server calls a method for each thing that happens; what
// becomes of that, line or number, is decided here.
//
//	watch     what happens to the server
//	visit     what happens to one client
//	delivery  what becomes of messages in the queue
//	route     servers that cannot be spoken to
//	line      the words of sendmail's log
package watch

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/logbook"
	"mailcrane/mta/trace"
)

// Options are what a Watch works with.
type Options struct {
	// Log takes the lines; nil: nobody does.
	Log *slog.Logger
	// Metrics counts; nil: nothing is counted.
	Metrics *Metrics
	// Trace has the dialogues told to who listens; nil: nobody does.
	Trace *trace.Hub
	// Tuning has the factors of a message's priority.
	Tuning config.Queue
	Now    func() time.Time
}

// A Watch is told what happens in a server, from any goroutine.
type Watch struct{ Options }

// New makes one.
func New(o Options) *Watch {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics()
	}
	return &Watch{o}
}

// Starting tells that the server begins, with the pause between its queue runs,
// 0 where there is none.
func (w *Watch) Starting(version string, interval time.Duration) {
	line := "starting daemon (" + strings.Trim(version, "()") + "): SMTP"
	if interval > 0 {
		line += "+queueing@" + clockTime(interval)
	}
	w.line(logbook.Severe, line, slog.String("event", "start"), slog.String("version", version))
}

// Stopping tells that it ends.
func (w *Watch) Stopping() {
	w.line(logbook.Severe, "stopping daemon", slog.String("event", "stop"))
}

// TurnedAway tells of a client that was not let in at all.
func (w *Watch) TurnedAway(p Peer, why string) {
	w.Metrics.connections.WithLabelValues(p.port(), "refused").Inc()
	w.line(logbook.TurnedAway, "refused connection from "+p.Relay()+": "+words(why),
		append(p.facts("refused-connection"), slog.String("why", words(why)))...)
}

// LowOnSpace tells that the queue's file system has too little room.
func (w *Watch) LowOnSpace(free, wanted int64) {
	w.line(logbook.Severe, fmt.Sprintf("low on space (SMTP-DAEMON needs %d octets + MinFreeBlocks in the queue, %d are free)", wanted, free),
		slog.String("event", "low-on-space"), slog.Int64("free", free), slog.Int64("wanted", wanted))
}

// CannotBecome tells that the process cannot be the user that it is to be.
func (w *Watch) CannotBecome(why error) {
	w.line(logbook.Serious, "cannot become another user: "+words(why.Error()), slog.String("event", "cannot-become"), slog.String("why", words(why.Error())))
}

// Questionable tells of a setting or a file that is let pass, and likely should
// not be so.
func (w *Watch) Questionable(note string) {
	w.line(logbook.Modes, words(note), slog.String("event", "questionable"))
}

// line writes a line of sendmail's log that belongs to no message.
func (w *Watch) line(level logbook.Level, line string, facts ...slog.Attr) {
	logbook.Line(w.Log, level, line, facts...)
}
