package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// edits are one of each kind that is written down, with the recipients who get
// the message after it, and before.
func edits() []struct {
	name          string
	change        Change
	before, after []string
} {
	soon := time.Now().Add(-time.Second)
	both := []string{"a@x.org", "b@x.org"}
	return []struct {
		name          string
		change        Change
		before, after []string
	}{
		{"redirect", Change{Redirect: []Redirection{{"b@x.org", "c@x.org"}}}, both, []string{"a@x.org", "c@x.org"}},
		{"add", Change{Add: []string{"c@x.org"}}, both, []string{"a@x.org", "b@x.org", "c@x.org"}},
		{"drop", Change{Drop: []string{"a@x.org"}}, both, []string{"b@x.org"}},
		{"sender", Change{From: pointer("other@example.org")}, both, both},
		{"account", Change{Account: pointer("work")}, both, both},
		{"time", Change{NotBefore: &soon}, both, both},
		{"all of it", Change{
			Redirect: []Redirection{{"a@x.org", "d@x.org"}}, Drop: []string{"b@x.org"}, Add: []string{"c@x.org"},
			From: pointer("other@example.org"), Account: pointer("work"), NotBefore: &soon,
		}, both, []string{"c@x.org", "d@x.org"}},
	}
}

// receivers is everybody who got a copy in a world, each as often as it came.
func (w *world) receivers() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for to, copies := range w.got {
		for range copies {
			all = append(all, to)
		}
	}
	slices.Sort(all)
	return all
}

// TestAnEditIsWholeWhereverTheProcessStops lets every single disk operation of
// each edit be the last one, of the process or, by what was not synced, of the
// machine.
//
// Coverage: edit.
func TestAnEditIsWholeWhereverTheProcessStops(t *testing.T) {
	for _, powerCut := range []bool{false, true} {
		for _, e := range edits() {
			t.Run(fmt.Sprintf("%s, power cut %v", e.name, powerCut), func(t *testing.T) {
				for stop := 1; ; stop++ {
					memory := newForgetfulDisk(t)
					disk := &faultyDisk{Disk: memory}
					s := NewSpool(filepath.Join(t.TempDir(), "spool"), disk, time.Now)
					id := put(t, s, envelope("a@x.org", "b@x.org"), "x")
					operations, died := 0, false
					disk.fail = func(string, string) error {
						if operations++; operations >= stop {
							died = true
							return errStop
						}
						return nil
					}
					_, _, err := s.Edit(t.Context(), id, e.change)
					if powerCut {
						memory.forget(t, s.QueueDir())
					}
					again := NewSpool(s.Dir(), swiftDisk{OS{}}, time.Now)
					shownAs := stands(t, again)
					w := newWorld(t, again)
					w.flush()
					got := w.receivers()
					switch {
					case err == nil && !slices.Equal(got, e.after):
						t.Fatalf("stop %d: the edit was made, and it went to %q", stop, got)
					case !slices.Equal(got, e.after) && !slices.Equal(got, e.before):
						t.Fatalf("stop %d: half an edit: it went to %q", stop, got)
					case died != (err != nil):
						t.Fatalf("stop %d: died %v, and Edit says %v", stop, died, err)
					}
					sent := map[bool]string{true: "before", false: "after"}[slices.Equal(got, e.before)]
					if !slices.Equal(e.before, e.after) && sent == "after" && shownAs == "<me@example.org> a@x.org:pending b@x.org:pending" {
						t.Fatalf("stop %d: the queue showed the old envelope, and the new one was sent", stop)
					}
					if !died {
						t.Logf("%d stop points", stop-1)
						return
					}
				}
			})
		}
	}
}

// TestEditsAgainstARunInProgress changes messages while two runs send them: who
// was a recipient when nothing more was changed gets one copy, and who was
// dropped or changed before that none.
//
// Coverage: edit.
func TestEditsAgainstARunInProgress(t *testing.T) {
	const messages, rounds = 12, 6
	s := testSpool(t)
	s.Patience = 5 * time.Second
	w := newWorld(t, s)
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) {
		if rand.IntN(3) == 0 {
			return refuse(450, "later"), nil
		}
		return refuse(250, "ok"), nil
	}
	var mu sync.Mutex
	settled := make(map[string]bool) // the recipients there are, once all edits are over
	of := make(map[string]int)       // the message of each recipient
	removed := make(map[int]bool)    // messages: none or one copy of these
	var ids []ID
	for i := range messages {
		a, b := fmt.Sprintf("a%d@x.org", i), fmt.Sprintf("b%d@x.org", i)
		ids = append(ids, put(t, s, envelope(a, b), "x"))
		settled[a], settled[b] = true, true
		of[a], of[b] = i, i
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all, runs sync.WaitGroup
	for range 2 {
		runs.Go(func() {
			for ctx.Err() == nil {
				w.runner.Flush(ctx, nil)
			}
		})
	}
	for worker := range 3 {
		all.Go(func() {
			for round := range rounds {
				for i, id := range ids {
					change, gone, come := raceChange(worker, round, i)
					if worker == 0 && round == rounds-1 && i%4 == 0 {
						if s.Remove(ctx, id) == nil {
							mu.Lock()
							removed[i] = true
							mu.Unlock()
						}
						continue
					}
					if _, _, err := s.Edit(ctx, id, change); err != nil {
						continue // done, gone, or changed by another
					}
					mu.Lock()
					for _, to := range gone {
						delete(settled, to)
					}
					for _, to := range come {
						settled[to], of[to] = true, i
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	w.set(func() { w.answer = nil })
	cancel()
	runs.Wait()
	w.flush()
	w.flush()
	for _, to := range w.receivers() {
		if !settled[to] && !removed[of[to]] {
			t.Errorf("%s was dropped or changed, and got a copy", to)
		}
		if n := w.copies(to); n != 1 {
			t.Errorf("%d copies for %s", n, to)
		}
	}
	for to := range settled {
		if w.copies(to) == 0 && !removed[of[to]] {
			t.Errorf("%s got none", to)
		}
	}
	if names, err := s.Sorted(); err != nil || len(names) != 0 {
		t.Errorf("%v is left, %v", names, err)
	}
}

// raceChange is an edit that no other worker makes, of recipients that only
// this one changes.
func raceChange(worker, round, i int) (change Change, gone, come []string) {
	name := func(kind string, n int) string { return fmt.Sprintf("%s%d-%d-%d@x.org", kind, i, worker, n) }
	switch added := name("c", round); {
	case worker == 2 && round == 0:
		old := fmt.Sprintf("b%d@x.org", i)
		return Change{Redirect: []Redirection{{old, added}}}, []string{old}, []string{added}
	case round%2 == 0:
		return Change{Add: []string{added}}, nil, []string{added}
	case worker == 1:
		old := name("c", round-1)
		return Change{Redirect: []Redirection{{old, name("d", round)}}}, []string{old}, []string{name("d", round)}
	}
	old := name("c", round-1)
	return Change{Drop: []string{old}}, []string{old}, nil
}

// TestATimeThatACrashKeptOutOfTheNameHolds has an edit that stopped between its
// append and its rename.
func TestATimeThatACrashKeptOutOfTheNameHolds(t *testing.T) {
	for _, sender := range []string{"me@example.org", "other@example.org"} { // of two routes
		s := testSpool(t)
		put(t, s, envelope("a@x.org"), "x")
		now := time.Now()
		at := now.Add(time.Hour).Truncate(time.Second)
		_, err := s.appendRecords(only(t, s), []Record{
			{At: now, To: -1, Event: EventSender, Address: sender},
			{At: now, To: -1, Event: EventTimed, Text: at.UTC().Format(time.RFC3339)},
			{At: now, To: -1, Event: EventEdited, Code: 2},
		})
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, s)
		w.flush()
		if w.copies("a@x.org") != 0 {
			t.Errorf("%s: it left before its time", sender)
			continue
		}
		edited := envelope("a@x.org")
		edited.From = sender
		if n := only(t, s); !n.Edited || !n.NotBefore.Equal(at) || n.Key != keyOf(edited) {
			t.Errorf("%s: the name is %s", sender, n)
		}
	}
}
