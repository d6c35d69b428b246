package main

import (
	"context"

	"mailcrane/queue"
)

// A heardReach is a Reach whose changes others hear of too.
type heardReach struct {
	queue.Reach
	changes chan struct{}
}

// Changes delivers what the Reach has delivered.
func (h heardReach) Changes() <-chan struct{} { return h.changes }

// heard has the hub look at each change of the reach, and when it is told to.
// The queue run must use the Reach returned: a change is delivered once.
func heard(ctx context.Context, reach queue.Reach, events *hub) queue.Reach {
	h := heardReach{reach, make(chan struct{}, 1)}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-reach.Changes():
				ring(h.changes)
			case <-events.looks:
			}
			events.look()
		}
	}()
	return h
}

// alsoAt has the hub look when mail has come, as well as who gets the channel
// returned: mail that finds no way out is no event of the queue run.
func (h *hub) alsoAt(ctx context.Context, arrived <-chan struct{}) <-chan struct{} {
	passed := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-arrived:
				if !ok {
					close(passed)
					return
				}
				ring(passed)
				ring(h.looks)
			}
		}
	}()
	return passed
}
