// Package logbook is the log of a server: sendmail's levels over log/slog, and
// the places where lines go: standard error, syslog, the journal.
//
// An event of sendmail's has a line in sendmail's words as its message, its
// exact Level as an attribute, and its facts as a group without a name. The
// line is all that a reader of text sees; JSON and the journal get the facts.
package logbook

import (
	"context"
	"log/slog"
	"sync/atomic"

	"mailcrane/queue"
)

// A Level is sendmail's LogLevel from which a line is written.
type Level int

// What is logged from which level on (sendmail's Installation and Operation
// Guide, "Log Level").
const (
	Severe      Level = 0  // what must be seen to at once
	Serious     Level = 1  // the system fails, or is attacked
	Lost        Level = 2  // connections that were lost, protocol failures
	Malformed   Level = 3  // malformed addresses, time-outs of connections
	Refusals    Level = 4  // what a rule refused
	Statistics  Level = 5  // each message that comes in
	Reports     Level = 6  // error messages made; VRFY, EXPN, ETRN
	Failures    Level = 7  // deliveries that failed
	Successes   Level = 8  // deliveries that succeeded
	Deferrals   Level = 9  // deliveries put off; TLS, log-ins, a high load
	Connections Level = 10 // each client
	Jobs        Level = 11 // the end of a message's way
	Outgoing    Level = 12 // each connection to a server; files that are unsafe
	Modes       Level = 13 // improper modes
	TurnedAway  Level = 14 // each client that was not let in
	Commands    Level = 15 // each command and reply
	Locked      Level = 20 // messages that another process is at
	LostLocks   Level = 30
	Debugging   Level = 65 // for who looks for a fault of the program
)

const levelKey = "log_level"

// Kind is the slog level that tells a reader how grave a line is.
func (l Level) Kind() slog.Level {
	switch {
	case l <= Serious:
		return slog.LevelError
	case l <= Refusals:
		return slog.LevelWarn
	case l < Commands:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// levelOf is the level of a record: that of Line, or what sendmail has for such
// a line of the program's own.
func levelOf(r slog.Record) Level {
	exact, found := Level(0), false
	r.Attrs(func(a slog.Attr) bool {
		exact, found = a.Value.Any().(Level)
		return false // it is the first
	})
	if found {
		return exact
	}
	switch {
	case r.Level >= slog.LevelError:
		return Severe
	case r.Level >= slog.LevelWarn:
		return Malformed
	case r.Level < slog.LevelInfo:
		return Commands
	case r.Message == "message "+queue.Failed.String():
		return Failures
	case r.Message == "message "+queue.Delivered.String():
		return Successes
	}
	return Deferrals
}

// Line writes one of sendmail's lines, with the facts in it.
func Line(log *slog.Logger, level Level, line string, facts ...slog.Attr) {
	if !Wants(log, level) {
		return
	}
	log.LogAttrs(context.Background(), level.Kind(), line, slog.Any(levelKey, level), slog.Attr{Value: slog.GroupValue(facts...)})
}

// Wants says that a line of that level would be written.
func Wants(log *slog.Logger, level Level) bool {
	if h, ok := log.Handler().(leveled); ok {
		return h.upTo() >= level
	}
	return log.Enabled(context.Background(), level.Kind())
}

// Leveled has a handler get what a LogLevel lets through.
func Leveled(h slog.Handler, level int) slog.Handler { return levelAt(h, level, false) }

func levelAt(h slog.Handler, level int, told bool) leveled {
	l := leveled{h, new(atomic.Int64), told}
	l.level.Store(int64(level))
	return l
}

// SetLevel has a log that Leveled or Open made, and all that came of it, go by
// another LogLevel from now on.
func SetLevel(log *slog.Logger, level int) {
	if h, ok := log.Handler().(leveled); ok {
		h.level.Store(int64(level))
	}
}

type leveled struct {
	slog.Handler
	level *atomic.Int64 // all that came of one log share it
	// told: what becomes of recipients is told in sendmail's lines, and not a
	// second time in the queue's words.
	told bool
}

func (h leveled) upTo() Level { return Level(h.level.Load()) }

// Enabled says whether a line of that kind can be wanted, whatever it says.
func (h leveled) Enabled(_ context.Context, kind slog.Level) bool {
	switch {
	case kind >= slog.LevelError:
		return h.upTo() >= Severe
	case kind >= slog.LevelWarn:
		return h.upTo() >= Lost
	case kind >= slog.LevelInfo:
		return h.upTo() >= Statistics
	}
	return h.upTo() >= Commands
}

func (h leveled) Handle(ctx context.Context, r slog.Record) error {
	if h.upTo() < levelOf(r) || h.told && ofQueue(r) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// ofQueue says that a line is the queue's about a recipient.
func ofQueue(r slog.Record) bool {
	for _, state := range []queue.State{queue.Delivered, queue.Deferred, queue.Failed, queue.Uncertain} {
		if r.Level == slog.LevelInfo && r.Message == "message "+state.String() {
			return true
		}
	}
	return false
}

func (h leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{h.Handler.WithAttrs(attrs), h.level, h.told}
}

func (h leveled) WithGroup(name string) slog.Handler {
	return leveled{h.Handler.WithGroup(name), h.level, h.told}
}
