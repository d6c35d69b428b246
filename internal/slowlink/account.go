package slowlink

import "time"

// Unsent is how many of the octets written have not left, and have certainly
// not arrived: TCP's notsent. It holds after the connection has broken.
func (c *Conn) Unsent() int64 {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	return int64(len(c.out.unsent))
}

// Halt keeps what is unsent from ever leaving.
func (c *Conn) Halt() {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	c.out.halted = true
}

// Acked is how many octets of ours have arrived and were acknowledged.
func (c *Conn) Acked() int64 {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	return c.out.acked
}

// RoundTrip is the last that was measured, of a segment from when it began to
// leave; that of the link before the first.
func (c *Conn) RoundTrip() time.Duration {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	return c.out.trip
}

// Silent is how long nothing has come from the other end, not even an
// acknowledgement.
func (c *Conn) Silent() time.Duration {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	return time.Since(c.out.heard)
}

// Idle is how long no octet has left.
func (c *Conn) Idle() time.Duration {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	return time.Since(c.out.left)
}

// Probe has the other end acknowledge what it has, a round trip later.
func (c *Conn) Probe() {
	c.flow.link.mu.Lock()
	defer c.flow.link.mu.Unlock()
	c.flow.link.later(2*c.flow.link.shape.Delay, func() {
		if !c.flow.dead {
			c.out.heard = time.Now()
		}
	})
}
