package queue

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// diesOnTheWire leaves the only message as a process does that dies before the
// answer comes.
func diesOnTheWire(t *testing.T, s *Spool) {
	t.Helper()
	m, err := s.claim(only(t, s), false)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	if err := m.rename(func(n *Name) { n.OnWire = true }); err != nil {
		t.Fatal(err)
	}
	if err := s.disk.SyncDir(s.QueueDir()); err != nil {
		t.Fatal(err)
	}
}

// TestWhoIsMadeARecipientAfterADeathOnTheWireIsNotUncertain edits a message of
// which a process died on the wire, and cuts the power at each step: that it
// may have arrived is said of those it was sent to, and of nobody else.
func TestWhoIsMadeARecipientAfterADeathOnTheWireIsNotUncertain(t *testing.T) {
	change := Change{Redirect: []Redirection{{"b@x.org", "c@x.org"}}, Add: []string{"d@x.org"}}
	for stop, died := 1, true; died; stop++ {
		memory := newForgetfulDisk(t)
		disk := &faultyDisk{Disk: memory}
		s := NewSpool(filepath.Join(t.TempDir(), "spool"), disk, time.Now)
		id := put(t, s, envelope("a@x.org", "b@x.org"), "x")
		// An edit before this one: the flag is there, and nothing syncs it.
		if _, _, err := s.Edit(t.Context(), id, Change{From: pointer("you@example.org")}); err != nil {
			t.Fatal(err)
		}
		diesOnTheWire(t, s)
		operations := 0
		died = false
		disk.fail = func(string, string) error {
			if operations++; operations >= stop {
				died = true
				return errStop
			}
			return nil
		}
		s.Edit(t.Context(), id, change) // it stops
		memory.forget(t, s.QueueDir())

		again := NewSpool(s.Dir(), OS{}, time.Now)
		w := newWorld(t, again)
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
		w.flush()
		history, err := again.History(only(t, again))
		if err != nil {
			t.Fatal(err)
		}
		uncertain := make(map[string]bool)
		for _, r := range history {
			if r.Event == Uncertain.String() {
				uncertain[r.Address] = true
			}
		}
		if !uncertain["a@x.org"] || !uncertain["b@x.org"] || len(uncertain) != 2 {
			t.Errorf("stopped at step %d: uncertain are %v", stop, uncertain)
		}
	}
}

// TestWhatAPersonStopsSaysThatItMayHaveArrived has each thing by which a person
// keeps a message from going, of which a process died on the wire.
func TestWhatAPersonStopsSaysThatItMayHaveArrived(t *testing.T) {
	for name, do := range map[string]func(*Spool, context.Context, ID) error{
		"hold":       func(s *Spool, ctx context.Context, id ID) error { return s.Hold(ctx, id, "wait") },
		"quarantine": func(s *Spool, ctx context.Context, id ID) error { return s.Quarantine(ctx, id, "odd") },
	} {
		s := testSpool(t)
		id := put(t, s, envelope("a@x.org"), "x")
		diesOnTheWire(t, s)
		if err := do(s, t.Context(), id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := stands(t, s); got != "<me@example.org> a@x.org:uncertain" {
			t.Errorf("%s: it shows as %s", name, got)
		}
	}
	s := remembering(t, 10)
	id := put(t, s, envelope("a@x.org"), "x")
	diesOnTheWire(t, s)
	if err := s.Remove(t.Context(), id); err != nil {
		t.Error(err)
	}
	done, err := s.Done()
	if err != nil || !strings.Contains(fmt.Sprint(done), whyRecovered) {
		t.Errorf("what was removed is remembered as %v, %v", done, err)
	}
}
