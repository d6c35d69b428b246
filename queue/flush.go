package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// A Summary counts what one queue run did, in recipients, and says why routes
// were down.
type Summary struct {
	Delivered, Deferred, Failed, Uncertain int
	// Others is messages that another process was at, and took care of.
	Others int
	// Waiting is messages that are neither held nor done when the run ends.
	Waiting int
	// Faults are the routes that were down.
	Faults map[Route]*RouteFault
}

// Flush makes one queue run now, over the messages that want selects (all, if
// nil), due or not, but not held ones; several routes at once. It waits for
// messages that another process is sending, and returns when each has been
// tried or its route is down. What others sent, the summary counts apart.
func (r *Runner) Flush(ctx context.Context, want func(Entry) bool) (Summary, error) {
	var mu sync.Mutex
	sum := Summary{Faults: make(map[Route]*RouteFault)}
	counting := *r
	counting.Watch = func(e Event) {
		mu.Lock()
		if e.Kind == Settled {
			sum.count(e.Outcome)
		}
		mu.Unlock()
		r.tell(e)
	}
	r.setAsideStrays()
	names, err := r.wanted(want)
	seen := make(map[ID]bool)
	for len(names) > 0 && err == nil && ctx.Err() == nil {
		for _, name := range names {
			seen[name.ID] = true
		}
		var busy []Name
		var all sync.WaitGroup
		for route, names := range counting.byRoute(ctx, names, make(map[ID]Route)) {
			all.Go(func() {
				c := counting.newCarrier(route, names)
				c.carry(ctx)
				mu.Lock()
				defer mu.Unlock()
				busy = append(busy, c.busy...)
				if c.fault != nil {
					sum.Faults[route] = c.fault
				}
			})
		}
		all.Wait()
		if names, err = r.leftByOthers(ctx, busy); err != nil {
			break
		}
		sum.Others += len(busy) - len(names)
		// What came meanwhile goes too, such as the bounce of what just failed.
		var now []Name
		if now, err = r.wanted(want); err == nil {
			names = append(names, slices.DeleteFunc(now, func(n Name) bool { return seen[n.ID] })...)
		}
	}
	left, err2 := r.wanted(want)
	sum.Waiting = len(left)
	return sum, errors.Join(err, err2, ctx.Err())
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

// wanted is the names of the messages that want selects and that are not held.
func (r *Runner) wanted(want func(Entry) bool) ([]Name, error) {
	names, err := r.Spool.Sorted()
	if err != nil {
		return nil, err
	}
	kept := names[:0]
	for _, name := range names {
		if name.Waits() {
			continue
		}
		if want != nil {
			if entry, ok := r.Spool.Entry(name); !ok || !want(entry) {
				continue
			}
		}
		kept = append(kept, name)
	}
	return kept, nil
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
		if now, here := r.await(ctx, name); here && now.Attempts == old.Attempts && !now.Waits() {
			left = append(left, now)
		}
	}
	return left, err
}

// await waits until no other process is at the message, and says under which
// name it then stands, if it still does.
func (r *Runner) await(ctx context.Context, name Name) (Name, bool) {
	for ctx.Err() == nil {
		free := make(chan error, 1)
		go func() {
			m, err := r.Spool.claim(name, true)
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
		err := r.Spool.Names(func(n Name) bool {
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
