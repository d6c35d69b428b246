package queue

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestASweepRemovesResultsWithoutAMessage(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		reason        string
		received, mod time.Duration // before now
		stands        string        // where a file of its name stands, if one does
		gone          bool
	}{
		{"left behind by a stopped machine", 3 * day, 3 * day, "", true},
		{"of a message in the queue", 3 * day, 3 * day, "queue/%s.s1.r1.a1.n0.f.c0000000000000001", false},
		{"of a message in a slow queue", 3 * day, 3 * day, "slow/late/%s.s1.r1.a1.n0.f.c0000000000000001", false},
		{"of one under a name that cannot be read", 3 * day, 3 * day, "queue/%s.???", false},
		{"of one that was set aside", 3 * day, 3 * day, "damaged/%s.s1.r1.a1.n0.f.c0000000000000001", false},
		{"written lately", 3 * day, time.Hour, "", false},
		{"of a message of today, by its ID", time.Hour, 3 * day, "", false},
	} {
		s := testSpool(t)
		put(t, s, envelope("a@x.org"), "x") // makes the directories
		now := time.Now()
		id := newID(now.Add(-c.received))
		path := s.path(dirResult, string(id))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now, now.Add(-c.mod)); err != nil {
			t.Fatal(err)
		}
		if dir, file := filepath.Split(c.stands); file != "" {
			dir = filepath.Join(s.Dir(), dir)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, string(id)+file[2:]), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Sweep(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) != c.gone {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

// hidingDisk misses, in its first reading of the queue, what stands there.
type hidingDisk struct {
	OS
	queue string
	reads int
}

func (d *hidingDisk) Names(path string, f func(string) bool) error {
	if path == d.queue {
		if d.reads++; d.reads == 1 {
			return nil
		}
	}
	return d.OS.Names(path, f)
}

func TestASweepBelievesNoSingleReadingOfTheQueue(t *testing.T) {
	disk := &hidingDisk{reads: 1} // the run sees the message
	later := time.Now().Add(7 * 24 * time.Hour)
	s := NewSpool(t.TempDir(), disk, func() time.Time { return later })
	disk.queue = s.QueueDir()
	w := newWorld(t, s)
	e := envelope("a@x.org")
	e.Received = time.Now()
	id := put(t, s, e, "x")
	w.answer = func(*Delivery, Recipient) (Outcome, *RouteFault) { return refuse(450, "later"), nil }
	w.flush()
	disk.reads = 0
	if err := s.sweepResults(); err != nil {
		t.Fatal(err)
	}
	if history, err := s.History(Name{ID: id}); err != nil || len(history) != 1 {
		t.Errorf("the story of a waiting message is %v, %v", history, err)
	}
}
