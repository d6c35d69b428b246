package queue

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// An oddDisk reads directories as names says.
type oddDisk struct {
	Disk
	names func(path string, f func(string) bool) error
}

func (d *oddDisk) Names(path string, f func(string) bool) error { return d.names(path, f) }

func TestADirectoryThatCannotBeReadIsNoFaultOfTheOthers(t *testing.T) {
	for _, c := range []struct {
		reason string
		broken func(dirs []string) string
	}{
		{"the first queue directory", func(dirs []string) string { return filepath.Join(dirs[0], dirQueue) }},
		{"the last queue directory", func(dirs []string) string { return filepath.Join(dirs[1], dirQueue) }},
		{"where the slow queues are", func(dirs []string) string { return filepath.Join(dirs[0], dirSlow) }},
		{"a slow queue", func(dirs []string) string { return filepath.Join(dirs[0], dirSlow, "a") }},
	} {
		dirs := []string{t.TempDir(), t.TempDir()}
		var ids []ID
		for i, dir := range dirs {
			s := NewSpool(dir, OS{}, time.Now)
			ids = append(ids, put(t, s, envelope("a@x.org"), "x"))
			if i == 0 {
				slow := s.Within("a")
				ids = append(ids, put(t, slow, envelope("a@x.org"), "x"))
			}
		}
		disk := &oddDisk{Disk: OS{}}
		disk.names = func(path string, f func(string) bool) error {
			if path == c.broken(dirs) {
				return &fs.PathError{Op: "open", Path: path, Err: errors.New("input/output error")}
			}
			return OS{}.Names(path, f)
		}
		s := NewSpoolOver(dirs, disk, time.Now)
		found := 0
		for _, id := range ids {
			if _, err := s.find(id); err == nil {
				found++
			}
		}
		w := newWorld(t, s)
		if _, err := w.runner.Flush(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "input/output error") {
			t.Errorf("%s: the run says %v", c.reason, err)
		}
		if w.copies("a@x.org") != 2 || found != 2 {
			t.Errorf("%s: of the 2 others %d were sent and %d found", c.reason, w.copies("a@x.org"), found)
		}
	}
}

// TestANameThatOneReadingHasMissedIsFound has a directory in which the name was
// changed while it was read.
func TestANameThatOneReadingHasMissedIsFound(t *testing.T) {
	disk := &oddDisk{Disk: OS{}, names: OS{}.Names}
	s := NewSpool(t.TempDir(), disk, time.Now)
	id := put(t, s, envelope("a@x.org"), "x")
	readings := 0
	disk.names = func(path string, f func(string) bool) error {
		if filepath.Base(path) == dirQueue {
			if readings++; readings%2 == 1 {
				return nil
			}
		}
		return OS{}.Names(path, f)
	}
	if err := s.Hold(t.Context(), id, "wait"); err != nil {
		t.Error(err)
	}
}

// TestAStrayTakesNoResultsThatMayBeAnothers sets a file aside whose name begins
// with the id of a message, while nobody can say whether that is there.
func TestAStrayTakesNoResultsThatMayBeAnothers(t *testing.T) {
	disk := &oddDisk{Disk: OS{}, names: OS{}.Names}
	s := NewSpool(t.TempDir(), disk, time.Now)
	w := newWorld(t, s)
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
	id := put(t, s, envelope("a@x.org"), "x")
	w.flush()
	name := only(t, s)
	stray := string(id) + ".old"
	if err := os.WriteFile(filepath.Join(s.QueueDir(), stray), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	disk.names = func(path string, f func(string) bool) error {
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("input/output error")}
	}
	if err := s.setAside(s.placeOf(name), stray, "no message of ours"); err != nil {
		t.Fatal(err)
	}
	disk.names = OS{}.Names
	if history, err := s.History(name); err != nil || len(history) == 0 {
		t.Errorf("the message has lost its story: %v, %v", history, err)
	}
	// Another process was first.
	if err := s.setAside(s.placeOf(name), "gone", "no message of ours"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("to set aside what is not there: %v", err)
	}
	if _, err := os.Stat(s.path(dirDamaged, "gone"+whySuffix)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reason is left for a file that is not there: %v", err)
	}
}

func TestAMessageThatCouldNotBeReadForAWhileGoesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &faultyDisk{Disk: OS{}}
		s := NewSpool(t.TempDir(), disk, time.Now)
		w := newWorld(t, s)
		id := put(t, s, envelope("a@x.org"), "x")
		var broken atomic.Bool
		broken.Store(true)
		disk.fail = func(op, path string) error {
			if op == "open" && broken.Load() && strings.Contains(path, string(id)) {
				return &fs.PathError{Op: op, Path: path, Err: errors.New("input/output error")}
			}
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, nil, nil) }()
		synctest.Wait()
		broken.Store(false)
		time.Sleep(unreadTime + time.Second) // virtual
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("the disk has been in order for a while, and the message still waits")
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

// TestTheOlderOfTwoNamesGoesThoughItDoesNotSayAll leaves a message with two
// names, of which the older does not show an edit.
func TestTheOlderOfTwoNamesGoesThoughItDoesNotSayAll(t *testing.T) {
	s := testSpool(t)
	id := put(t, s, envelope("a@x.org"), "x")
	older := only(t, s)
	if _, _, err := s.Edit(t.Context(), id, Change{From: pointer("you@example.org")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Slow(t.Context(), Name{ID: id}, slowQueue("old")); err != nil {
		t.Fatal(err)
	}
	newer := only(t, s)
	if err := os.Link(s.file(newer), s.file(older)); err != nil {
		t.Fatal(err)
	}
	if err := s.mendMoves(); err != nil {
		t.Error(err)
	}
	if names := allNames(t, s); len(names) != 1 || names[0] != newer {
		t.Errorf("left are %v", names)
	}
}

// TestANameThatIsListedAndNotThereEndsNoRunInACircle has a directory that goes
// on to list what is not there, as ext4 may after a fault of its journal.
func TestANameThatIsListedAndNotThereEndsNoRunInACircle(t *testing.T) {
	disk := &oddDisk{Disk: OS{}, names: OS{}.Names}
	s := NewSpool(t.TempDir(), disk, time.Now)
	s.Patience = time.Minute
	w := newWorld(t, s)
	id := put(t, s, envelope("ghost@x.org"), "x")
	ghost := only(t, s)
	put(t, s, envelope("a@x.org"), "x")
	if err := os.Remove(s.file(ghost)); err != nil {
		t.Fatal(err)
	}
	disk.names = func(path string, f func(string) bool) error {
		if filepath.Base(path) == dirQueue {
			f(ghost.String())
		}
		return OS{}.Names(path, f)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if sum, err := w.runner.Flush(ctx, nil); err != nil || sum.Delivered != 1 {
		t.Errorf("the run: %+v, %v", sum, err)
	}
	if err := s.Hold(ctx, id, "wait"); !errors.Is(err, errNotThere) {
		t.Errorf("to hold it: %v", err)
	}
	if _, here := s.await(ctx, ghost); here {
		t.Error("it counts as there")
	}
}
