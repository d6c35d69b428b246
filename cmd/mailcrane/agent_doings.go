package main

import (
	"sync"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

// doings are what the agent does by each route just now, and when it tries
// those again that are down, should nothing happen before.
type doings struct {
	now     func() time.Time
	mu      sync.Mutex
	next    map[queue.Route]time.Time
	opening map[queue.Route]time.Time
	open    map[queue.Coster]queue.Route // by session
}

func newDoings(now func() time.Time) *doings {
	return &doings{
		now: now, next: make(map[queue.Route]time.Time),
		opening: make(map[queue.Route]time.Time), open: make(map[queue.Coster]queue.Route),
	}
}

// watch is told of every event of the queue runs.
func (d *doings) watch(e queue.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Kind {
	case queue.Retry:
		d.next[e.Route] = e.Next
		delete(d.opening, e.Route)
	case queue.Opening:
		delete(d.next, e.Route)
		d.opening[e.Route] = d.now()
	case queue.Opened:
		delete(d.opening, e.Route)
		d.open[e.Live] = e.Route
	case queue.Closed:
		delete(d.opening, e.Route)
	case queue.SessionEnded:
		delete(d.open, e.Live)
	default:
	}
}

// fill puts into each standing what is done by its route.
func (d *doings) fill(routes map[queue.Route]netwatch.Standing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for route, s := range routes {
		if next := d.next[route]; next.After(now) && s.Fault != "" {
			s.Next = next
		}
		s.Opening, s.Sessions = d.opening[route], 0
		routes[route] = s
	}
	for _, route := range d.open {
		if s, known := routes[route]; known {
			s.Sessions++
			routes[route] = s
		}
	}
}
