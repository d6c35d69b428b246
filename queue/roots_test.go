package queue

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMessagesGoIntoAnyOfSeveralDirectories(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	s := NewSpoolOver(dirs, swiftDisk{OS{}}, time.Now)
	w := newWorld(t, s)
	const messages = 60
	var last ID
	for range messages {
		last = put(t, s, envelope("a@x.org"), "x")
	}
	for _, dir := range dirs {
		alone := NewSpool(dir, swiftDisk{OS{}}, time.Now)
		if n := len(allNames(t, alone)); n == 0 || n == messages {
			t.Errorf("%s has %d of %d messages", dir, n, messages)
		}
	}
	names, err := s.Sorted()
	if err != nil || len(names) != messages {
		t.Fatalf("the list has %d messages, %v", len(names), err)
	}
	if _, message, err := s.Read(last); err != nil {
		t.Error(err)
	} else {
		message.Close()
	}
	if sum := w.flush(); sum.Delivered != messages || sum.Waiting != 0 {
		t.Errorf("%+v", sum)
	}
	if err := s.Prepare(); err != nil {
		t.Error(err)
	}
}

func TestADirectoryThatTakesNothingIsPassedBy(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	disk := &faultyDisk{Disk: swiftDisk{OS{}}}
	s := NewSpoolOver(dirs, disk, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	disk.fail = func(op, path string) error {
		if op == "create" && strings.HasPrefix(path, dirs[0]) {
			return errors.New("read-only file system")
		}
		return nil
	}
	for range 20 {
		put(t, s, envelope("a@x.org"), "x")
	}
	disk.fail = func(op, _ string) error {
		if op == "create" {
			return errors.New("read-only file system")
		}
		return nil
	}
	_, err := s.Put(t.Context(), envelope("a@x.org"), strings.NewReader("x"))
	if err == nil || !strings.Contains(err.Error(), "read-only file system") {
		t.Errorf("with no directory that takes it: %v", err)
	}
}

func TestADamagedFileStaysInItsOwnDirectory(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	s := NewSpoolOver(dirs, swiftDisk{OS{}}, time.Now)
	w := newWorld(t, s)
	disk := OS{}
	for _, dir := range dirs {
		if err := NewSpool(dir, swiftDisk{OS{}}, time.Now).Prepare(); err != nil {
			t.Fatal(err)
		}
		f, err := disk.Create(filepath.Join(dir, dirQueue, "core"))
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	w.flush()
	for _, dir := range dirs {
		if _, err := disk.Modified(filepath.Join(dir, dirDamaged, "core")); err != nil {
			t.Error(err)
		}
	}
	if aside, err := s.SetAside(); len(aside) != 2 || err != nil {
		t.Errorf("set aside: %v, %v", aside, err)
	}
}

func TestTheDirectoryOfASlowQueueIsTheSpoolConfinedToIt(t *testing.T) {
	dir := t.TempDir()
	s := NewSpool(dir, swiftDisk{OS{}}, time.Now)
	put(t, s, envelope("a@x.org"), "x")
	side := NewSpoolOver([]string{filepath.Join(dir, "slow", "side")}, swiftDisk{OS{}}, time.Now)
	if side.Confined() != "side" || side.Dir() != dir {
		t.Fatalf("confined to %q of %s", side.Confined(), side.Dir())
	}
	id := put(t, side, envelope("b@x.org"), "x")
	if n := only(t, side); n.ID != id || n.Slow() != "side" {
		t.Errorf("it has %v in %q", n, n.Slow())
	}
	if all := allNames(t, s); len(all) != 2 {
		t.Errorf("the spool has %v", all)
	}
	w := newWorld(t, side)
	if sum := w.flush(); sum.Delivered != 1 || w.copies("b@x.org") != 1 {
		t.Errorf("%+v", sum)
	}
	for _, c := range []struct{ reason, dir string }{
		{"a spool of that name", filepath.Join(t.TempDir(), "slow", "side")},
		{"the slow queues together", filepath.Join(dir, "slow")},
	} {
		if got := NewSpoolOver([]string{c.dir}, swiftDisk{OS{}}, time.Now); got.Confined() != "" || got.Dir() != c.dir {
			t.Errorf("%s: confined to %q of %s", c.reason, got.Confined(), got.Dir())
		}
	}
}
