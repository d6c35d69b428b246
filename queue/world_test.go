package queue

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"mailcrane/internal/config"
)

// A world is a runner with a scripted way out.
type world struct {
	t       *testing.T
	runner  *Runner
	changes chan struct{}

	mu   sync.Mutex
	down *RouteFault
	open map[Route]*RouteFault
	try  bool
	// bound is the most octets of a message that may leave by itself.
	bound int64
	// ruled is the verdict on a route, in place of try and bound.
	ruled map[Route]Verdict
	// answer says what a server does with a recipient; nil accepts.
	answer func(d *Delivery, to Recipient) (Outcome, *RouteFault)
	// got is the messages that were delivered, by recipient.
	got   map[string][]string
	opens int
	// session, if not nil, is what is opened in place of the world itself.
	session Session
	// silent: no answer to QUIT comes.
	silent bool
}

func newWorld(t *testing.T, s *Spool) *world {
	w := &world{t: t, changes: make(chan struct{}, 1), try: true, got: make(map[string][]string), open: make(map[Route]*RouteFault)}
	w.runner = &Runner{
		Spool: s, Router: w, Transport: w, Reach: w, Tuning: config.DefaultQueue(), Now: time.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Hostname: "localhost.localdomain",
		Dice: func() float64 { return 0.5 },
	}
	return w
}

func (w *world) Route(e *Envelope) (Route, error) {
	if e.Account != "" {
		return Route(e.Account), nil
	}
	if strings.HasPrefix(e.From, "nobody@") {
		return "", errors.New("no account sends for it")
	}
	if strings.HasPrefix(e.From, "other@") {
		return "other", nil
	}
	return "main", nil
}

func (w *world) ReturnTo(e *Envelope) string { return e.From }

func (w *world) Verdict(r Route) Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.ruled[r]; ok {
		return v
	}
	return Verdict{Try: w.try, MaxSize: w.bound}
}

func (w *world) Changes() <-chan struct{} { return w.changes }

func (w *world) Open(_ context.Context, r Route) (Session, *RouteFault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opens++
	if f := w.open[r]; f != nil {
		return nil, f
	}
	if w.down != nil {
		return nil, w.down
	}
	if w.session != nil {
		return w.session, nil
	}
	return w, nil
}

func (w *world) Close(ctx context.Context) {
	if w.silent {
		<-ctx.Done()
	}
}

func (w *world) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	body, err := d.Open()
	if err != nil {
		w.t.Error(err)
		return nil
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		w.t.Error(err)
	}
	if err := d.Commit(ctx); err != nil {
		return &RouteFault{Step: StepSession, Err: err}
	}
	w.mu.Lock()
	answer := w.answer
	w.mu.Unlock()
	for i, to := range d.To {
		o := OutcomeOf("mx.test", Reply{Code: 250, Text: "ok"})
		if answer != nil {
			var fault *RouteFault
			if o, fault = answer(d, to); fault != nil {
				return fault
			}
		}
		if o.State() == 0 {
			continue
		}
		if o.State() == Delivered {
			w.mu.Lock()
			w.got[to.Address] = append(w.got[to.Address], string(text))
			w.mu.Unlock()
		}
		d.Report(i, o)
	}
	return nil
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) flush() Summary {
	w.t.Helper()
	sum, err := w.runner.Flush(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

func (w *world) copies(to string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got[to])
}

func (w *world) opened() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opens
}
