package events

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

// Reach has the hub look at each change of the reach, and when Look says so.
// The queue run must use the Reach returned: a change is delivered once.
func (h *Hub) Reach(ctx context.Context, reach queue.Reach) queue.Reach {
	heard := heardReach{reach, make(chan struct{}, 1)}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-reach.Changes():
				ring(heard.changes)
			case <-h.looks:
			}
			h.look()
		}
	}()
	return heard
}

// Arrivals has the hub look when mail has come, as well as who gets the channel
// returned: mail that finds no way out is no event of the queue run.
func (h *Hub) Arrivals(ctx context.Context, arrived <-chan struct{}) <-chan struct{} {
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

// ring leaves a value in a channel that holds one.
func ring(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
