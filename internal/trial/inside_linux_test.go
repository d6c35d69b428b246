package trial

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"mailcrane/internal/config"
	"mailcrane/queue"
)

// inside is a way out within the process, to a server that has no disk of ours:
// what it took, it keeps.
type inside struct {
	receiver
	*dice
}

func (i *inside) runner(s *queue.Spool) *queue.Runner {
	tuning := config.DefaultQueue()
	tuning.Undo = later
	tuning.Slow = []config.SlowQueue{{Name: "tired", Attempts: 2, Interval: later}}
	return &queue.Runner{
		Spool: s, Router: i, Transport: i, Reach: i, Tuning: tuning,
		Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Hostname: "localhost.localdomain",
	}
}

func (i *inside) Route(*queue.Envelope) (queue.Route, error) { return "main", nil }
func (i *inside) ReturnTo(e *queue.Envelope) string          { return e.From }
func (i *inside) Verdict(queue.Route) queue.Verdict          { return queue.Verdict{Try: true} }
func (i *inside) Changes() <-chan struct{}                   { return nil }

func (i *inside) Open(context.Context, queue.Route) (queue.Session, *queue.RouteFault) {
	return &insideSession{inside: i}, nil
}

// An insideSession has several deliveries under way: they are marked as on the
// wire beside each other, and then taken in the order in which they came.
type insideSession struct {
	*inside

	mu sync.Mutex
	// last is closed when the newest delivery has been taken, or will not be.
	last  chan struct{}
	under int
	// fault is why the session is over, or nil.
	fault *queue.RouteFault
}

func (s *insideSession) Close(context.Context) {}

// enter is a place on the wire: before is closed when its turn has come.
func (s *insideSession) enter() (before <-chan struct{}, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, mine := s.last, make(chan struct{})
	s.last = mine
	s.under++
	s.most(&s.counts.together, s.under)
	return before, func() {
		close(mine)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.under--
	}
}

// breaks ends the session, and all that is under way with it.
func (s *insideSession) breaks(untaken bool) *queue.RouteFault {
	s.count(&s.counts.broken)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		s.fault = &queue.RouteFault{
			Step: queue.StepSession, Err: errors.New("the trial breaks the session"), Untaken: untaken, Lost: !untaken && s.roll(2) == 0,
		}
	}
	own := *s.fault
	own.Untaken = untaken
	return &own
}

func (s *insideSession) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault != nil
}

// Deliver implements queue.Session with every kind of answer.
func (s *insideSession) Deliver(ctx context.Context, d *queue.Delivery) *queue.RouteFault {
	before, leave := s.enter()
	defer leave()
	if d.Next != nil {
		d.Next()
	}
	body, err := d.Open()
	if err != nil {
		return s.breaks(false)
	}
	defer body.Close()
	octets, err := io.ReadAll(body)
	if err != nil {
		return s.breaks(false) // the power is off, and the last octet was not sent
	}
	if err := d.Commit(ctx); err != nil {
		return s.breaks(true)
	}
	if before != nil {
		<-before
	}
	switch {
	case s.isOver():
		return s.breaks(s.roll(2) == 0) // it was sent, or still waited to be
	case s.roll(20) == 0:
		return s.breaks(true) // before the last octet
	}
	text := string(octets)
	var to []string
	for _, r := range d.To {
		to = append(to, r.Address)
	}
	s.arrived(text, to)
	if s.roll(20) == 0 {
		return s.breaks(true) // a 421
	}
	for place, r := range d.To {
		if s.answer(d, place, text, r.Address) {
			return s.breaks(false)
		}
	}
	return nil
}

// answer says that the session breaks in place of an answer.
func (i *inside) answer(d *queue.Delivery, place int, text, address string) (breaks bool) {
	die := i.roll(20)
	switch {
	case die == 0: // taken, and the session breaks before the answer
		i.takes(text, address)
		return true
	case die == 1: // not taken, which nobody can know
		i.count(&i.counts.unanswered)
		d.Report(place, queue.NoAnswer("mx.test", "no answer came"))
	case die == 2: // taken, and no answer
		i.takes(text, address)
		i.count(&i.counts.unanswered)
		d.Report(place, queue.NoAnswer("mx.test", "no answer came"))
	case die >= 3 && die < 7:
		i.count(&i.counts.deferred)
		d.Report(place, queue.OutcomeOf("mx.test", queue.Reply{Code: 450, Enhanced: "4.2.0", Text: "later"}))
	case die == 7 && d.Envelope.From != "":
		i.refuses(address)
		d.Report(place, queue.OutcomeOf("mx.test", queue.Reply{Code: 550, Enhanced: "5.1.1", Text: "nobody of that name"}))
	default:
		i.takes(text, address)
		i.count(&i.counts.delivered)
		d.Report(place, queue.OutcomeOf("mx.test", queue.Reply{Code: 250, Text: "ok"}))
	}
	return false
}
