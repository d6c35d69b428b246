package main

import (
	"context"
	"time"

	"mailcrane/internal/config"
)

// forRuns are the arrivals that a server hears of: all, as they come; but in the
// delivery modes that leave mail to a queue run, one an interval where something
// has come, and none where there is no interval. What has failed before is tried
// again when that is due, whatever the mode.
func forRuns(ctx context.Context, c *config.Config, arrivals <-chan struct{}) <-chan struct{} {
	if mode := c.ServerMode(); mode != config.QueueOnly && mode != config.DeferredRun {
		return arrivals
	}
	out := make(chan struct{}, 1)
	go func() {
		var due <-chan time.Time
		for {
			select {
			case <-ctx.Done():
				return
			case _, ok := <-arrivals:
				switch {
				case !ok:
					close(out)
					return
				case due == nil && c.Queue.Interval > 0:
					due = time.After(c.Queue.Interval)
				}
			case <-due:
				due = nil
				ring(out)
			}
		}
	}()
	return out
}
