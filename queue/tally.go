package queue

import (
	"context"
	"sync"
	"time"
)

// A tally is a session whose takings are counted, and told when it is closed.
type tally struct {
	Session
	runner *Runner

	mu   sync.Mutex
	end  SessionEnd
	over bool // it has been told
	// refused: the log-in that shared a flight with the first message was, so
	// that no session came about.
	refused bool
}

var (
	_ Stirrer = (*tally)(nil)
	_ Coster  = (*tally)(nil)
	_ Roomer  = (*tally)(nil)
)

// count counts what is done in a session that was begun then.
func (r *Runner) count(route Route, s Session, began time.Time) *tally {
	return &tally{Session: s, runner: r, end: SessionEnd{Route: route, Began: began}}
}

// Deliver counts what the server takes, and keeps why the session broke.
func (t *tally) Deliver(ctx context.Context, d *Delivery) *RouteFault {
	counted, taken := *d, false
	counted.Report = func(i int, o Outcome) {
		if o.state == Delivered {
			t.mu.Lock()
			t.end.Recipients++
			if !taken {
				taken = true
				t.end.Messages++
				t.end.Mail += d.Size
			}
			t.mu.Unlock()
		}
		d.Report(i, o)
	}
	fault := t.Session.Deliver(ctx, &counted)
	t.mu.Lock()
	defer t.mu.Unlock()
	if fault != nil && t.end.Why == "" {
		t.end.Why, t.refused = fault.Sentence(), fault.Step == StepAuth
	}
	return fault
}

// Stir passes it on to a session that can be stirred.
func (t *tally) Stir() {
	if s, ok := t.Session.(Stirrer); ok {
		s.Stir()
	}
}

// Room asks a session that knows.
func (t *tally) Room() (roundTrip time.Duration, some bool) {
	if r, ok := t.Session.(Roomer); ok {
		return r.Room()
	}
	return 0, false
}

// Cost is that of a session that counts it.
func (t *tally) Cost() Cost {
	if s, ok := t.Session.(Coster); ok {
		return s.Cost()
	}
	return Cost{}
}

// Close closes the session and tells, once, what it has cost.
func (t *tally) Close(ctx context.Context) {
	t.Session.Close(ctx)
	t.mu.Lock()
	t.end.Cost = t.Cost()
	end, told, refused := t.end, t.over, t.refused
	t.over = true
	t.mu.Unlock()
	if told {
		return
	}
	r := t.runner
	end = r.sessionEnded(end, t)
	if refused {
		return // the last session is the one before
	}
	if err := r.Spool.NoteSession(end); err != nil {
		r.Log.Debug("cannot note what the session has cost", "route", end.Route, "err", err)
	}
}

// sessionEnded tells those who watch, and the log, of a session that is over. It
// returns it with its server and its time. live is nil where none was opened.
func (r *Runner) sessionEnded(end SessionEnd, live Coster) SessionEnd {
	end.Server, end.Took = r.host(end.Route), r.Now().Sub(end.Began)
	r.tell(Event{Kind: SessionEnded, Route: end.Route, Session: &end, Live: live})
	args := []any{
		"route", end.Route, "server", end.Server, "seconds", end.Took.Round(time.Millisecond).Seconds(),
		"messages", end.Messages, "recipients", end.Recipients, "mail", end.Mail,
		"sent", end.Sent, "received", end.Received, "round_trips", end.RoundTrips, "tls", end.Security(),
	}
	if end.RoundTrip > 0 {
		args = append(args, "round_trip", end.RoundTrip.Round(time.Millisecond/10))
	}
	if end.Why != "" {
		args = append(args, "why", end.Why)
	}
	if end.Sent+end.Received == 0 && end.Route.door() { // nothing went over a wire
		r.Log.Debug("session ended", args...)
		return end
	}
	r.Log.Info("session ended", args...)
	return end
}
