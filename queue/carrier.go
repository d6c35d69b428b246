package queue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxBroken is how many sessions in a row may break without any answer before
// the route counts as down. One more may, where several messages were under way
// and one of them may be the cause.
const maxBroken = 3

// stopGrace is how long a stop waits for the answer to a message on the wire.
const stopGrace = 10 * time.Second

// quitGrace is how long a stop then waits for the server's farewell, on which
// nothing depends: with stopGrace it is well within the time that a service
// manager allows.
const quitGrace = 3 * time.Second

// withGrace is ctx, but it ends only a while after ctx does: how long after
// depends on why ctx ends.
func withGrace(ctx context.Context, grace func(cause error) time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace(context.Cause(ctx)), cancel)
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() { stop(); cancel() }
}

// A carrier takes the messages of one route to its transport.
type carrier struct {
	runner *Runner
	route  Route
	guide  *guide
	// closed: the route may not be tried; what the age of its messages asks for
	// is done all the same.
	closed bool
	// heeds: no session is opened while the route may not be tried.
	heeds bool
	// believes: a host that failed lately, after fresh, is not tried.
	believes bool
	fresh    time.Time
	// until is when a host that was not tried may be.
	until time.Time
	// lull, if not nil, is called when a lane has no more to do while others
	// are still at work: what it has put off may fall due before they end.
	lull func()
	// left, if not nil, is told of each message that the carrier is done with,
	// and why it was not tried.
	left func(n Name, why error)

	stirring stirring
	// tries bounds the sessions that are opened again because the way out changed.
	tries *tries
	// rumour is what the log knows of the route.
	rumour *rumour
	// calledOff: its context had ended before it did.
	calledOff bool

	mu   sync.Mutex
	todo backlog
	// more: the queue holds others that are due.
	more bool
	// inHand are the messages that wait in todo or are under way; had are
	// those that still count as due though this carrier is done with them, by
	// the name it left them under.
	inHand map[ID]bool
	had    map[ID]Name
	breaks map[ID]int      // the sessions that broke with it on them
	places map[*place]bool // where its messages stood
	// lanes are at work, in the order in which they were started. limit is the
	// most of them that are of use, 0 where that is not known.
	lanes []*lane
	limit int
	pace  pace
	// farewells cut short the ends of the sessions of lanes that have no more to
	// do: who waits for an answer to QUIT must not hold up new mail.
	farewells []context.CancelFunc
	// narrow: one more lane could not be opened; no other is tried.
	narrow bool
	// hold is how long the server keeps a message for a later time.
	hold time.Duration
	// broken counts sessions that broke since the last answer, and counted those
	// that it ever counted.
	broken, counted int
	dialled         bool        // a session was opened, or not, for the first time
	fault           *RouteFault // why the carrier stopped, nil while it goes on
	missed          *RouteFault // why a message with a session of its own had none
	over            bool        // it takes in no more
	open            sync.WaitGroup
}

func (r *Runner) newCarrier(g *guide, route Route, jobs []job) *carrier {
	c := &carrier{
		runner: r, guide: g, route: route, tries: &tries{}, rumour: &rumour{},
		hold: r.holds(route), inHand: make(map[ID]bool), had: make(map[ID]Name), breaks: make(map[ID]int), places: make(map[*place]bool),
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
	if c.closed || c.fault != nil {
		c.reckon(ctx)
	}
	// What the last messages did to their directories; the syncs before each
	// last octet have covered the others.
	r := c.runner
	for at := range c.places {
		if err := r.Spool.syncDir(at.dir); err != nil {
			r.Log.Error("cannot sync the queue directory", "dir", at.dir, "err", err)
		}
	}
}

// startFirst opens the first lane, also for what was added while the last one
// was closing. It says false when there is nothing more to do.
func (c *carrier) startFirst(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.todo) == 0 || c.closed || c.fault != nil || ctx.Err() != nil {
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
		c.pass(ctx)
		c.cutFarewells()
		c.tellLanes()
	}
}

// tellLanes says that there may be something for them. The caller holds mu.
func (c *carrier) tellLanes() {
	for _, l := range c.lanes {
		l.tell()
	}
}

// cutFarewells is called where something is to do again. The caller holds mu.
func (c *carrier) cutFarewells() {
	if len(c.todo) == 0 {
		return
	}
	for _, cut := range c.farewells {
		cut()
	}
	c.farewells = nil
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

// endLane tells that what the lane has put off may be wanted before the others
// end.
func (c *carrier) endLane(l *lane) {
	c.mu.Lock()
	l.joined()
	c.lanes = slices.DeleteFunc(c.lanes, func(other *lane) bool { return other == l })
	last := len(c.lanes) == 0
	c.pass(l.watch.ctx)
	c.tellLanes()
	c.mu.Unlock()
	if !last && c.lull != nil {
		c.lull()
	}
}

// nextIsAlone says that what is next goes by itself. The caller holds mu.
func (c *carrier) nextIsAlone() bool { return len(c.todo) > 0 && c.todo[0].alone() }

// take is the next message to be tried, if there is one and the route is not
// down. The caller holds mu.
func (c *carrier) take() (job, bool) {
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
	c.tellLanes()
	if c.fault == nil {
		c.cutFarewells()
	}
}

// exchange is a putBack and a take: what came meanwhile may go before it.
func (c *carrier) exchange(j job) (job, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.todo.push(j)
	return c.take()
}

// leave says that the carrier is done with a message, which now has that name;
// why is nil if it was tried.
func (c *carrier) leave(name Name, why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inHand, name.ID)
	otherwise := errors.Is(why, errAstray) || errors.Is(why, errLater)
	now := c.runner.Now()
	if !otherwise && (c.runner.due(name, now) || c.runner.handsOver(name, now, c.hold)) {
		c.had[name.ID] = name
	}
	if c.left != nil {
		c.left(name, why)
	}
}

// untried says that a message was left that has not been tried. The carrier
// must have ended.
func (c *carrier) untried() bool {
	return slices.ContainsFunc(c.todo, func(j job) bool { return c.breaks[j.name.ID] == 0 })
}

// tried is the messages that were tried or found busy and still count as due,
// each by the name that it was left under. The carrier must have ended.
func (c *carrier) tried() []Name {
	names := slices.Collect(maps.Values(c.had))
	for _, j := range c.todo {
		if c.breaks[j.name.ID] > 0 {
			names = append(names, j.name)
		}
	}
	return names
}
