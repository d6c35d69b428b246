package main

import (
	"sync"
	"time"

	"mailcrane/netwatch"
	"mailcrane/queue"
)

// retries are when the agent tries the routes again that are down, should nothing
// happen before.
type retries struct {
	mu   sync.Mutex
	next map[queue.Route]time.Time
}

func newRetries() *retries { return &retries{next: make(map[queue.Route]time.Time)} }

// watch is told of every event of the queue runs.
func (r *retries) watch(e queue.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e.Kind {
	case queue.Retry:
		r.next[e.Route] = e.Next
	case queue.Opening:
		delete(r.next, e.Route)
	default:
	}
}

// fill puts into each standing when its route is tried again.
func (r *retries) fill(routes map[queue.Route]netwatch.Standing, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for route, next := range r.next {
		if s, known := routes[route]; known && next.After(now) && s.Fault != "" {
			s.Next = next
			routes[route] = s
		}
	}
}
