package queue

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A disk that went read-only between the last octet and the answer made a
// process that had heard the answer send the message again.
func TestAnswersThatTheDiskDidNotTakeAreWrittenDownLater(t *testing.T) {
	for _, c := range []struct {
		reason string
		to     []string
		// sent is how often a@x.org gets the message once the disk is back.
		sent int
		// anew: another process makes the next try.
		anew bool
	}{
		{"one recipient, who has it", []string{"a@x.org"}, 1, false},
		{"several, of whom one has it", []string{"a@x.org", "later@x.org"}, 1, false},
		{"another process cannot know", []string{"a@x.org"}, 2, true},
	} {
		t.Run(c.reason, func(t *testing.T) {
			dir := t.TempDir()
			disk := &faultyDisk{Disk: swiftDisk{OS{}}}
			s := NewSpool(dir, disk, time.Now)
			w := newWorld(t, s)
			id := put(t, s, envelope(c.to...), "x")
			readOnly := errors.New("read-only file system")
			w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
				disk.fail = func(op, _ string) error {
					if op == "open" {
						return nil
					}
					return readOnly
				}
				if to.Address == "later@x.org" {
					return refuse(450, "later"), nil
				}
				return refuse(250, "ok"), nil
			}
			if sum := w.flush(); sum.Delivered != 1 {
				t.Fatalf("%+v", sum)
			}
			disk.fail = nil
			w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
				if to.Address == "later@x.org" {
					return refuse(450, "later"), nil
				}
				return refuse(250, "ok"), nil
			}
			if c.anew {
				w.runner.Spool = NewSpool(dir, disk, time.Now)
			}
			w.flush()
			if w.copies("a@x.org") != c.sent {
				t.Errorf("%d copies, want %d", w.copies("a@x.org"), c.sent)
			}
			history, err := s.History(Name{ID: id})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range history {
				if r.Event == Uncertain.String() || strings.Contains(r.Text, "may have arrived") {
					t.Errorf("the story says %+v", r)
				}
			}
			for _, e := range w.standing() {
				if e.Name.OnWire || len(c.to) == 1 {
					t.Errorf("%s is still in the queue", e.Name)
				}
			}
		})
	}
}

// standing is what is in the queue.
func (w *world) standing() []Entry {
	names, err := w.runner.Spool.Sorted()
	if err != nil {
		w.t.Fatal(err)
	}
	var entries []Entry
	for _, n := range names {
		if e, ok := w.runner.Spool.Entry(n); ok {
			entries = append(entries, e)
		}
	}
	return entries
}
