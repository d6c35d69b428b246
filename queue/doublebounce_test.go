package queue

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// person is a router that knows whose machine it is.
type person struct{ *world }

func (p person) ReturnTo(e *Envelope) string {
	if !strings.Contains(e.From, "@") {
		return "me@example.org"
	}
	return e.From
}

// refuseAll refuses every recipient, and counts. A chain that does not end is
// cut off.
func (w *world) refuseAll() *int {
	n := 0
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
		if n++; n > 50 {
			return refuse(250, "enough"), nil
		}
		return refuse(550, "no"), nil
	}
	return &n
}

// Coverage: X8.
func TestEveryChainOfFailuresEnds(t *testing.T) {
	for _, c := range []struct {
		why                  string
		from                 string
		double, copy         string
		drop                 bool
		tries, held, letters int
	}{
		{"message, bounce, double bounce; the last is held", "you@x.org", "pm@x.org", "", false, 3, 1, 0},
		{"the last goes to the file", "you@x.org", "pm@x.org", "", true, 3, 0, 1},
		{"no double bounces wanted: the bounce is dropped", "you@x.org", "", "", true, 2, 0, 0},
		{"no second report to a mailbox that fails", "pm@x.org", "PM@X.ORG", "", false, 3, 1, 0}, // the local part's case counts
		{"nor to the very same", "pm@x.org", "pm@X.ORG", "", false, 2, 1, 0},
		{"a name without a domain is the person's mailbox", "you@x.org", "postmaster", "", true, 3, 0, 1},
		{"which has just failed", "me@example.org", "postmaster", "", true, 2, 0, 1},
		{"the postmaster's copy fails as well", "you@x.org", "pm@x.org", "master@x.org", true, 5, 0, 2},
		{"the postmaster is the one for double bounces too", "you@x.org", "pm@x.org", "pm@x.org", true, 4, 0, 2},
		{"a message without a sender is told to nobody but the postmaster", "", "pm@x.org", "master@x.org", false, 2, 1, 0},
		{"nobody is found for it", "you@x.org", "no good@", "", false, 2, 1, 0},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Router = person{w}
		tries := w.refuseAll()
		w.runner.Tuning.DoubleBounce, w.runner.Tuning.PostmasterCopy = c.double, c.copy
		drop := filepath.Join(t.TempDir(), "dead.letter")
		if c.drop {
			w.runner.Tuning.DeadLetterDrop = drop
		}
		e := envelope("a@x.org")
		e.From = c.from
		put(t, s, e, "Subject: lunch\n\nAt noon?\n")
		for range 8 {
			w.flush()
		}
		names, err := s.Sorted()
		letters, _ := os.ReadFile(drop)
		if err != nil || *tries != c.tries || len(names) != c.held || strings.Count(string(letters), "From MAILER-DAEMON ") != c.letters {
			t.Errorf("%s: %d tries, want %d; left %v, want %d; dead letters %q", c.why, *tries, c.tries, names, c.held, letters)
		}
		for _, n := range names {
			if !n.Held {
				t.Errorf("%s: %s is not held", c.why, n)
			}
		}
		if c.letters > 0 && !strings.Contains(string(letters), "a@x.org") {
			t.Errorf("%s: dead letters %q", c.why, letters)
		}
	}
}

// Coverage: X8.
func TestADeadLetterIsSafeAndPrivate(t *testing.T) {
	for _, c := range []struct {
		why     string
		prepare func(path string) error
		disk    func(op, path string) error
		held    bool
		begins  string
	}{
		{"a new file", nil, nil, false, "From MAILER-DAEMON "},
		{"behind one that was cut off", func(p string) error { return os.WriteFile(p, []byte("From x y\ncut of"), 0o600) }, nil, false, "From x y\ncut of\nFrom MAILER-DAEMON "},
		{"a link is not followed", func(p string) error { return os.Symlink(p+".else", p) }, nil, true, ""},
		{"no such directory", func(p string) error { return os.Remove(filepath.Dir(p)) }, nil, true, ""},
		{"a full disk", nil, func(op, path string) error {
			if op == "write" && filepath.Base(path) == "dead.letter" {
				return errors.New("no space")
			}
			return nil
		}, true, ""},
		{"a disk that does not sync", nil, func(op, path string) error {
			if op == "sync" && filepath.Base(path) == "dead.letter" {
				return errors.New("input/output error")
			}
			return nil
		}, true, "From MAILER-DAEMON "},
	} {
		disk := &faultyDisk{Disk: swiftDisk{OS{}}, fail: c.disk}
		if c.disk == nil {
			disk.fail = func(string, string) error { return nil }
		}
		s := NewSpool(filepath.Join(t.TempDir(), "spool"), disk, time.Now)
		w := newWorld(t, s)
		w.refuseAll()
		drop := filepath.Join(t.TempDir(), "dir", "dead.letter")
		if err := os.Mkdir(filepath.Dir(drop), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.prepare != nil {
			if err := c.prepare(drop); err != nil {
				t.Fatal(err)
			}
		}
		w.runner.Tuning.DoubleBounce, w.runner.Tuning.DeadLetterDrop = "none", drop
		e := envelope("a@x.org")
		e.From = ""
		put(t, s, e, "Subject: lunch\n\nAt noon?\n")
		w.flush()
		names, _ := s.Sorted()
		text, _ := os.ReadFile(drop)
		if held := len(names) == 1 && names[0].Held; held != c.held || len(names) > 1 || !strings.HasPrefix(string(text), c.begins) || (c.begins == "") != (len(text) == 0) {
			t.Errorf("%s: left %v, the file holds %q", c.why, names, text)
		}
		if info, err := os.Stat(drop); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", c.why, info.Mode())
		}
	}
}
