package route

import (
	"context"
	"log/slog"
)

// Check reads the options and the maps as New does, and says what is worth a
// warning. An error names the lines that can mean nothing.
func Check(parts Parts) (warnings []string, err error) {
	heard := new(hearing)
	parts.Log = slog.New(heard)
	t, err := New(parts)
	if err == nil {
		err = t.Usable()
	}
	return heard.warnings, err
}

// A hearing keeps the warnings of a log, which come from one goroutine.
type hearing struct{ warnings []string }

func (h *hearing) Enabled(_ context.Context, level slog.Level) bool { return level == slog.LevelWarn }

func (h *hearing) Handle(_ context.Context, r slog.Record) error {
	h.warnings = append(h.warnings, r.Message)
	return nil
}

func (h *hearing) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h *hearing) WithGroup(string) slog.Handler { return h }
