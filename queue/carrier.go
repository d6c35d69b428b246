package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// maxLanes bounds the sessions that one carrier has open at once: a second
// one is opened only past a delivery that stands still.
const maxLanes = 3

// maxBroken is how many sessions in a row may break without any answer before
// the route counts as down.
const maxBroken = 3

// stopGrace is how long a stop waits for the answer to a message on the wire.
const stopGrace = 10 * time.Second

// withGrace is ctx, but it ends only a while after ctx does.
func withGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() { stop(); cancel() }
}

// A carrier takes the messages of one route to its transport.
type carrier struct {
	runner *Runner
	route  Route

	mu    sync.Mutex
	todo  []Name
	again map[ID]bool // put back once after its session broke
	lanes int
	// taken are the messages that were tried or found busy; busy the latter.
	taken, busy []Name
	// broken counts sessions that broke since the last answer.
	broken int
	fault  *RouteFault // why the carrier stopped, nil while it goes on
	open   sync.WaitGroup
}

// carry sends names by route and returns when all are settled or the route
// is down; its fault says why it is.
func (r *Runner) carry(ctx context.Context, route Route, names []Name) *carrier {
	c := &carrier{runner: r, route: route, todo: names, again: make(map[ID]bool)}
	c.startLane(ctx)
	c.open.Wait()
	if ctx.Err() == nil {
		// What the last messages did to the directory; the syncs before each
		// last octet have covered the others.
		if err := r.Spool.disk.SyncDir(r.Spool.QueueDir()); err != nil {
			r.Log.Error("cannot sync the queue directory", "err", err)
		}
	}
	return c
}

func (c *carrier) startLane(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lanes == maxLanes || len(c.todo) == 0 || c.fault != nil {
		return
	}
	c.lanes++
	c.open.Go(func() { c.lane(ctx) })
}

func (c *carrier) take() (Name, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.todo) == 0 || c.fault != nil {
		return Name{}, false
	}
	name := c.todo[0]
	c.todo = c.todo[1:]
	c.taken = append(c.taken, name)
	return name, true
}

// putBack undoes take: the message was not touched.
func (c *carrier) putBack(name Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.todo = append(c.todo, name)
	c.taken = slices.DeleteFunc(c.taken, func(n Name) bool { return n.ID == name.ID })
}

// lane carries messages one after another over one session, opened for the
// first message that can be claimed, and again when it broke.
func (c *carrier) lane(ctx context.Context) {
	r := c.runner
	var session Session
	defer func() {
		if session != nil {
			session.Close(context.WithoutCancel(ctx))
		}
		c.mu.Lock()
		c.lanes--
		c.mu.Unlock()
	}()
	for ctx.Err() == nil {
		name, ok := c.take()
		if !ok {
			return
		}
		m, err := r.claim(name)
		if err != nil {
			c.skipped(name, err)
			continue
		}
		if session == nil {
			// A connection may take a while; a person may hold or remove the
			// message meanwhile.
			m.Release()
			if session = c.openSession(ctx); session == nil {
				c.putBack(name)
				return
			}
			if m, err = r.claim(name); err != nil {
				c.skipped(name, err)
				continue
			}
		}
		if fault := c.deliver(ctx, session, m); fault != nil {
			session.Close(ctx)
			session = nil
		}
		m.Release()
	}
}

// untried says that a message was left that has not been tried. The carrier
// must have ended.
func (c *carrier) untried() bool {
	return slices.ContainsFunc(c.todo, func(n Name) bool { return !c.again[n.ID] })
}

func (c *carrier) skipped(name Name, err error) {
	switch {
	case errors.Is(err, errBusy):
		c.mu.Lock()
		c.busy = append(c.busy, name)
		c.mu.Unlock()
	case !errors.Is(err, errGone):
		c.runner.Log.Warn("message passed over", "id", name.ID, "why", err)
	}
}

func (c *carrier) openSession(ctx context.Context) Session {
	r := c.runner
	r.tell(Event{Kind: Opening, Route: c.route})
	session, fault := r.Transport.Open(ctx, c.route)
	if fault != nil {
		c.stop(fault)
		return nil
	}
	r.noteRoute(c.route, nil)
	r.tell(Event{Kind: Opened, Route: c.route})
	return session
}

func (c *carrier) stop(fault *RouteFault) {
	c.mu.Lock()
	first := c.fault == nil
	if first {
		c.fault = fault
	}
	c.mu.Unlock()
	if first {
		c.runner.noteRoute(c.route, fault)
		c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
}

func (r *Runner) noteRoute(route Route, fault *RouteFault) {
	if fault != nil {
		r.Log.Warn("route is down", "route", route, "why", fault.Sentence(), "hint", fault.Hint)
	}
	if err := r.Spool.NoteRoute(route, fault); err != nil {
		r.Log.Warn("cannot note the state of the route", "route", route, "err", err)
	}
}

// deliver makes one attempt at m. While nothing moves for longer than the
// runner's patience, the messages behind go by another lane.
func (c *carrier) deliver(ctx context.Context, session Session, m *Message) *RouteFault {
	r := c.runner
	a, err := r.newAttempt(c.route, m)
	if err != nil {
		r.Log.Error("cannot prepare the attempt", "id", m.Name.ID, "err", err)
		return nil
	}
	if len(a.delivery.To) == 0 {
		a.settle(nil)
		return nil
	}
	stuck := time.AfterFunc(r.patience(), func() { c.startLane(ctx) })
	defer stuck.Stop()
	a.delivery.Progress = func(octets int64) {
		stuck.Reset(r.patience())
		r.tell(Event{Kind: Progress, Route: c.route, ID: m.Name.ID, Size: m.Name.Size, Octets: octets})
	}
	r.tell(Event{Kind: Begun, Route: c.route, ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size})
	// A stop waits for the answer to what is on the wire, so that the message
	// does not become uncertain for nothing.
	patient, cancel := withGrace(ctx, stopGrace)
	fault := session.Deliver(patient, &a.delivery)
	cancel()
	a.settle(fault)
	c.afterwards(ctx, a, fault)
	return fault
}

// afterwards decides what a broken session means: for the message that was on
// it, one more chance behind all others, then a pause; for the route, an end
// when sessions break again and again.
func (c *carrier) afterwards(ctx context.Context, a *attempt, fault *RouteFault) {
	r, m := c.runner, a.message
	c.mu.Lock()
	if a.answered {
		c.broken = 0
	}
	if fault == nil || ctx.Err() != nil {
		c.mu.Unlock()
		return
	}
	c.broken++
	secondTime := c.again[m.Name.ID]
	// Where no other message had an answer in between, it is the route's doing
	// as far as anybody can tell (law 2).
	down := c.broken >= maxBroken || secondTime && c.broken > 1
	if !a.settled && !secondTime && !down {
		c.again[m.Name.ID] = true
		c.todo = append(c.todo, m.Name)
	}
	c.mu.Unlock()
	if !a.settled && secondTime && !down {
		// The session broke at this message twice: without blame, but no
		// longer in the way of the others.
		next := r.Now().Add(r.Schedule.Retry(m.Name.Attempts + 1))
		if err := m.rename(func(n *Name) { n.Next = next }); err != nil {
			r.Log.Error("cannot postpone the message", "id", m.Name.ID, "err", err)
		}
	}
	if down {
		c.stop(fault)
	} else {
		r.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
}
