package queue

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A forgetfulDisk remembers how to undo what was done to each directory since
// it was last synced, as a power cut may.
type forgetfulDisk struct {
	Disk
	grave string // removed files, until their directory is synced
	undo  map[string][]func() error
}

func newForgetfulDisk(t *testing.T) *forgetfulDisk {
	return &forgetfulDisk{Disk: swiftDisk{OS{}}, grave: t.TempDir(), undo: make(map[string][]func() error)}
}

func (d *forgetfulDisk) did(path string, undo func() error) {
	dir := filepath.Dir(path)
	d.undo[dir] = append(d.undo[dir], undo)
}

func (d *forgetfulDisk) Create(path string) (File, error) {
	f, err := d.Disk.Create(path)
	if err == nil {
		d.did(path, func() error { return os.Remove(path) })
	}
	return f, err
}

func (d *forgetfulDisk) Mkdir(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		d.did(path, func() error { return os.RemoveAll(path) })
	}
	return d.Disk.Mkdir(path)
}

func (d *forgetfulDisk) Rename(from, to string) error {
	err := d.Disk.Rename(from, to)
	if err == nil {
		d.did(to, func() error { return os.Rename(to, from) })
	}
	return err
}

func (d *forgetfulDisk) Remove(path string) error {
	kept := filepath.Join(d.grave, strconv.Itoa(len(d.undo[filepath.Dir(path)]))+filepath.Base(path))
	if err := os.Link(path, kept); err != nil {
		return d.Disk.Remove(path)
	}
	d.did(path, func() error { return os.Rename(kept, path) })
	return d.Disk.Remove(path)
}

func (d *forgetfulDisk) SyncDir(path string) error {
	delete(d.undo, filepath.Clean(path))
	return d.Disk.SyncDir(path)
}

// forget is the power cut: what was not synced in that directory is undone.
func (d *forgetfulDisk) forget(t *testing.T, dir string) {
	t.Helper()
	steps := d.undo[filepath.Clean(dir)]
	for i := len(steps) - 1; i >= 0; i-- {
		if err := steps[i](); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAPowerCutSendsNothingTwice cuts the power at the end of a run, before
// the directory was synced, to a message that was delivered to one recipient
// long before.
func TestAPowerCutSendsNothingTwice(t *testing.T) {
	for _, later := range []int{250, 550} {
		disk := newForgetfulDisk(t)
		s := NewSpool(filepath.Join(t.TempDir(), "spool"), disk, time.Now)
		w := newWorld(t, s)
		answer := 450
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			if to.Address == "later@x.org" {
				return refuse(answer, "so it is"), nil
			}
			return refuse(250, "ok"), nil
		}
		put(t, s, envelope("first@x.org", "later@x.org"), "x")
		w.flush()
		answer = later
		c := w.runner.newCarrier(w.runner.newGuide(), "main", []job{{name: only(t, s)}})
		c.mu.Lock()
		c.startLane(t.Context()) // and no sync of carry's
		c.mu.Unlock()
		c.open.Wait()
		disk.forget(t, s.QueueDir())

		again := newWorld(t, NewSpool(s.Dir(), swiftDisk{OS{}}, time.Now))
		again.flush()
		if n := w.copies("first@x.org") + again.copies("first@x.org"); n != 1 {
			t.Errorf("%d: %d copies for the recipient that had its message long before", later, n)
		}
	}
}

// TestASpoolThatWasHalfMadeTakesMail stops the process that makes the spool at
// each step, forgets what it had not synced, and hands in the next message.
func TestASpoolThatWasHalfMadeTakesMail(t *testing.T) {
	for stop := 1; stop < 20; stop++ {
		for _, forget := range []bool{false, true} {
			memory := newForgetfulDisk(t)
			disk := &faultyDisk{Disk: memory}
			dir := filepath.Join(t.TempDir(), "spool")
			operations := 0
			disk.fail = func(string, string) error {
				if operations++; operations >= stop {
					return errStop
				}
				return nil
			}
			s := NewSpool(dir, disk, time.Now)
			s.Put(t.Context(), envelope("a@x.org"), strings.NewReader("x")) // it stops
			disk.fail = func(string, string) error { return nil }
			if _, err := s.Put(t.Context(), envelope("b@x.org"), strings.NewReader("x")); err != nil {
				t.Errorf("stopped at step %d: the next message is refused: %v", stop, err)
			}
			if !forget {
				continue
			}
			memory.forget(t, dir)
			if _, err := os.Stat(s.QueueDir()); err != nil {
				t.Errorf("stopped at step %d: a message was accepted into a queue that a power cut takes away: %v", stop, err)
			}
		}
	}
}
