package arrivals

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

func TestWhatBecomesDueIsTold(t *testing.T) {
	s := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	arrived, err := Watch(ctx, s, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	wait := func(what string) {
		t.Helper()
		select {
		case <-arrived:
		case <-ctx.Done():
			t.Fatalf("%s was not told", what)
		}
	}
	id, err := s.Put(ctx, &queue.Envelope{To: []queue.Recipient{{Address: "a@b.c"}}}, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	wait("a new message")
	if err := s.Hold(ctx, id, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.ReleaseHeld(ctx, id); err != nil {
		t.Fatal(err)
	}
	wait("a released message")
	select {
	case <-arrived:
		t.Error("holding a message was told as an arrival")
	default:
	}
}

// What another process finds of a route is written there, and this one waits for
// nothing else.
func TestARouteThatComesUpIsTold(t *testing.T) {
	s := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	down := &queue.RouteFault{Step: queue.StepAuth, NeedsPerson: true, Err: errors.New("no"), Transcript: []string{"> AUTH"}}
	w := &watch{spool: s, down: make(map[string]bool)}
	for n, c := range []struct {
		fault *queue.RouteFault
		told  bool
	}{{nil, false}, {down, false}, {down, false}, {nil, true}, {nil, false}} {
		if err := s.NoteRoute("work", c.fault); err != nil {
			t.Fatal(err)
		}
		told := w.cameUp(filepath.Join(s.RoutesDir(), "work~transcript")) || w.cameUp(filepath.Join(s.RoutesDir(), "work"))
		if told != c.told {
			t.Errorf("note %d: told %v", n, told)
		}
	}
}

func TestARemovedQueueEndsTheWatch(t *testing.T) {
	for _, c := range []struct {
		how string
		do  func(dir string) error
	}{
		{"removed", os.RemoveAll},
		{"moved", func(dir string) error { return os.Rename(dir, dir+".old") }},
	} {
		s := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
		if err := s.Prepare(); err != nil {
			t.Fatal(err)
		}
		arrived, err := Watch(t.Context(), s, time.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.do(s.QueueDir()); err != nil {
			t.Fatal(err)
		}
		select {
		case _, ok := <-arrived:
			if ok {
				t.Errorf("%s: told as an arrival", c.how)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the watch goes on", c.how)
		}
	}
}

func TestTheRunsOwnRenamesAreNotArrivals(t *testing.T) {
	const id = "cemhx4cmm09d5"
	now := time.Unix(1764000000, 0)
	for _, c := range []struct {
		reason, name string
		want         bool
	}{
		{"a new message", queue.Name{ID: id}.String(), true},
		{"its retry is due", queue.Name{ID: id, Attempts: 2, Next: now.Add(-time.Second)}.String(), true},
		{"on the wire", queue.Name{ID: id, OnWire: true}.String(), false},
		{"deferred", queue.Name{ID: id, Attempts: 1, Next: now.Add(time.Minute)}.String(), false},
		{"held", queue.Name{ID: id, Held: true}.String(), false},
		{"no message", "core", false},
	} {
		if got := due("/spool/queue/"+c.name, now); got != c.want {
			t.Errorf("%s: told %v", c.reason, got)
		}
	}
}

// TestWhatBecomesDueInASlowQueueIsTold moves a message into a slow queue that
// was not there when the watch began, and has a person make it due there.
func TestWhatBecomesDueInASlowQueueIsTold(t *testing.T) {
	s := queue.NewSpoolOver([]string{t.TempDir(), t.TempDir()}, queue.OS{}, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var ids []queue.ID
	for range 20 { // some in each of the two
		id, err := s.Put(ctx, &queue.Envelope{To: []queue.Recipient{{Address: "a@b.c"}}}, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	arrived, err := Watch(ctx, s, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	slow := config.SlowQueue{Name: "slow", Interval: time.Hour}
	for _, id := range ids {
		if err := s.Slow(ctx, queue.Name{ID: id}, slow); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(what string) {
		t.Helper()
		select {
		case <-arrived:
		case <-ctx.Done():
			t.Fatalf("%s was not told", what)
		}
	}
	wait("the new slow queue")
	// A few words about the two new directories may still come, far fewer than
	// the messages that are made due one by one.
	for _, id := range ids {
		if err := s.Retry(ctx, id); err != nil {
			t.Fatal(err)
		}
		wait("a message made due in a slow queue")
	}
}
