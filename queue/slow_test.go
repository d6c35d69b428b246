package queue

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/internal/sysexits"
)

func slowQueue(name string) config.SlowQueue {
	return config.SlowQueue{Name: name, Interval: time.Hour}
}

// standing is the places and names of all messages, as the directories have
// them, duplicates too.
func allNames(t *testing.T, s *Spool) []Name {
	t.Helper()
	var names []Name
	if err := s.Names(func(n Name) bool { names = append(names, n); return true }); err != nil {
		t.Fatal(err)
	}
	return names
}

func TestAMoveKeepsAllButWhenTheMessageIsDue(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 20, 0, 0, time.UTC)
	s := NewSpool(t.TempDir(), swiftDisk{OS{}}, func() time.Time { return now })
	w := newWorld(t, s)
	w.runner.Now = s.now
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
	id := put(t, s, envelope("a@x.org"), "caf\xc3\xa9")
	w.flush()
	before := only(t, s)
	if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("old")); err != nil {
		t.Fatal(err)
	}
	after := only(t, s)
	if after.Slow() != "old" || filepath.Dir(s.file(after)) != filepath.Join(s.Dir(), "slow/old") {
		t.Errorf("it stands in %q, at %s", after.Slow(), s.file(after))
	}
	if want := now.Add(40 * time.Minute); !after.Next.Equal(want) {
		t.Errorf("its next try is at %v, want the next run of the slow queue at %v", after.Next, want)
	}
	history, err := s.History(after)
	if err != nil || history[len(history)-1].Event != "moved" || history[len(history)-1].Text != "to the slow queue old" {
		t.Errorf("its story is %v, %v", history, err)
	}
	same := after
	same.Next, same.History, same.at = before.Next, before.History, nil
	if same != before {
		t.Errorf("the name was %v and is %v", before, after)
	}
	if err := s.Slow(t.Context(), after, slowQueue("old")); sysexits.Code(err) != sysexits.DataErr {
		t.Errorf("moved to where it is: %v", err)
	}
	if err := s.Back(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if back := only(t, s); back.Slow() != "" || !back.Due(now) || back.Attempts != before.Attempts {
		t.Errorf("moved back it is %v in %q", back, back.Slow())
	}
	if err := s.Back(t.Context(), Name{ID: id}); sysexits.Code(err) != sysexits.DataErr {
		t.Errorf("moved back twice: %v", err)
	}
}

func TestAMessageThatIsBeingSentIsLeftWhereItIs(t *testing.T) {
	s := testSpool(t)
	put(t, s, envelope("a@x.org"), "x")
	name := only(t, s)
	m, err := s.claim(name, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Slow(t.Context(), name, slowQueue("slow")); sysexits.Code(err) != sysexits.TempFail || !strings.Contains(err.Error(), "on its way just now") {
		t.Errorf("moved while it is locked: %v", err)
	}
	if only(t, s) != name {
		t.Error("it was moved")
	}
	m.Release()
}

func TestAMoveReplacesNoFile(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	moved := only(t, s)
	moved.Next = nextRun(slowQueue("slow"), time.Now())
	dir := s.path(dirSlow, "slow")
	there := filepath.Join(dir, moved.String())
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(there, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("slow")); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("moved over another file: %v", err)
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "another" {
		t.Errorf("the other file is %q, %v", text, err)
	}
}

// TestAMoveLosesNothingWhereverTheProcessStops lets each disk operation of a
// move be the last, then looks with a new process.
//
// Coverage: A28.
func TestAMoveLosesNothingWhereverTheProcessStops(t *testing.T) {
	for _, back := range []bool{false, true} {
		for stop, died := 1, true; died; stop++ {
			disk := &faultyDisk{Disk: swiftDisk{OS{}}}
			s := NewSpool(t.TempDir(), disk, time.Now)
			id := put(t, s, envelope("a@x.org"), "x")
			if back {
				if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("slow")); err != nil {
					t.Fatal(err)
				}
			}
			operations := 0
			died = false
			disk.fail = func(string, string) error {
				if operations++; operations >= stop {
					died = true
					return errStop
				}
				return nil
			}
			if err := moveFor(t, s, id, back); (err != nil) != died {
				t.Fatalf("stop %d: the move says %v", stop, err)
			}
			oneCopy(t, s.Dir(), stop)
		}
	}
}

func moveFor(t *testing.T, s *Spool, id ID, back bool) error {
	t.Helper()
	if back {
		return s.Back(t.Context(), Name{ID: id})
	}
	return s.Slow(t.Context(), Name{ID: id}, slowQueue("slow"))
}

// oneCopy says with a new process that the message is there once.
func oneCopy(t *testing.T, dir string, stop int) {
	t.Helper()
	s := NewSpool(dir, swiftDisk{OS{}}, time.Now)
	again := newWorld(t, s)
	again.flush()
	if n := again.copies("a@x.org"); n != 1 {
		t.Errorf("stopped at step %d: sent %d times", stop, n)
	}
	if left := allNames(t, s); len(left) != 0 {
		t.Errorf("stopped at step %d: %v is left", stop, left)
	}
}

// A tornDisk is a forgetful one that may keep of a rename from one directory to
// another the new name alone. None that is in use keeps the end of the old name
// before the new one is there.
type tornDisk struct{ *forgetfulDisk }

func (d tornDisk) Rename(from, to string) error {
	if filepath.Dir(from) == filepath.Dir(to) {
		return d.forgetfulDisk.Rename(from, to)
	}
	kept := filepath.Join(d.grave, "moved-"+filepath.Base(from))
	if err := os.Link(from, kept); err != nil {
		return err
	}
	if err := d.Disk.Rename(from, to); err != nil {
		return err
	}
	restored := false
	restore := func() error {
		if restored {
			return nil
		}
		restored = true
		return os.Rename(kept, from)
	}
	d.did(to, func() error { return errors.Join(os.Remove(to), restore()) })
	d.did(from, restore)
	return nil
}

// TestAPowerCutInAMoveLosesNothing cuts the power after each step, on a disk
// that keeps any of the directories as it was when it was last synced.
//
// Coverage: A28.
func TestAPowerCutInAMoveLosesNothing(t *testing.T) {
	for _, back := range []bool{false, true} {
		for forgotten := range 8 {
			for stop, died := 1, true; died; stop++ {
				torn := tornDisk{newForgetfulDisk(t)}
				disk := &faultyDisk{Disk: torn}
				s := NewSpool(t.TempDir(), disk, time.Now)
				id := put(t, s, envelope("a@x.org"), "x")
				if back {
					if err := moveFor(t, s, id, false); err != nil {
						t.Fatal(err)
					}
				}
				operations := 0
				died = false
				disk.fail = func(string, string) error {
					if operations++; operations >= stop {
						died = true
						return errStop
					}
					return nil
				}
				if err := moveFor(t, s, id, back); (err != nil) != died {
					t.Fatalf("stop %d: the move says %v", stop, err)
				}
				for i, dir := range []string{s.QueueDir(), s.path(dirSlow, "slow"), s.path(dirResult, "")} {
					if forgotten>>i&1 == 1 {
						torn.forget(t, dir)
					}
				}
				oneCopy(t, s.Dir(), stop)
			}
		}
	}
}

// TestMovesDoNotDisturbARun moves messages to and fro while runs send them.
//
// Coverage: A28.
func TestMovesDoNotDisturbARun(t *testing.T) {
	s := NewSpoolOver([]string{t.TempDir(), t.TempDir()}, swiftDisk{OS{}}, time.Now)
	w := newWorld(t, s)
	const messages = 40
	var ids []ID
	for range messages {
		ids = append(ids, put(t, s, envelope("a@x.org"), "x"))
	}
	var movers sync.WaitGroup
	for i := range 2 {
		movers.Go(func() {
			mover := NewSpoolOver([]string{s.roots[0].dir, s.roots[1].dir}, swiftDisk{OS{}}, time.Now)
			for round := range 4 {
				for _, id := range ids {
					err := moveFor(t, mover, id, (round+i)%2 == 1)
					if code := sysexits.Code(err); err != nil && code != sysexits.TempFail && code != sysexits.DataErr {
						t.Errorf("moving %s: %v", id, err)
					}
				}
			}
		})
	}
	for range 3 {
		if _, err := w.runner.Flush(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	movers.Wait()
	w.flush()
	if n := w.copies("a@x.org"); n != messages {
		t.Errorf("%d messages were sent %d times", messages, n)
	}
	if left := allNames(t, s); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if aside, err := s.SetAside(); len(aside) != 0 || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

func TestWhatAPersonDoesReachesASlowQueue(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("slow")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		do   func() error
		want func(Name) bool
	}{
		{"hold", func() error { return s.Hold(t.Context(), id, "") }, func(n Name) bool { return n.Held }},
		{"release", func() error { return s.ReleaseHeld(t.Context(), id) }, func(n Name) bool { return !n.Held && n.Due(time.Now()) }},
		{"retry", func() error { return s.Retry(t.Context(), id) }, func(n Name) bool { return n.Due(time.Now()) }},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		if n := only(t, s); n.Slow() != "slow" || !c.want(n) {
			t.Errorf("%s: it is %v in %q", c.what, n, n.Slow())
		}
	}
	entry, message, err := s.Read(id)
	if err != nil || entry.Name.Slow() != "slow" {
		t.Fatalf("reading it: %v, %v", entry, err)
	}
	message.Close()
	if err := s.Remove(t.Context(), id); err != nil || len(allNames(t, s)) != 0 {
		t.Errorf("removing it: %v", err)
	}
	if left, err := os.ReadDir(s.path(dirResult, "")); err != nil || len(left) != 0 {
		t.Errorf("result/ has %v, %v", left, err)
	}
}

func TestOnlyDirectoriesWithAPlainNameAreSlowQueues(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	for _, name := range []string{"b", "a.1", "A-2_x", ".hidden", "two words", "a~"} {
		if err := os.Mkdir(s.path(dirSlow, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.path(dirSlow, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := s.slowNames(s.roots[0])
	if want := []string{"A-2_x", "a.1", "b", "file"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("slow queues %v, %v; want %v", names, err, want)
	}
	if only(t, s).ID != id {
		t.Error("a file among the slow queues hides the queue")
	}
}

func TestADamagedFileInASlowQueueIsSetAside(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("slow")); err != nil {
		t.Fatal(err)
	}
	name := only(t, s)
	for path, text := range map[string]string{s.file(name): "not this", s.path(dirSlow, "slow/core"): "x"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w := newWorld(t, s)
	if sum := w.flush(); sum.Delivered != 0 || sum.Waiting != 0 {
		t.Errorf("%+v", sum)
	}
	if aside, err := s.SetAside(); !slices.Equal(aside, []string{name.String(), "core"}) || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}
