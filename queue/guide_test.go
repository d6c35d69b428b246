package queue

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneMessageIsReadForTheRouteOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &faultyDisk{Disk: swiftDisk{OS{}}}
		s := NewSpool(t.TempDir(), disk, time.Now)
		w := newWorld(t, s)
		w.try = false
		for range 30 {
			put(t, s, envelope("a@x.org"), "x")
			other := envelope("a@x.org")
			other.From = "other@example.org"
			put(t, s, other, "x")
		}
		var opened atomic.Int32
		disk.fail = func(op, path string) error {
			if op == "open" && strings.HasPrefix(path, s.QueueDir()) {
				opened.Add(1)
			}
			return nil
		}
		arrivals := make(chan struct{})
		stop := w.serve(arrivals)
		for range 5 {
			arrivals <- struct{}{}
			synctest.Wait()
		}
		if n := opened.Load(); n != 2 {
			t.Errorf("%d messages of two senders were opened, want 2", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// misled puts a message of route "other" under the key of route "main".
func misled(t *testing.T, s *Spool) {
	t.Helper()
	put(t, s, envelope("main@x.org"), "x")
	key := only(t, s).Key
	other := envelope("other@x.org")
	other.From = "other@example.org"
	// It is claimed before the route of the other one is found to be down.
	m, err := s.claimID(t.Context(), put(t, s, other, "Precedence: special-delivery\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	if err := m.rename(func(n *Name) { n.Key = key }); err != nil {
		t.Fatal(err)
	}
}

func TestAMessageOfAnotherRouteThanItsKeySaysGoesByItsOwn(t *testing.T) {
	s := testSpool(t)
	w := newWorld(t, s)
	misled(t, s)
	w.open["main"] = lost()
	if sum := w.flush(); sum.Delivered != 1 || w.copies("other@x.org") != 1 {
		t.Errorf("summary %+v", sum)
	}
	synctest.Test(t, func(t *testing.T) {
		s := testSpool(t)
		w := newWorld(t, s)
		misled(t, s)
		stop := w.serve(nil)
		synctest.Wait()
		if w.copies("other@x.org") != 1 || w.copies("main@x.org") != 1 {
			t.Errorf("the agent sent %v", w.got)
		}
		if w.opened() != 2 {
			t.Errorf("%d sessions, want one for each route", w.opened())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A slowDisk takes its time to read a directory.
type slowDisk struct {
	OS
	reads atomic.Int32
}

func (d *slowDisk) Names(path string, f func(string) bool) error {
	if strings.HasSuffix(path, dirQueue) {
		d.reads.Add(1)
		time.Sleep(200 * time.Millisecond)
	}
	return d.OS.Names(path, f)
}

func TestAFullQueueIsReadForAFifthOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{}
		s := NewSpool(t.TempDir(), disk, time.Now)
		w := newWorld(t, s)
		w.try = false
		arrivals := make(chan struct{}, 1)
		stop := w.serve(arrivals)
		for range 6000 { // in a minute
			select {
			case arrivals <- struct{}{}:
			default:
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := disk.reads.Load(); n < 50 || n > 65 {
			t.Errorf("%d readings of 0.2 s each in a minute, want 60", n)
		}
		w.set(func() { w.try = true })
		time.Sleep(10 * time.Second)
		put(t, s, envelope("a@x.org"), "x")
		arrivals <- struct{}{}
		time.Sleep(201 * time.Millisecond)
		synctest.Wait()
		if w.copies("a@x.org") != 1 {
			t.Error("a message that comes alone has to wait")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
