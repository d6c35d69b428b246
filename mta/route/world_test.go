package route

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/mta/policy"
	"mailcrane/mta/safefile"
)

// A world is a server mail.example.org with class w example.org, and its maps.
type world struct {
	dir   string
	now   time.Time
	maps  map[string]string // by name: their text
	head  string            // the first lines of the configuration
	toml  string            // its last lines
	table *Table
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open is the table, or what is wrong with it.
func (w *world) open(t *testing.T) error {
	t.Helper()
	w.dir = t.TempDir()
	w.now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var text strings.Builder
	text.WriteString(w.head + "[mta]\nhostname = \"mail.example.org\"\nlocal = [\"example.org\", \"[192.0.2.1]\"]\ndont_blame_sendmail = [\"TrustStickyBit\"]\n[mta.map]\n")
	for name, entries := range w.maps {
		w.write(t, name, entries)
		text.WriteString(name + " = \"" + w.path(name) + "\"\n")
	}
	text.WriteString(strings.ReplaceAll(w.toml, "DIR", w.dir))
	w.write(t, "m.toml", text.String())
	c, err := config.Load(w.path("m.toml"), func(string) string { return w.dir })
	if err != nil {
		return err
	}
	safe, err := safefile.New(c.MTA.Safe)
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return w.now }
	p, err := policy.New(policy.Parts{Config: c, Hostname: "mail.example.org", Safe: safe, Now: now})
	if err != nil {
		return err
	}
	w.table, err = New(Parts{Config: c, Classes: p.Classes(), Safe: safe, Now: now})
	return err
}

// said is a step in a few words, as the tests compare it.
func said(s Step) string {
	switch s.Kind {
	case Mailbox:
		return "mailbox " + named(s) + " <" + s.Address + ">"
	case Away:
		if s.Account != "" {
			return "account " + s.Account + " <" + s.Address + ">"
		}
		return string(s.Hop.Route()) + " <" + s.Address + ">"
	case Again:
		return "again <" + s.Address + ">"
	case Discard:
		return "discard"
	}
	return s.Reply.String()
}

// next is said of the next step of mail from me@away.example.
func (w *world) next(t *testing.T, address string) string {
	t.Helper()
	s, err := w.table.Next(t.Context(), "me@away.example", address)
	if err != nil {
		return "error: " + err.Error()
	}
	return said(s)
}

func begin(t *testing.T, w world) *world {
	t.Helper()
	if err := w.open(t); err != nil {
		t.Fatal(err)
	}
	return &w
}
