package queue

import (
	"path/filepath"
	"testing"
	"time"
)

// TestWhatNobodyCanBeToldOfIsHeldWhereverTheProcessStops stops the process at
// each step of the attempt after which a message without a sender is held, and
// forgets what it had not synced: the message is not dropped before a person
// has seen it.
func TestWhatNobodyCanBeToldOfIsHeldWhereverTheProcessStops(t *testing.T) {
	for _, powerCut := range []bool{false, true} {
		for stop, died := 1, true; died; stop++ {
			memory := newForgetfulDisk(t)
			disk := &faultyDisk{Disk: memory}
			s := NewSpool(filepath.Join(t.TempDir(), "spool"), disk, time.Now)
			bounce := envelope("a@x.org")
			bounce.From = ""
			id := put(t, s, bounce, "x")
			operations := 0
			died = false
			disk.fail = func(string, string) error {
				if operations++; operations >= stop {
					died = true
					return errStop
				}
				return nil
			}
			w := newWorld(t, s)
			w.runner.Tuning.DoubleBounce = "none" // no mailbox is found for it
			w.refuseAll()
			w.runner.Flush(t.Context(), nil) // it stops
			disk.fail = nil
			if powerCut {
				memory.forget(t, s.QueueDir())
			}
			again := newWorld(t, NewSpool(s.Dir(), swiftDisk{OS{}}, time.Now))
			again.runner.Tuning.DoubleBounce = "none"
			again.refuseAll()
			again.flush()
			again.flush()
			if names := allNames(t, again.runner.Spool); len(names) != 1 || !names[0].Held {
				t.Errorf("stopped at step %d, power cut %v: left in the queue are %v", stop, powerCut, names)
				continue
			}
			if err := again.runner.Spool.ReleaseHeld(t.Context(), id); err != nil {
				t.Error(err)
			}
			again.flush()
			if names := allNames(t, again.runner.Spool); len(names) != 0 {
				t.Errorf("a person has seen it and let it go; left are %v", names)
			}
		}
	}
}

// TestWhatAPersonSendsOnAfterAllIsNotHeldAgain adds an address to a message
// that was held because nobody could be told.
func TestWhatAPersonSendsOnAfterAllIsNotHeldAgain(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	w.runner.Tuning.DoubleBounce = "none"
	w.refuseAll()
	bounce := envelope("a@x.org")
	bounce.From = ""
	id := put(t, s, bounce, "x")
	w.flush()
	if n := only(t, s); !n.Held {
		t.Fatalf("it is not held: %s", n)
	}
	if _, _, err := s.Edit(t.Context(), id, Change{Add: []string{"b@x.org"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.ReleaseHeld(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.answer = nil
	w.flush()
	if names := allNames(t, s); len(names) != 0 || w.copies("b@x.org") != 1 {
		t.Errorf("%d copies came, and left in the queue are %v", w.copies("b@x.org"), names)
	}
}
