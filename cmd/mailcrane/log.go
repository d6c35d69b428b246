package main

import (
	"context"
	"log/slog"

	"mailcrane/queue"
)

// What sendmail's LogLevel lets through, as far as the agent has it to say.
const (
	logErrors   = 0
	logWarnings = 3
	logFailed   = 7
	logSent     = 8
	logRest     = 9 // its default
	logSessions = 15
)

// log writes lines for a log file; under a journal, which stamps each line
// itself, without the time.
func (a *app) log(level int) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelDebug}
	if a.getenv("JOURNAL_STREAM") != "" {
		options.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		}
	}
	return slog.New(leveled{slog.NewTextHandler(a.stderr, options), level})
}

// leveled passes on what a LogLevel lets through.
type leveled struct {
	slog.Handler
	level int
}

// Enabled says whether a line of that kind can be wanted, whatever it says.
func (h leveled) Enabled(_ context.Context, kind slog.Level) bool {
	switch {
	case kind >= slog.LevelError:
		return h.level >= logErrors
	case kind >= slog.LevelWarn:
		return h.level >= logWarnings
	case kind >= slog.LevelInfo:
		return h.level >= logFailed
	}
	return h.level >= logSessions
}

// Handle tells the outcomes of deliveries apart, which sendmail has at levels
// of their own.
func (h leveled) Handle(ctx context.Context, r slog.Record) error {
	least := logErrors
	if r.Level == slog.LevelInfo {
		switch r.Message {
		case "message " + queue.Failed.String():
			least = logFailed
		case "message " + queue.Delivered.String():
			least = logSent
		default:
			least = logRest
		}
	}
	if h.level < least {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

func (h leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{h.Handler.WithAttrs(attrs), h.level}
}

func (h leveled) WithGroup(name string) slog.Handler {
	return leveled{h.Handler.WithGroup(name), h.level}
}
