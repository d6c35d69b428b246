package smarthost

import (
	"context"
	"net"
	"sync"
	"time"

	"mailcrane/queue"
	"mailcrane/smarthost/relay"
)

// connects counts the time that the connects of one opening of a session take,
// for Timeout.aconnect. Some run side by side, which counts once.
type connects struct {
	limit time.Duration // 0 is none
	now   func() time.Time
	dial  func(ctx context.Context, network, address string) (net.Conn, error)

	mu     sync.Mutex
	spent  time.Duration
	active int
	since  time.Time // when the first of the active ones began
}

// connects sets the time for the first connect of target, and has it and those
// that follow counted.
func (t *Transport) connects(ctx context.Context, target *relay.Target) *connects {
	timeouts := t.config.Timeout
	c := &connects{limit: timeouts.AConnect, now: target.Now, dial: target.Dial}
	if c.now == nil {
		c.now = time.Now
	}
	if timeouts.IConnect > 0 && queue.IsFirstTry(ctx) {
		target.Timeouts.Connect = timeouts.IConnect
	}
	target.Dial = c.count
	c.allow(target)
	return c
}

func (c *connects) count(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	if c.active++; c.active == 1 {
		c.since = c.now()
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.active--; c.active == 0 {
			c.spent += c.now().Sub(c.since)
		}
	}()
	return c.dial(ctx, network, address)
}

// allow gives the next connect what is left of the time; it says false where
// nothing is.
func (c *connects) allow(target *relay.Target) bool {
	if c.limit == 0 {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.limit - c.spent
	if target.Timeouts.Connect <= 0 || left < target.Timeouts.Connect {
		target.Timeouts.Connect = left
	}
	return left > 0
}
