package route

import (
	"context"
	"log/slog"

	"mailcrane/mta/maps"
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

// A Checked is one of the maps, as it was opened for a look.
type Checked struct {
	// Key is the option that names it, Setting what that says.
	Key, Setting string
	Map          maps.Map
	Warnings     []string
	Wrong        error
}

// CheckEach opens the maps one by one. An error is that of an option.
func CheckEach(parts Parts) ([]Checked, error) {
	parts.Log = nil
	t, err := New(parts)
	if err != nil {
		return nil, err
	}
	var all []Checked
	for _, m := range t.settings() {
		if m.setting == "" {
			continue
		}
		heard := new(hearing)
		t.parts.Log = slog.New(heard)
		opened := t.open(m.setting, m.check, table{})
		all = append(all, Checked{m.key, m.setting, opened.Map, heard.warnings, opened.wrong})
	}
	return all, nil
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
