package tidings

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// server is a way out that answers for each recipient by its local part.
type server struct{}

func (server) Route(*queue.Envelope) (queue.Route, error) { return "work", nil }
func (server) ReturnTo(e *queue.Envelope) string          { return e.From }
func (server) Verdict(queue.Route) queue.Verdict          { return queue.Verdict{Try: true} }
func (server) Changes() <-chan struct{}                   { return nil }
func (server) Close(context.Context)                      {}

func (s server) Open(context.Context, queue.Route) (queue.Session, *queue.RouteFault) { return s, nil }

func (server) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	if err := d.Commit(ctx); err != nil {
		return &queue.RouteFault{Step: queue.StepSession, Err: err}
	}
	for i, to := range d.To {
		code := 250
		switch {
		case strings.HasPrefix(to.Address, "later"):
			code = 451
		case strings.HasPrefix(to.Address, "bad"):
			code = 550
		}
		d.Report(i, queue.OutcomeOf("mx", queue.Reply{Code: code, Text: "so it is"}))
	}
	return nil
}

type told struct {
	t       *testing.T
	spool   *queue.Spool
	tidings chan Tiding
	ended   <-chan struct{}
}

func watched(t *testing.T, remember int) *told {
	t.Helper()
	s := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	s.Remember = remember
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	w := &told{t: t, spool: s, tidings: make(chan Tiding, 1000)}
	var err error
	w.ended, err = Watch(t.Context(), Options{Spool: s, Now: time.Now, Remembers: remember > 0, Routes: []queue.Route{"work"}},
		func(x Tiding) { w.tidings <- x })
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *told) put(to ...string) queue.ID {
	w.t.Helper()
	e := &queue.Envelope{From: "me@example.org"}
	for _, address := range to {
		e.To = append(e.To, queue.Recipient{Address: address})
	}
	id, err := w.spool.Put(w.t.Context(), e, strings.NewReader("Subject: x\n\nx\n"))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *told) run() {
	w.t.Helper()
	c, err := config.Load("/dev/null", func(string) string { return "/nowhere" })
	if err != nil {
		w.t.Fatal(err)
	}
	r := &queue.Runner{
		Spool: w.spool, Router: server{}, Transport: server{}, Reach: server{}, Tuning: c.Queue, Now: time.Now,
		Log: slog.New(slog.DiscardHandler), Hostname: "here",
	}
	if _, err := r.Run(w.t.Context(), queue.Run{}); err != nil {
		w.t.Fatal(err)
	}
}

// until is what is told of id, in a word each, up to and with the last one.
func (w *told) until(id queue.ID, last string) []string {
	w.t.Helper()
	var words []string
	for late := time.After(20 * time.Second); !slices.Contains(words, last); {
		select {
		case x := <-w.tidings:
			if x.ID == id || id == "" {
				words = append(words, word(x))
			}
		case <-late:
			w.t.Fatalf("%q was not told; but %q", last, words)
		}
	}
	return words
}

func word(x Tiding) string {
	switch x.Kind {
	case Told:
		text := x.Record.Event
		if x.Record.Address != "" {
			text += " " + x.Record.Address
		}
		if x.Gone {
			text += ", gone"
		}
		return text
	case Route:
		return "route " + string(x.Route)
	}
	return [...]string{"queued", "sending", "changed", "", "left", "", "missed"}[x.Kind]
}

func (w *told) want(got []string, want ...string) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Errorf("told was %q, not %q", got, want)
	}
}

func TestWhatAPersonDoesIsTold(t *testing.T) {
	w := watched(t, 100)
	id := w.put("a@b.c")
	w.want(w.until(id, "queued"), "queued")
	if err := w.spool.Hold(t.Context(), id, "so"); err != nil {
		t.Fatal(err)
	}
	w.want(w.until(id, "held"), "held")
	if err := w.spool.ReleaseHeld(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.want(w.until(id, "released"), "released")
	if err := w.spool.Remove(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.want(w.until(id, "removed a@b.c, gone"), "removed a@b.c, gone")
}

func TestWhatAQueueRunDoesIsToldOfEachRecipient(t *testing.T) {
	w := watched(t, 100)
	id := w.put("a@b.c", "later@b.c")
	w.run()
	got := w.until(id, "deferred later@b.c")
	w.want(got, "queued", "sending", "delivered a@b.c", "deferred later@b.c")
}

func TestWhatWasSeenOfARouteIsTold(t *testing.T) {
	w := watched(t, 100)
	for range 3 { // the first makes the directory
		if err := w.spool.NoteRoute("work", nil); err != nil {
			t.Fatal(err)
		}
		w.until("", "route work")
	}
}

func TestWhatLeavesTheQueueIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		remember int
		want     string
	}{
		"and how, where that is remembered":  {100, "delivered a@b.c, gone"},
		"and how, though the file turns":     {1, "delivered a@b.c, gone"},
		"without how, where nothing is kept": {0, "left"},
	} {
		t.Run(name, func(t *testing.T) {
			w := watched(t, c.remember)
			for range 5 {
				id := w.put("a@b.c")
				w.run()
				w.want(w.until(id, c.want), "queued", "sending", c.want)
			}
		})
	}
}

func TestTheWatchEndsWithTheQueue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := queue.NewSpool(t.TempDir(), queue.OS{}, time.Now)
	if err := s.Prepare(); err != nil {
		t.Fatal(err)
	}
	ended, err := Watch(ctx, Options{Spool: s, Now: time.Now}, func(Tiding) {})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
}
