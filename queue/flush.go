package queue

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A Run says which messages a queue run is for, and who wants it.
type Run struct {
	// IDs, if not nil, are the only messages.
	IDs []ID
	// Route, if not "", is the only route.
	Route Route
	// Want, if not nil, selects among them by what is in them.
	Want func(Entry) bool
	// Only, if not nil, are the only recipients of those messages that are tried.
	// Such a run does not wait for messages that others are at.
	Only func(Recipient) bool
	// Person: somebody asked for it and waits. Neither the load of the machine
	// nor what is remembered of a host holds it up, and it has no bound.
	Person bool
	// Every is the time between two such runs; 0 where it is not known, as of
	// those that cron starts.
	Every time.Duration
	// Quarantined: the run is for the quarantined messages, and for no others.
	// One that it cannot deliver stays quarantined.
	Quarantined bool
}

// unattended says that the run is "sendmail -q" in a crontab, or the like: over
// everything, and nobody waits for it. Only such a run leaves alone what
// MinQueueAge and MaxQueueAge keep back, and believes the status of hosts.
func (r Run) unattended() bool {
	return !r.Person && r.IDs == nil && r.Want == nil && r.Route == "" && !r.Quarantined
}

// Wants says that the run is for the message, should it not be held.
func (r Run) Wants(e Entry) bool {
	return (r.IDs == nil || slices.Contains(r.IDs, e.Name.ID)) && (r.Want == nil || r.Want(e))
}

// Flush is Run for a person, over the messages that want selects (all, if nil).
func (r *Runner) Flush(ctx context.Context, want func(Entry) bool) (Summary, error) {
	return r.Run(ctx, Run{Want: want, Person: true})
}

// Run makes one queue run now, over messages due or not, but neither held ones
// nor those that are not to leave yet; several routes at once. It waits for
// messages that another process is sending, and returns when each has been
// tried or its route is down. What others sent, the summary counts apart. A
// sleep of the machine (Naps) interrupts it.
func (r *Runner) Run(ctx context.Context, run Run) (Summary, error) {
	f := &flush{
		Runner: *r, run: run, met: make(map[uint64]meeting), carriers: make(map[Route]*carrier),
		done: make(chan *carrier), lulls: make(chan struct{}, 1),
		sum: Summary{Faults: make(map[Route]*RouteFault)}, unsure: make(map[unsure]bool),
	}
	f.guide = f.newGuide()
	f.unattended, f.quarantined, f.only = run.unattended(), run.Quarantined, run.Only
	if run.Every > 0 {
		f.Tuning.Interval = run.Every
	}
	f.Watch = func(e Event) {
		f.mu.Lock()
		switch e.Kind {
		case Settled:
			f.count(e)
		case Begun:
			f.tried++
			e.Place, e.Of = f.tried, max(f.tried, f.found)
		}
		f.mu.Unlock()
		r.tell(e)
	}
	if f.queue.begun = run.IDs != nil; !f.queue.begun {
		r.mend()
	}
	err := f.carryDays(ctx)
	err2 := f.countLeft()
	return f.sum, errors.Join(err, err2, ctx.Err())
}

// A flush is the state of one queue run.
type flush struct {
	Runner
	run      Run
	guide    *guide
	carriers map[Route]*carrier // at work
	done     chan *carrier
	queue    reading
	lulls    chan struct{}

	mu     sync.Mutex
	sum    Summary
	unsure map[unsure]bool
	met    map[uint64]meeting // by the key of the ID
	// busy are the messages that another process was at.
	busy []Name
	// begun is how many messages carriers were given, and tried how many of them
	// were begun. found is how many there were for the run when it began.
	begun, tried, found int
	// bounds: a way out had a bound, or a rule that keeps mail back.
	bounds bool
}

// A meeting is what a queue run has found out about a message.
type meeting struct {
	attempts int32 // by then
	fate     fate
	gone     uint8 // how often it was listed and not there
}

// A fate says why a queue run is done with a message.
type fate uint8

const (
	settled  fate = iota // it was tried, or cannot be
	unwanted             // the run is not for it
	again                // under another name, should it have one that was not tried since
)

// lookAgain is how often a run at work looks at the queue: what came meanwhile
// need not wait for a large message that was not begun.
const lookAgain = 5 * time.Second

// carryAll sends until nothing is left that the run is for.
func (f *flush) carryAll(ctx context.Context) error {
	var failed error
	var earliest time.Time
	for wanted := true; ; {
		// With no carrier at work there is nothing else to do.
		if now := f.Now(); wanted && failed == nil && ctx.Err() == nil && (len(f.carriers) == 0 || !now.Before(earliest)) {
			failed = f.survey(ctx)
			wanted, earliest = false, nextScan(now, f.Now())
		}
		if len(f.carriers) == 0 {
			more, err := f.awaitOthers(ctx)
			if failed = errors.Join(failed, err); !more || failed != nil || ctx.Err() != nil {
				return failed
			}
			wanted = true
			continue
		}
		var wake time.Time
		switch {
		case failed != nil || ctx.Err() != nil:
		case wanted:
			wake = earliest
		case f.run.IDs == nil:
			wake = earliest.Add(lookAgain)
		}
		timer := newTimer(wake, f.Now())
		select {
		case c := <-f.done:
			f.ended(c)
		case <-f.lulls:
		case <-timer.C:
		case <-f.Reach.Changes():
			for _, c := range f.carriers {
				c.wayChanged()
			}
		}
		timer.Stop()
		// What came meanwhile goes too, such as the bounce of what just failed.
		wanted = true
	}
}

// survey reads the directory once, and gives carriers what there is for them.
func (f *flush) survey(ctx context.Context) error {
	picks := make(map[Route]*pick)
	now, load, missing, seen, found := f.Now(), f.limit(), len(f.run.IDs), 0, 0
	err := f.queue.names(&f.Runner, func(n Name) bool {
		seen++
		wants, met := f.wants(n)
		if f.run.IDs != nil && wants {
			missing--
		}
		if wants && !met && !load.holds(n) && !f.early(n, now) {
			if f.consider(picks, n, seen) {
				found++
			}
		}
		return ctx.Err() == nil && (f.run.IDs == nil || missing > 0)
	})
	f.mu.Lock()
	if f.found == 0 {
		f.found = f.atMost(found)
	}
	f.mu.Unlock()
	for route, p := range picks {
		if f.carriers[route] == nil && f.full(route) {
			continue
		}
		jobs := f.bounded(f.inOrder(p))
		switch c := f.carriers[route]; {
		case len(jobs) == 0:
		case c != nil:
			c.add(ctx, jobs, p.more)
		default:
			f.start(ctx, route, jobs, p.more)
		}
	}
	return err
}

// consider picks a message for its route, unless that is down or the message
// kept back, and says whether it did.
func (f *flush) consider(picks map[Route]*pick, n Name, seen int) bool {
	route, err := f.guide.route(n)
	if err != nil {
		f.sum.Unroutable++
		f.meet(n, settled)
		return false
	}
	verdict := f.Reach.Verdict(route)
	f.bounds = f.bounds || verdict.MaxSize > 0 || verdict.Withholds()
	switch {
	case f.keeps(verdict, n):
		return false
	case (f.down(route) || !f.dials(route)) && !f.schedule().timedOut(n, f.Now()):
		return false
	case f.carriers[route] != nil && f.carriers[route].has(n):
		return false
	case picks[route] == nil:
		picks[route] = &pick{most: f.windowSize()}
	}
	picks[route].add(f.job(n, seen))
	return true
}

// down says that the route is not tried again in this run.
func (f *flush) down(route Route) bool {
	fault := f.sum.Faults[route]
	return fault != nil && (fault.NeedsPerson || !f.Tuning.SeparateSessions)
}

// bounded is as many of the jobs as the run may still take.
func (f *flush) bounded(jobs []job) []job {
	jobs = jobs[:f.atMost(f.begun+len(jobs))-f.begun]
	f.begun += len(jobs)
	return jobs
}

// atMost is n, or the bound of the run where that is less.
func (f *flush) atMost(n int) int {
	if most := f.Tuning.MaxRunSize; most > 0 && !f.run.Person {
		return min(n, most)
	}
	return n
}

// ended is told of a carrier that has. What it has left is not tried again: the
// route is down.
func (f *flush) ended(c *carrier) {
	delete(f.carriers, c.route)
	if fault := cmp.Or(c.fault, c.missed); fault != nil {
		f.sum.Faults[c.route] = fault
	}
	for _, j := range c.todo {
		f.meet(j.name, settled)
	}
}

func (f *flush) start(ctx context.Context, route Route, jobs []job, more bool) {
	c := f.newCarrier(f.guide, route, jobs)
	c.believes = f.unattended
	c.more, c.left, c.closed = more, f.left, f.down(route) || !f.dials(route)
	c.lull = func() {
		select {
		case f.lulls <- struct{}{}:
		default:
		}
	}
	f.carriers[route] = c
	go func() {
		c.carry(ctx)
		f.done <- c
	}()
}

// left is told when a carrier is done with a message, and why it was not tried.
func (f *flush) left(n Name, why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, met := f.met[n.ID.key()]
	switch {
	case errors.Is(why, errAstray): // the guide knows by now
	case errors.Is(why, errGone) && met && last.fate != again: // we have renamed it ourselves
	case errors.Is(why, errGone) && last.gone < mostGone:
		f.met[n.ID.key()] = meeting{int32(n.Attempts), again, last.gone + 1} //nolint:gosec // mostCount
	case errors.Is(why, errBusy):
		f.busy = append(f.busy, n)
		f.met[n.ID.key()] = meeting{fate: settled}
	default:
		f.met[n.ID.key()] = meeting{fate: settled}
	}
}

func (f *flush) meet(n Name, what fate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.met[n.ID.key()] = meeting{attempts: int32(n.Attempts), fate: what} //nolint:gosec // mostCount
}

// wants says whether the run is for the message; met, that it is done with it.
func (f *flush) wants(n Name) (wants, met bool) {
	if f.passesOver(n) || f.run.IDs != nil && !slices.Contains(f.run.IDs, n.ID) {
		return false, false
	}
	if f.unattended && n.Slow() != "" && f.Spool.Confined() == "" && !f.due(n, f.Now()) {
		return false, false // that queue has its own interval, and may be run by itself
	}
	if f.run.Route != "" {
		if route, err := f.guide.route(n); err != nil || route != f.run.Route {
			return false, false
		}
	}
	f.mu.Lock()
	m, met := f.met[n.ID.key()]
	f.mu.Unlock()
	switch {
	case met && m.fate == again:
		return true, int32(n.Attempts) > m.attempts //nolint:gosec // mostCount
	case met:
		return m.fate != unwanted, true
	case f.run.Want == nil:
		return true, false
	}
	entry, ok := f.Spool.Entry(n)
	if !ok {
		f.sum.Unroutable++
	}
	if wants = ok && f.run.Want(entry); !wants {
		f.meet(n, unwanted)
	}
	return wants, false
}

// early says that the message is not to leave yet, or not by this run.
func (f *flush) early(n Name, now time.Time) bool {
	return n.NotBefore.After(now) && !f.handedOver(n, now) || n.InGrace(now, f.Tuning.Undo) || f.unattended && !f.schedule().ripe(n, now)
}

// handedOver says that the message's server is known to keep messages.
func (f *flush) handedOver(n Name, now time.Time) bool {
	if !f.handsOver(n, now, mostHold) {
		return false
	}
	route, err := f.guide.route(n)
	return err == nil && f.handsOver(n, now, f.holds(route))
}

// limit is the load that holds messages up.
func (f *flush) limit() brake {
	if f.run.Person {
		return brake{}
	}
	return f.brake()
}

// countLeft counts what the run is for and has not left the queue.
func (f *flush) countLeft() error {
	now, missing := f.Now(), len(f.run.IDs)
	return f.Spool.Names(func(n Name) bool {
		if wants, _ := f.wants(n); wants {
			missing--
			switch {
			case f.early(n, now):
				f.sum.Later++
			case f.kept(n):
				f.sum.Kept++
			case f.onDemand(n):
				f.sum.OnDemand++
			default:
				f.sum.Waiting++
			}
		}
		return f.run.IDs == nil || missing > 0
	})
}
