package queue

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailcrane/internal/sysexits"
)

func TestWhatIsNoRegularFileIsSetAside(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		reason string
		make   func(path string) error
	}{
		{"a link to a message", func(path string) error {
			return errors.Join(os.Rename(path, filepath.Join(dir, "m")), os.Symlink(filepath.Join(dir, "m"), path))
		}},
		{"a link to nothing", func(path string) error { return errors.Join(os.Remove(path), os.Symlink("nowhere", path)) }},
		{"a directory", func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }},
	} {
		s := testSpool(t)
		w := newWorld(t, s)
		put(t, s, envelope("a@x.org"), "x")
		name := only(t, s)
		path := s.path(dirQueue, name.String())
		if err := c.make(path); err != nil {
			t.Fatal(err)
		}
		if entry, ok := s.Shown(name); !ok || entry.State(time.Now()) != "unreadable" || !strings.Contains(entry.Why(), "no regular file") {
			t.Errorf("%s: shows as %q because %q", c.reason, entry.State(time.Now()), entry.Why())
		}
		if sum := w.flush(); sum.Delivered != 0 || sum.Waiting != 0 {
			t.Errorf("%s: %+v", c.reason, sum)
		}
		if aside, err := s.SetAside(); len(aside) != 1 || aside[0] != name.String() {
			t.Errorf("%s: set aside: %v, %v", c.reason, aside, err)
		}
	}
}

func TestAMessageThatCannotBeReadIsShownAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &faultyDisk{Disk: swiftDisk{OS{}}}
		s := NewSpool(t.TempDir(), disk, time.Now)
		w := newWorld(t, s)
		id := put(t, s, envelope("a@x.org"), "x")
		name := only(t, s)
		locked, opens := true, 0
		disk.fail = func(op, path string) error {
			if op == "open" && locked && strings.Contains(path, string(id)) {
				opens++
				return &fs.PathError{Op: op, Path: path, Err: fs.ErrPermission}
			}
			return nil
		}
		entry, ok := s.Shown(name)
		if !ok || entry.State(time.Now()) != "unreadable" || !strings.Contains(entry.Why(), "permission denied") {
			t.Errorf("shown: %v, because %q", ok, entry.Why())
		}
		if _, _, err := s.Read(id); sysexits.Code(err) != sysexits.DataErr || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("to show it: %v", err)
		}
		arrivals, pokes := make(chan struct{}, 1), make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- w.runner.Serve(ctx, arrivals, pokes) }()
		synctest.Wait()
		opens = 0
		for range 10 {
			arrivals <- struct{}{}
			synctest.Wait()
		}
		if only(t, s) != name || opens > 0 {
			t.Errorf("left: %s; tried to read %d times more", only(t, s), opens)
		}
		locked = false
		pokes <- struct{}{}
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("it did not go when it could be read again")
		}
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}
