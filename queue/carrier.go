package queue

import (
	"context"
	"errors"
	"maps"
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

// quitGrace is how long a stop then waits for the server's farewell, on which
// nothing depends: with stopGrace it is well within the time that a service
// manager allows.
const quitGrace = 3 * time.Second

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
	guide  *guide
	// clerk: the route may not be tried; what the age of its messages asks for
	// is done all the same.
	clerk bool
	// lull, if not nil, is called when a lane has no more to do while others
	// are still at work: what it has put off may fall due before they end.
	lull func()

	mu   sync.Mutex
	todo backlog
	// more: the queue holds others that are due.
	more bool
	// inHand are the messages that wait in todo or are under way; had are
	// those that still count as due though this carrier is done with them, by
	// the name it left them under.
	inHand map[ID]bool
	had    map[ID]Name
	again  map[ID]bool     // put back once after its session broke
	places map[*place]bool // where its messages stood
	// lanes are open; still of them stand at a delivery in which nothing moves.
	lanes, still int
	// narrow: one more lane could not be opened; no other is tried.
	narrow bool
	// busy are the messages that another process was at, astray those of
	// another route.
	busy, astray []Name
	// broken counts sessions that broke since the last answer.
	broken int
	fault  *RouteFault // why the carrier stopped, nil while it goes on
	over   bool        // it takes in no more
	open   sync.WaitGroup
}

func (r *Runner) newCarrier(g *guide, route Route, jobs []job) *carrier {
	c := &carrier{
		runner: r, guide: g, route: route,
		inHand: make(map[ID]bool), had: make(map[ID]Name), again: make(map[ID]bool), places: make(map[*place]bool),
	}
	c.enlist(jobs)
	return c
}

// carry sends the carrier's messages and returns when all are settled or the
// route is down; its fault says why it is.
func (c *carrier) carry(ctx context.Context) {
	for c.startFirst(ctx) {
		c.open.Wait()
	}
	if c.clerk || c.fault != nil {
		c.reckon(ctx)
	}
	// What the last messages did to their directories; the syncs before each
	// last octet have covered the others.
	r := c.runner
	for at := range c.places {
		if err := r.Spool.disk.SyncDir(at.dir); err != nil {
			r.Log.Error("cannot sync the queue directory", "dir", at.dir, "err", err)
		}
	}
}

// startFirst opens the first lane, also for what was added while the last one
// was closing. It says false when there is nothing more to do.
func (c *carrier) startFirst(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.todo) == 0 || c.clerk || c.fault != nil || ctx.Err() != nil {
		c.over = true
		return false
	}
	c.startLane(ctx)
	return true
}

// add takes in what came due while the carrier is at work, the first of it; if
// there is more, the carrier asks for it. If all its lanes stand still, it goes
// by another one (law 3).
func (c *carrier) add(ctx context.Context, jobs []job, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.enlist(jobs)
		c.more = c.more || more
		c.bound()
		c.passStill(ctx)
	}
}

// enlist puts those of jobs into todo that the carrier does not have in hand
// and has not left in that very state. The caller holds mu.
func (c *carrier) enlist(jobs []job) {
	for _, j := range jobs {
		if !c.hasNow(j.name) {
			c.inHand[j.name.ID] = true
			c.places[c.runner.Spool.placeOf(j.name)] = true
			c.todo.push(j)
		}
	}
}

// bound gives the last of todo back to the queue where it has become too long.
// The caller holds mu.
func (c *carrier) bound() {
	if len(c.todo) <= 2*window {
		return
	}
	slices.SortFunc(c.todo, job.compare)
	for _, j := range c.todo[window:] {
		delete(c.inHand, j.name.ID)
	}
	clear(c.todo[window:])
	// What is sorted is a heap.
	c.todo, c.more = c.todo[:window], true
}

// has says that the carrier has the message in hand, or has left it in that
// very state.
func (c *carrier) has(name Name) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hasNow(name)
}

func (c *carrier) hasNow(name Name) bool {
	last, had := c.had[name.ID]
	return c.inHand[name.ID] || had && last == name
}

// passStill opens one more lane where all stand still. The caller holds mu.
func (c *carrier) passStill(ctx context.Context) {
	if c.lanes > 0 && c.lanes == c.still && c.lanes < maxLanes && !c.narrow && len(c.todo) > 0 && c.fault == nil && ctx.Err() == nil {
		c.startLane(ctx)
	}
}

// startLane opens a lane. The caller holds mu.
func (c *carrier) startLane(ctx context.Context) {
	c.lanes++
	c.open.Go(func() { c.lane(ctx) })
}

func (c *carrier) take() (job, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.todo) == 0 || c.fault != nil {
		return job{}, false
	}
	if c.more && len(c.todo) <= window/4 && c.lull != nil {
		c.more = false
		c.lull()
	}
	return c.todo.pop(), true
}

// putBack undoes take: the message was not touched.
func (c *carrier) putBack(j job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.todo.push(j)
}

// leave says that the carrier is done with a message, which now has that name.
func (c *carrier) leave(name Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inHand, name.ID)
	if c.runner.due(name, c.runner.Now()) {
		c.had[name.ID] = name
	}
}

// lane carries messages one after another over one session, opened for the
// first message that can be claimed, and again when it broke.
func (c *carrier) lane(ctx context.Context) {
	var session Session
	defer func() {
		if session != nil {
			polite, cancel := withGrace(ctx, quitGrace)
			session.Close(polite)
			cancel()
		}
		c.mu.Lock()
		c.lanes--
		last := c.lanes == 0
		c.mu.Unlock()
		if !last && c.lull != nil {
			c.lull()
		}
	}()
	for ctx.Err() == nil {
		j, ok := c.take()
		if !ok {
			return
		}
		m, err := c.claim(j.name)
		if err != nil {
			c.skipped(j.name, err)
			continue
		}
		if c.runner.ageOf(m, c.runner.Now(), false).life < 0 {
			c.leave(c.runner.reckon(c.route, m))
			continue
		}
		if session == nil {
			// A connection may take a while; a person may hold or remove the
			// message meanwhile.
			m.Release()
			if session = c.openSession(c.firstTry(ctx, j.name)); session == nil {
				c.putBack(j)
				return
			}
			if m, err = c.claim(j.name); err != nil {
				c.skipped(j.name, err)
				continue
			}
		}
		a, fault := c.deliver(ctx, session, m)
		again := a != nil && c.afterwards(ctx, a, fault)
		m.Release()
		if again {
			c.putBack(job{name: m.Name, behind: true, key: j.key})
		} else {
			c.leave(m.Name)
		}
		if fault != nil {
			session.Close(ctx)
			session = nil
		}
	}
}

// untried says that a message was left that has not been tried. The carrier
// must have ended.
func (c *carrier) untried() bool {
	return slices.ContainsFunc(c.todo, func(j job) bool { return !c.again[j.name.ID] })
}

// tried is the messages that were tried or found busy and still count as due,
// each by the name that it was left under. The carrier must have ended.
func (c *carrier) tried() []Name {
	names := slices.Collect(maps.Values(c.had))
	for _, j := range c.todo {
		if c.again[j.name.ID] {
			names = append(names, j.name)
		}
	}
	return names
}

// claim claims a message of the carrier's route.
func (c *carrier) claim(name Name) (*Message, error) {
	m, err := c.runner.claim(name)
	switch {
	case err != nil:
		return nil, err
	case c.runner.passesOver(m.Name) || m.Name.NotBefore.After(c.runner.Now()):
		err = errLater
	case !c.guide.right(c.route, m):
		err = errAstray
	default:
		return m, nil
	}
	m.Release()
	return nil, err
}

func (c *carrier) skipped(name Name, err error) {
	switch {
	case errors.Is(err, errAstray):
		c.letGo(name)
		return
	case errors.Is(err, errLater):
		c.mu.Lock()
		delete(c.inHand, name.ID)
		c.mu.Unlock()
		return
	}
	c.leave(name)
	switch {
	case errors.Is(err, errBusy):
		c.mu.Lock()
		c.busy = append(c.busy, name)
		c.mu.Unlock()
	case !errors.Is(err, errGone):
		c.runner.Log.Warn("message passed over", "id", name.ID, "why", err)
	}
}

// letGo leaves a message to the carrier of its own route.
func (c *carrier) letGo(name Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inHand, name.ID)
	if c.lull != nil {
		c.lull()
		return
	}
	c.astray = append(c.astray, name)
}

func (c *carrier) openSession(ctx context.Context) Session {
	r := c.runner
	r.tell(Event{Kind: Opening, Route: c.route})
	session, fault := r.Transport.Open(ctx, c.route)
	if fault != nil {
		c.notOpened(fault)
		return nil
	}
	r.noteRoute(c.route, nil)
	r.tell(Event{Kind: Opened, Route: c.route})
	return session
}

// notOpened takes it for the route's fault, unless other lanes are open: a
// server may allow us no more sessions at once.
func (c *carrier) notOpened(fault *RouteFault) {
	c.mu.Lock()
	alone := c.lanes == 1
	c.narrow = c.narrow || !alone
	c.mu.Unlock()
	if alone {
		c.stop(fault)
		return
	}
	c.runner.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
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

// deliver makes one attempt at m, and returns nil if none could be made. While
// nothing moves for longer than the runner's patience, the messages behind go
// by another lane.
func (c *carrier) deliver(ctx context.Context, session Session, m *Message) (*attempt, *RouteFault) {
	r := c.runner
	a, err := r.newAttempt(c.route, m)
	if err != nil {
		r.Log.Error("cannot prepare the attempt", "id", m.Name.ID, "err", err)
		return nil, nil
	}
	if len(a.delivery.To) == 0 {
		a.settle(nil)
		return nil, nil
	}
	watch := c.watch(ctx)
	defer watch.end()
	a.delivery.Progress = func(octets int64) {
		watch.moved()
		r.tell(Event{Kind: Progress, Route: c.route, ID: m.Name.ID, Size: m.Name.Size, Octets: octets})
	}
	r.tell(Event{Kind: Begun, Route: c.route, ID: m.Name.ID, From: m.Envelope.From, Size: m.Name.Size})
	// A stop waits for the answer to what is on the wire, so that the message
	// does not become uncertain for nothing.
	patient, cancel := withGrace(ctx, stopGrace)
	fault := session.Deliver(patient, &a.delivery)
	cancel()
	a.settle(fault)
	if fault != nil && len(fault.Transcript) == 0 {
		fault.Transcript = a.session.lines()
	}
	return a, fault
}

// afterwards decides what a broken session means: for the message that was on
// it, one more chance behind all others, which it returns as again, then a
// pause; for the route, an end when sessions break again and again.
func (c *carrier) afterwards(ctx context.Context, a *attempt, fault *RouteFault) (again bool) {
	r, m := c.runner, a.message
	c.mu.Lock()
	if a.answered {
		c.broken = 0
	}
	if fault == nil || ctx.Err() != nil {
		c.mu.Unlock()
		return false
	}
	c.broken++
	secondTime := c.again[m.Name.ID]
	// Where no other message had an answer in between, it is the route's doing
	// as far as anybody can tell (law 2).
	down := c.broken >= maxBroken || secondTime && c.broken > 1
	if again = !a.settled && !secondTime && !down; again {
		c.again[m.Name.ID] = true
	}
	c.mu.Unlock()
	if !a.settled && secondTime && !down {
		// The session broke at this message twice: without blame, but no
		// longer in the way of the others.
		now := r.Now()
		next := r.schedule().nextTry(m.Name.Attempts+1, r.ageOf(m, now, false), now)
		if err := m.rename(func(n *Name) { n.Last, n.Next = now.Truncate(time.Second), next }); err != nil {
			r.Log.Error("cannot postpone the message", "id", m.Name.ID, "err", err)
		}
	}
	if down {
		c.stop(fault)
	} else {
		r.tell(Event{Kind: Closed, Route: c.route, Fault: fault})
	}
	return again
}
