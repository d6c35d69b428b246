package main

import (
	"log/slog"

	"mailcrane/internal/logbook"
)

// logSessions is the LogLevel from which the lines of sessions are logged.
const logSessions = int(logbook.Commands)

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
	return slog.New(logbook.Leveled(slog.NewTextHandler(a.stderr, options), level))
}
