package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A Summary counts what one queue run did, in recipients, and says why routes
// were down.
type Summary struct {
	Delivered, Deferred, Failed, Uncertain int
	// Others is messages that another process was at, and took care of.
	Others int
	// Waiting is messages that are neither held nor done when the run ends.
	Waiting int
	// Later is messages that were passed over: their sender has set a time, or
	// may still take them back.
	Later int
	// Faults are the routes that were down.
	Faults map[Route]*RouteFault
}

// A Run says which messages a queue run is for, and who wants it.
type Run struct {
	// IDs, if not nil, are the only messages.
	IDs []ID
	// Want, if not nil, selects among them by what is in them.
	Want func(Entry) bool
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
// MinQueueAge and MaxQueueAge keep back.
func (r Run) unattended() bool { return !r.Person && r.IDs == nil && r.Want == nil && !r.Quarantined }

// Flush is Run for a person, over the messages that want selects (all, if nil).
func (r *Runner) Flush(ctx context.Context, want func(Entry) bool) (Summary, error) {
	return r.Run(ctx, Run{Want: want, Person: true})
}

// Run makes one queue run now, over messages due or not, but neither held ones
// nor those that are not to leave yet; several routes at once. It waits for
// messages that another process is sending, and returns when each has been tried
// or its route is down. What others sent, the summary counts apart.
func (r *Runner) Run(ctx context.Context, run Run) (Summary, error) {
	f := &flush{Runner: *r, run: run, seen: make(map[ID]bool), sum: Summary{Faults: make(map[Route]*RouteFault)}}
	f.unattended, f.quarantined = run.unattended(), run.Quarantined
	if run.Every > 0 {
		f.Tuning.Interval = run.Every
	}
	f.guide = f.newGuide()
	f.Watch = func(e Event) {
		f.mu.Lock()
		if e.Kind == Settled {
			f.sum.count(e.Outcome)
		}
		f.mu.Unlock()
		r.tell(e)
	}
	r.mend()
	names, _, err := f.wanted(f.limit())
	for len(names) > 0 && err == nil && ctx.Err() == nil && f.room() != 0 {
		busy, astray := f.round(ctx, names)
		if names, err = r.leftByOthers(ctx, busy); err != nil {
			break
		}
		f.sum.Others += len(busy) - len(names)
		// What came meanwhile goes too, such as the bounce of what just failed.
		var now []Name
		if now, _, err = f.wanted(f.limit()); err == nil {
			now = slices.DeleteFunc(now, func(n Name) bool { return f.seen[n.ID] })
			names = slices.Concat(names, astray, now)
		}
	}
	left, later, err2 := f.wanted(brake{})
	f.sum.Waiting, f.sum.Later = len(left), later
	return f.sum, errors.Join(err, err2, ctx.Err())
}

// A flush is the state of one queue run.
type flush struct {
	Runner
	run   Run
	guide *guide
	seen  map[ID]bool

	mu  sync.Mutex
	sum Summary
}

// round sends each message by its route, and says which were left.
func (f *flush) round(ctx context.Context, names []Name) (busy, astray []Name) {
	var all sync.WaitGroup
	for route, p := range f.byRoute(ctx, names) {
		jobs := f.inOrder(p)
		all.Go(func() {
			c := f.newCarrier(f.guide, route, jobs)
			c.carry(ctx)
			f.mu.Lock()
			defer f.mu.Unlock()
			busy, astray = append(busy, c.busy...), append(astray, c.astray...)
			if c.fault != nil {
				f.sum.Faults[route] = c.fault
			}
		})
	}
	all.Wait()
	return busy, astray
}

// byRoute gives each message to its route, as many as the run may take.
func (f *flush) byRoute(ctx context.Context, names []Name) map[Route]*pick {
	all := pick{jobs: make([]job, 0, len(names)), most: f.room()}
	for i, name := range names {
		all.add(f.job(name, i))
	}
	all.cut()
	routes := make(map[Route]*pick)
	for _, j := range all.jobs {
		if ctx.Err() != nil {
			break
		}
		f.seen[j.name.ID] = true
		if route, ok := f.guide.route(j.name); ok {
			if routes[route] == nil {
				routes[route] = &pick{most: -1}
			}
			routes[route].add(j)
		}
	}
	return routes
}

func (s *Summary) count(o Outcome) {
	switch o.state {
	case Delivered:
		s.Delivered++
	case Deferred:
		s.Deferred++
	case Failed:
		s.Failed++
	case Uncertain:
		s.Uncertain++
	}
}

// room is how many messages the run may take yet; -1 is any number.
func (f *flush) room() int {
	if most := f.Tuning.MaxRunSize; most > 0 && !f.run.Person {
		return max(most-len(f.seen), 0)
	}
	return -1
}

// limit is the load that holds messages up.
func (f *flush) limit() brake {
	if f.run.Person {
		return brake{}
	}
	return f.brake()
}

// wanted is the names of the messages that the run is for, and that are not
// held nor wait for the load; later is how many more are not to leave yet.
func (f *flush) wanted(load brake) (wanted []Name, later int, err error) {
	names, err := f.Spool.Sorted()
	if err != nil {
		return nil, 0, err
	}
	now := f.Now()
	wanted = slices.DeleteFunc(names, func(name Name) bool {
		if load.holds(name) || !f.wants(name) {
			return true
		}
		early := name.NotBefore.After(now) || name.InGrace(now, f.Tuning.Undo) || f.unattended && !f.schedule().ripe(name, now)
		if early {
			later++
		}
		return early
	})
	return wanted, later, nil
}

// wants says whether the run is for the message.
func (f *flush) wants(name Name) bool {
	if f.passesOver(name) || f.run.IDs != nil && !slices.Contains(f.run.IDs, name.ID) {
		return false
	}
	if f.unattended && name.Slow() != "" && f.Spool.Confined() == "" && !f.due(name, f.Now()) {
		return false // that queue has its own interval, and may be run by itself
	}
	if f.run.Want == nil {
		return true
	}
	entry, ok := f.Spool.Entry(name)
	return ok && f.run.Want(entry)
}

// leftByOthers waits until no other process is at the messages that were
// busy, and returns those that are still as they were: not tried after all.
func (r *Runner) leftByOthers(ctx context.Context, busy []Name) ([]Name, error) {
	if len(busy) == 0 {
		return nil, nil
	}
	before := make(map[ID]Name, len(busy))
	for _, name := range busy {
		before[name.ID] = name
	}
	names, err := r.Spool.Sorted()
	var left []Name
	for _, name := range names {
		old, was := before[name.ID]
		if !was {
			continue
		}
		if now, here := r.Spool.await(ctx, name); here && now.Attempts == old.Attempts && !r.passesOver(now) {
			left = append(left, now)
		}
	}
	return left, err
}

// await waits until no other process is at the message, and says under which
// name it then stands, if it still does.
func (s *Spool) await(ctx context.Context, name Name) (Name, bool) {
	for ctx.Err() == nil {
		free := make(chan error, 1)
		go func() {
			m, err := s.claim(name, true)
			if err == nil {
				m.Release()
			}
			free <- err
		}()
		select {
		case err := <-free:
			if !errors.Is(err, errGone) {
				return name, true
			}
		case <-ctx.Done():
			return name, true
		}
		renamed := false
		err := s.Names(func(n Name) bool {
			if n.ID == name.ID {
				name, renamed = n, true
			}
			return !renamed
		})
		if err != nil || !renamed {
			return name, false
		}
	}
	return name, true
}
