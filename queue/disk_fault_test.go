package queue

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/sysexits"
)

// A faultyDisk fails where its fail function says so, of which one call is made
// at a time.
type faultyDisk struct {
	Disk
	fail func(op, path string) error
	turn sync.Mutex
}

func (d *faultyDisk) check(op, path string) error {
	d.turn.Lock()
	defer d.turn.Unlock()
	if d.fail == nil {
		return nil
	}
	return d.fail(op, path)
}

func (d *faultyDisk) Create(path string) (File, error) {
	if err := d.check("create", path); err != nil {
		return nil, err
	}
	f, err := d.Disk.Create(path)
	return &faultyFile{f, d, path}, err
}

func (d *faultyDisk) Open(path string) (File, error) {
	if err := d.check("open", path); err != nil {
		return nil, err
	}
	return d.Disk.Open(path)
}

func (d *faultyDisk) Peek(path string, b []byte) (int, error) {
	if err := d.check("open", path); err != nil {
		return 0, err
	}
	return d.Disk.Peek(path, b)
}

func (d *faultyDisk) Append(path string) (File, error) {
	if err := d.check("append", path); err != nil {
		return nil, err
	}
	f, err := d.Disk.Append(path)
	return &faultyFile{f, d, path}, err
}

func (d *faultyDisk) Rename(from, to string) error {
	if err := d.check("rename", from); err != nil {
		return err
	}
	return d.Disk.Rename(from, to)
}

func (d *faultyDisk) Mkdir(path string) error {
	if err := d.check("mkdir", path); err != nil {
		return err
	}
	return d.Disk.Mkdir(path)
}

func (d *faultyDisk) Remove(path string) error {
	if err := d.check("remove", path); err != nil {
		return err
	}
	return d.Disk.Remove(path)
}

func (d *faultyDisk) SyncDir(path string) error {
	if err := d.check("syncdir", path); err != nil {
		return err
	}
	return d.Disk.SyncDir(path)
}

type faultyFile struct {
	File
	disk *faultyDisk
	path string
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if err := f.disk.check("write", f.path); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.check("sync", f.path); err != nil {
		return err
	}
	return f.File.Sync()
}

var errStop = errors.New("the machine stops here")

// TestNothingIsLostWhereverTheProcessStops lets every single disk operation
// of submission and delivery be the last one, then looks at what a new
// process finds.
func TestNothingIsLostWhereverTheProcessStops(t *testing.T) {
	for stop := 1; ; stop++ {
		dir := t.TempDir()
		disk := &faultyDisk{Disk: swiftDisk{OS{}}}
		s := NewSpool(dir, disk, time.Now)
		put(t, s, envelope("first@x.org"), "x") // makes the directories
		w := newWorld(t, s)
		w.answer = func(_ *Delivery, to Recipient) (Outcome, *RouteFault) {
			switch to.Address {
			case "never@x.org":
				return refuse(550, "no"), nil
			case "later@x.org":
				return refuse(450, "later"), nil
			}
			return refuse(250, "ok"), nil
		}
		operations, died := 0, false
		disk.fail = func(string, string) error {
			if operations++; operations >= stop {
				died = true
				return errStop
			}
			return nil
		}
		_, err := s.Put(t.Context(), envelope("a@x.org", "never@x.org", "later@x.org"), strings.NewReader("Subject: x\n\nbody\n"))
		accepted := err == nil
		w.runner.Flush(t.Context(), nil) // the machine may stop in it
		delivered := w.copies("a@x.org")

		again := newWorld(t, NewSpool(dir, swiftDisk{OS{}}, time.Now))
		again.flush()
		again.flush()
		total := delivered + again.copies("a@x.org")
		if accepted && total == 0 || accepted && again.copies("later@x.org") == 0 {
			t.Fatalf("stop %d: an accepted message is lost", stop)
		}
		if first := w.copies("first@x.org") + again.copies("first@x.org"); first == 0 {
			t.Fatalf("stop %d: an accepted message is lost", stop)
		}
		if reports := len(w.got["me@example.org"]) + len(again.got["me@example.org"]); accepted && !died && reports != 1 {
			t.Fatalf("stop %d: %d reports", stop, reports)
		}
		for _, text := range slices.Concat(w.got["a@x.org"], again.got["a@x.org"]) {
			if text != "Subject: x\n\nbody\n" {
				t.Fatalf("stop %d: half a message was sent: %q", stop, text)
			}
		}
		if !died {
			t.Logf("%d stop points", stop-1)
			return
		}
	}
}

func TestASyncThatFailsTakesTheMessageBack(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "rename", "syncdir"} {
		disk := &faultyDisk{Disk: swiftDisk{OS{}}}
		s := NewSpool(t.TempDir(), disk, time.Now)
		put(t, s, envelope("first@x.org"), "x")
		failed := false
		disk.fail = func(what, _ string) error {
			if what == op && !failed {
				failed = true
				return errors.New("input/output error")
			}
			return nil
		}
		_, err := s.Put(t.Context(), envelope("a@x.org"), strings.NewReader("x"))
		if sysexits.Code(err) != sysexits.TempFail || !strings.Contains(err.Error(), s.Dir()) {
			t.Errorf("%s fails: Put says %v", op, err)
		}
		only(t, s)
	}
}
