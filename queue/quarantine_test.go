package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
)

// Coverage: X2.
func TestWhatIsQuarantinedIsNeitherSentNorTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		w.runner.Tuning.PlainAge = true
		id := put(t, s, envelope("a@x.org"), "x")
		if err := s.Quarantine(t.Context(), id, "looks like spam"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * 24 * time.Hour) // virtual
		if sum := w.flush(); sum.Delivered+sum.Deferred+sum.Failed+sum.Uncertain+sum.Waiting != 0 {
			t.Errorf("a run did %+v", sum)
		}
		entry, ok := s.Entry(only(t, s))
		if !ok || entry.State(time.Now()) != "quarantined" || entry.Why() != "looks like spam" || entry.Quarantine() != "looks like spam" {
			t.Errorf("it shows as %s because %q", entry.State(time.Now()), entry.Why())
		}
		if err := s.Retry(t.Context(), id); sysexits.Code(err) != sysexits.DataErr {
			t.Errorf("made due: %v", err)
		}

		// A run for the quarantined tries it, and leaves it where it was.
		run := func() Summary {
			t.Helper()
			sum, err := w.runner.Run(t.Context(), Run{Quarantined: true})
			if err != nil {
				t.Error(err)
			}
			return sum
		}
		w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
		if sum := run(); sum.Deferred != 1 || sum.Failed != 0 || sum.Waiting != 1 {
			t.Errorf("a run for the quarantined did %+v", sum)
		}
		if n := only(t, s); !n.Quarantined || n.Attempts != 1 {
			t.Errorf("after it the message is %v", n)
		}
		w.answer = nil
		if sum := run(); sum.Delivered != 1 {
			t.Errorf("the next one did %+v", sum)
		}
	})
}

func TestARunForTheQuarantinedLeavesOthersAlone(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	put(t, s, envelope("a@x.org"), "x")
	held := put(t, s, envelope("b@x.org"), "x")
	if err := s.Quarantine(t.Context(), held, "both"); err != nil {
		t.Fatal(err)
	}
	if err := s.Hold(t.Context(), held, "a person"); err != nil {
		t.Fatal(err)
	}
	if sum, err := w.runner.Run(t.Context(), Run{Quarantined: true}); err != nil || sum.Delivered != 0 || sum.Waiting != 0 {
		t.Errorf("%+v", sum)
	}
}

func TestEachReleaseEndsWhatItNames(t *testing.T) {
	for _, c := range []struct {
		reason            string
		release           func(s *Spool, id ID) error
		held, quarantined bool
	}{
		{"release ends both", func(s *Spool, id ID) error { return s.ReleaseHeld(t.Context(), id) }, false, false},
		{"a person's hold outlives the quarantine", func(s *Spool, id ID) error { return s.Unquarantine(t.Context(), id) }, true, false},
	} {
		s := testSpool(t)
		id := put(t, s, envelope("a@x.org"), "x")
		if err := s.Hold(t.Context(), id, "a person"); err != nil {
			t.Fatal(err)
		}
		if err := s.Quarantine(t.Context(), id, "a rule"); err != nil {
			t.Fatal(err)
		}
		if err := c.release(s, id); err != nil {
			t.Fatal(err)
		}
		if n := only(t, s); n.Held != c.held || n.Quarantined != c.quarantined {
			t.Errorf("%s: %v", c.reason, n)
		}
	}
}
